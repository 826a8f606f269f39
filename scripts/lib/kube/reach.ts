import { Node } from '../cluster/node.js';
import type { Context } from '../core/context.js';
import { messageOf } from '../core/errors.js';
import type { Kube } from './client.js';

/** A node that is a container of this machine's Docker, as kind makes them. */
export interface KindNode {
  /** kind's name of the cluster. */
  readonly cluster: string;
  /** Name of the node, and of its container. */
  readonly name: string;
}

/** Whether a node can be worked on beyond what the API offers. */
export interface NodeReach {
  readonly name: string;
  /** The node as a container here; undefined: see `why`. */
  readonly kind: KindNode | undefined;
  /** Why it cannot be reached, as an end of the sentence "node X cannot be looked into: …". */
  readonly why: string;
}

/** Reads a provider ID such as `kind://docker/CLUSTER/NODE`. @returns undefined when it is of another provider */
export function readProviderId(providerId: string): KindNode | undefined {
  const [, cluster, name] = /^kind:\/\/docker\/([^/]+)\/([^/]+)$/.exec(providerId) ?? [];
  return cluster === undefined || name === undefined ? undefined : { cluster, name };
}

/**
 * Finds out whether a node is a container of this machine's Docker. The name alone would not do: a kind cluster of the same name
 * may run on another machine. So the machine ID that the node tells the API must be the one in the container.
 */
export async function reachNode(ctx: Pick<Context, 'runner' | 'signal'>, kube: Kube, name: string): Promise<NodeReach> {
  const unreachable = (why: string): NodeReach => ({ name, kind: undefined, why });
  let node: Awaited<ReturnType<Kube['core']['readNode']>>;
  try {
    node = await kube.core.readNode({ name });
  } catch (error) {
    return unreachable(`its node object cannot be read (${messageOf(error).split('\n', 1)[0]})`);
  }
  const kind = readProviderId(node.spec?.providerID ?? '');
  if (kind === undefined || kind.name !== name) return unreachable('it is no kind node');
  const machineId = node.status?.nodeInfo?.machineID ?? '';
  try {
    const { stdout, exitCode } = await new Node(ctx.runner, name).run(['cat', '/etc/machine-id'], { accept: true });
    if (exitCode !== 0) return unreachable('it is a kind node, and Docker on this machine has no such container that runs');
    if (machineId === '' || stdout.trim() !== machineId) return unreachable('it is a kind node of another machine’s Docker');
    return { name, kind, why: '' };
  } catch (error) {
    ctx.signal.throwIfAborted();
    return unreachable(`it is a kind node, and Docker does not answer here (${messageOf(error)})`);
  }
}
