import { ToolkitError } from '../../lib/core/errors.js';
import type { ClaimState } from './claim.js';

/** What is known of a migration that has begun, before anything is done about it. */
export interface World {
  /** The pod that moves, as errors call it. */
  readonly pod: string;
  readonly targetNode: string;
  /** `there`: its pod is, under its UID, and has not ended. */
  readonly source: 'there' | 'gone';
  /** The pod that takes it over. `starting`: what it shows does not tell whether a process of it runs. */
  readonly target: 'starting' | 'running' | 'ended' | 'gone';
  /**
   * Whether the target's node may run processes. `stopped` is a proof that it does not; `silent`: its kubelet does not answer, which
   * proves nothing.
   */
  readonly node: 'up' | 'silent' | 'stopped';
  /** Who has each of the containers; undefined: that cannot be read now. */
  readonly claims: readonly ClaimState[] | undefined;
  /** True while it is still worth waiting for the runtime to get on with it. */
  readonly patient: boolean;
}

/** What is to be done so that in the end exactly one of the two pods runs. */
export type Next =
  /** The target has it all: it gets the labels, and the source goes. */
  | { readonly do: 'finish' }
  /** The runtime is at it. */
  | { readonly do: 'wait' }
  /** The source runs on. `proof`: only after it is certain that no process of the target runs or will. */
  | { readonly do: 'take-back'; readonly proof: boolean }
  /** There is no source any more that could run on: what is left of the attempt goes. */
  | { readonly do: 'clear' }
  | { readonly do: 'refuse'; readonly reason: ToolkitError };

/**
 * Decides how a migration goes on, whoever began it and wherever it was left. The process is never resumed in the source unless the
 * target cannot run it, and the source is never removed before the target runs.
 */
export function decide(world: World): Next {
  return world.source === 'gone' ? withoutSource(world) : withSource(world);
}

function withSource({ pod, targetNode, target, node, claims, patient }: World): Next {
  if (claims === undefined) {
    // Taken or not: where nothing runs, nothing runs it.
    return node === 'stopped' ? { do: 'take-back', proof: true } : { do: 'refuse', reason: unknownHolder(pod, targetNode) };
  }
  const taken = claims.some((state) => state === 'taken' || state === 'restored');
  if (node === 'stopped') return { do: 'take-back', proof: taken };
  if (claims.every((state) => state === 'restored')) {
    if (target === 'gone') return { do: 'take-back', proof: true };
    // It was there once: whether it still is, a node that does not answer cannot tell.
    return node === 'silent' ? { do: 'refuse', reason: unknownFate(pod, targetNode) } : { do: 'finish' };
  }
  const lost = claims.some((state) => state === 'failed' || state === 'cancelled') || target === 'ended' || target === 'gone';
  if (!lost && patient && node === 'up') return { do: 'wait' };
  return { do: 'take-back', proof: taken };
}

function withoutSource({ pod, targetNode, target, node, claims, patient }: World): Next {
  if (target === 'gone') return { do: 'clear' };
  // What the target has is all that there is.
  if (target === 'running' || claims?.every((state) => state === 'restored')) return { do: 'finish' };
  if (claims === undefined) return { do: 'refuse', reason: unknownHolder(pod, targetNode) };
  if (target === 'ended' || claims.some((state) => state === 'failed' || state === 'cancelled')) return { do: 'clear' };
  if (patient && node === 'up') return { do: 'wait' };
  return claims.includes('none') ? { do: 'clear' } : { do: 'refuse', reason: stillRestoring(pod, targetNode) };
}

const WHEN_CERTAIN = (node: string): string =>
  `Nothing was changed. Start node ${node} again, or make certain that it is off for good and delete its node object (kubectl delete node ${node}); then run the same command again.`;

function unknownHolder(pod: string, node: string): ToolkitError {
  return new ToolkitError(`nobody can say whether node ${node} runs pod ${pod} already`, {
    details: [`node ${node} does not answer, and what was agreed on with it lies there`],
    hint: WHEN_CERTAIN(node),
  });
}

function unknownFate(pod: string, node: string): ToolkitError {
  return new ToolkitError(`pod ${pod} was restored on node ${node}, which does not answer any more`, {
    details: ['It may be running there: to let it run here as well could make two of it.'],
    hint: WHEN_CERTAIN(node),
  });
}

function stillRestoring(pod: string, node: string): ToolkitError {
  return new ToolkitError(`pod ${pod} is gone, and node ${node} has not restored it yet`, {
    details: ['What was dumped of it is all that there is.'],
    hint: 'Nothing was changed. Run the same command again after a while, or look at the new pod’s events.',
  });
}
