import { readImageName } from '../../checkpoint/image/name.js';
import type { ArchivePlace } from '../../checkpoint/restore-source.js';
import { START_PATIENCE_MS } from '../../checkpoint/restored-pod.js';
import type { Flags } from '../../lib/cli/task.js';
import { parseDuration } from '../../lib/core/duration.js';
import { UsageError } from '../../lib/core/errors.js';
import { clusterFlags, readFetch } from '../flags.js';
import { verb } from './verb.js';

const own = {
  from: { type: 'string', value: 'NODE:NAME', multiple: true, help: 'with restore: an archive in the checkpoint folder of a node' },
  pod: { type: 'string', value: 'FILE', help: 'with restore: the pod’s manifest, for archives that do not hold their pod' },
  repository: {
    type: 'string',
    value: 'REGISTRY/NAME',
    help: 'with restore: where images are pushed to, for a node that restores from images and is not on this machine',
  },
} as const satisfies Flags;

/** An archive on a node. Names of nodes have no colon; those of archives do. */
const PLACE = /^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?):(?:\/var\/lib\/kubelet\/checkpoints\/)?([A-Za-z0-9_][A-Za-z0-9._:+-]*\.tar)$/;
const POD_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** `kubectl checkpoint restore ARCHIVE… | --from NODE:NAME …` */
export const restore = verb({
  title: 'restore',
  own,
  shared: [...clusterFlags, 'namespace', 'name', 'node', 'timeout'],
  read(words, flags) {
    const places: ArchivePlace[] = [...words.map((file) => ({ file })), ...(flags.from ?? []).map(placeOf)];
    if (places.length === 0)
      throw new UsageError('restore: name an archive', {
        hint: 'kubectl checkpoint restore ARCHIVE | --from NODE:NAME   (kubectl checkpoint ls   lists those on nodes)',
      });
    if (flags.name !== undefined && !POD_NAME.test(flags.name))
      throw new UsageError(`--name: ${flags.name} is no name for a pod`, { hint: 'Up to 63 lower-case letters, digits and dashes.' });
    return {
      verb: 'restore',
      places,
      name: flags.name,
      podFile: flags.pod,
      repository: flags.repository === undefined ? undefined : repositoryOf(flags.repository),
      fetch: readFetch(flags.fetch),
      timeoutMs: flags.timeout === undefined ? START_PATIENCE_MS : parseDuration('--timeout', flags.timeout) * 1000,
    };
  },
});

function repositoryOf(given: string): string {
  if (given.lastIndexOf(':') > given.lastIndexOf('/')) throw new UsageError(`--repository: ${given} has a tag; each image gets its own`);
  const { registry, repository } = readImageName(given, '--repository');
  return `${registry}/${repository}`;
}

function placeOf(given: string): ArchivePlace {
  const [, node, name] = PLACE.exec(given) ?? [];
  if (node === undefined || name === undefined)
    throw new UsageError(`--from: ${given} names no archive on a node`, {
      hint: 'NODE:NAME, with the name as kubectl checkpoint ls shows it. A file that lies here needs no --from.',
    });
  return { node, name };
}
