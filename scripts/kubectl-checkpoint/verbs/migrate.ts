import { DEFAULT_TIMEOUT_SECONDS } from '../../checkpoint/timeout.js';
import { parseDuration } from '../../lib/core/duration.js';
import { UsageError } from '../../lib/core/errors.js';
import { clusterFlags, oneOf, podNamed, readFetch, ways } from '../flags.js';
import { verb } from './verb.js';

/** `kubectl checkpoint migrate POD… --to NODE` */
export const migrate = verb({
  title: 'migrate',
  own: {
    to: { type: 'string', value: 'NODE', help: 'with migrate: the node to go to' },
    recover: {
      type: 'boolean',
      help: 'with migrate: finish or take back what was begun, even if its command seems to be at it; without --to: no more than that',
    },
    force: {
      type: 'boolean',
      help: 'with migrate: to a node that turns other pods away (cordoned, tainted), or that the pod’s own rules exclude',
    },
    plot: { type: 'string', value: 'FILE', help: 'with migrate: draw the timeline, as SVG' },
  },
  shared: [...clusterFlags, 'namespace', 'name', 'timeout', 'via'],
  read(words, flags) {
    const pods = words[0] !== undefined && /^(pods?|po)$/.test(words[0]) ? words.slice(1) : words;
    if (pods.length === 0) throw new UsageError('migrate: name a pod', { hint: 'kubectl checkpoint migrate POD… --to NODE' });
    if (flags.to === undefined && !flags.recover)
      throw new UsageError('migrate: name the node to go to', {
        hint: 'kubectl checkpoint migrate POD… --to NODE   (kubectl get nodes   lists them)',
      });
    if (flags.name !== undefined && pods.length > 1) throw new UsageError('--name: several pods cannot have one name');
    const names = [...new Set(pods.map((word) => podNamed(word, [])))];
    const via = oneOf('--via', ways, flags.via);
    return {
      verb: 'migrate',
      pods: names,
      to: flags.to,
      name: flags.name,
      via,
      fetch: readFetch(flags.fetch),
      force: flags.force,
      takeOver: flags.recover,
      plot: flags.plot,
      timeoutSeconds: flags.timeout === undefined ? DEFAULT_TIMEOUT_SECONDS : parseDuration('--timeout', flags.timeout),
    };
  },
});
