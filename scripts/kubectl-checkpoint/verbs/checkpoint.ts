import { DEFAULT_TIMEOUT_SECONDS } from '../../checkpoint/timeout.js';
import { parseDuration } from '../../lib/core/duration.js';
import { clusterFlags, oneOf, podNamed, readFetch, ways } from '../flags.js';
import { verb } from './verb.js';

/** `kubectl checkpoint POD`: the verb that has no word of its own. */
export const checkpoint = verb({
  title: 'a checkpoint',
  own: {},
  shared: [...clusterFlags, 'namespace', 'container', 'output', 'timeout', 'via'],
  read([first = '', ...rest], flags) {
    return {
      verb: 'checkpoint',
      pod: podNamed(first, rest),
      via: oneOf('--via', ways, flags.via),
      fetch: readFetch(flags.fetch),
      timeoutSeconds: flags.timeout === undefined ? DEFAULT_TIMEOUT_SECONDS : parseDuration('--timeout', flags.timeout),
    };
  },
});
