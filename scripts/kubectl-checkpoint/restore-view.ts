import type { RestoreProof } from '../checkpoint/restore-proof.js';
import { formatBytes } from '../lib/core/bytes.js';
import type { Json } from '../lib/core/json.js';
import type { Restored, RestoredContainer } from './restore-pod.js';

/** What was restored, for people. */
export function restoredText(restored: Restored): string {
  const { namespace, pod, node, containers, fromImage, labelsLeftOut, initContainersLeftOut, notes, startSeconds, seconds } = restored;
  const labels = Object.entries(labelsLeftOut).map(([name, value]) => `${name}=${value}`);
  return [
    `restored pod ${namespace}/${pod} on node ${node} in ${seconds.toFixed(2)} s (${startSeconds.toFixed(2)} s from its creation until it ran)`,
    ...containers.flatMap(containerLines),
    ...fromImage.map((name) => `container ${name}: started from its image, for no archive of it was given`),
    ...initContainersLeftOut.map((name) => `init container ${name} was left out: what it put into volumes came with the archive`),
    ...(labels.length === 0 ? [] : [`labels left out, so that no controller takes the pod for one of its own: ${labels.join(', ')}`]),
    ...notes,
  ].join('\n');
}

function containerLines({ from, image, brought, proof }: RestoredContainer): string[] {
  const copied = brought === undefined ? '' : `, of which ${formatBytes(brought.bytes)} were brought to the node and removed again`;
  const way = image === undefined ? copied : `, as image ${image}`;
  return [`container ${proof.container}: from ${from}${way}`, `  ${proofText(proof)}`];
}

function proofText({ by, seen }: RestoreProof): string {
  switch (by) {
    case 'runtime':
      return `proven by the runtime’s log: ${seen}`;
    case 'log':
      return `proven by its own log: ${seen}`;
    case undefined:
      return `NOT PROVEN that it was restored, and not just started: ${seen}`;
  }
}

/** The same, for programs. */
export function restoredJson(restored: Restored): Json {
  const { containers, labelsLeftOut, initContainersLeftOut, fromImage, notes, ...rest } = restored;
  return {
    ...rest,
    containers: containers.map(({ container, name, image, from, brought, proof }) => ({
      container,
      archive: image === undefined ? name : null,
      image: image ?? null,
      from,
      brought: brought === undefined ? null : { ...brought },
      proof: { by: proof.by ?? null, seen: proof.seen },
    })),
    notes: [...notes],
    fromImage: [...fromImage],
    labelsLeftOut: { ...labelsLeftOut },
    initContainersLeftOut: [...initContainersLeftOut],
  };
}
