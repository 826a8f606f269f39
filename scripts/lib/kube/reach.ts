import { Node, type NodeScript, shell } from '../cluster/node.js';
import type { Context } from '../core/context.js';
import { messageOf } from '../core/errors.js';
import type { Kube } from './client.js';
import type { NodeObject } from './core.js';

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

/** A node that nobody wants to reach beyond the API. */
export const notAsked = (name: string): NodeReach => ({ name, kind: undefined, why: 'it was not tried' });

/** Reads a provider ID such as `kind://docker/CLUSTER/NODE`. @returns undefined when it is of another provider */
export function readProviderId(providerId: string): KindNode | undefined {
  const [, cluster, name] = /^kind:\/\/docker\/([^/]+)\/([^/]+)$/.exec(providerId) ?? [];
  return cluster === undefined || name === undefined ? undefined : { cluster, name };
}

/** A node that was looked for, and what a script printed that ran there at once. */
export interface Visit {
  readonly reach: NodeReach;
  /** Undefined where the node is out of reach, or the script failed: it may be run by itself, and then tells why. */
  readonly printed: string | undefined;
}

/**
 * Finds out whether a node is a container of this machine's Docker. The name alone would not do: a kind cluster of the same name
 * may run on another machine. So the machine ID that the node tells the API must be the one in the container.
 */
export async function reachNode(ctx: Pick<Context, 'runner' | 'signal'>, kube: Kube, name: string): Promise<NodeReach> {
  return (await visitNode(ctx, kube, name)).reach;
}

/** Tells the machine ID first. On another machine nothing is run. */
const GUARD = 'id=$(cat /etc/machine-id) || exit; echo "$id"; [ "$id" = "$1" ] || exit 0; shift\n';

/**
 * The same, and where it is, runs a script there in the same breath: a command in a container takes a while to begin.
 * @param node its name; or the node itself, where it has been read
 */
export async function visitNode(
  ctx: Pick<Context, 'runner' | 'signal'>,
  kube: Kube,
  node: string | NodeObject,
  script?: NodeScript,
): Promise<Visit> {
  const name = typeof node === 'string' ? node : (node.metadata?.name ?? '');
  const unreachable = (why: string): Visit => ({ reach: { name, kind: undefined, why }, printed: undefined });
  let object: NodeObject;
  try {
    object = typeof node === 'string' ? await kube.core.readNode({ name }) : node;
  } catch (error) {
    return unreachable(`its node object cannot be read (${messageOf(error).split('\n', 1)[0]})`);
  }
  const kind = readProviderId(object.spec?.providerID ?? '');
  if (kind === undefined || kind.name !== name) return unreachable('it is no kind node');
  const machineId = object.status?.nodeInfo?.machineID ?? '';
  const command = script && machineId !== '' ? { text: GUARD + script.text, args: [machineId, ...script.args] } : undefined;
  try {
    const { stdout, exitCode } = await new Node(ctx.runner, name).run(command ? shell(command) : ['cat', '/etc/machine-id'], {
      accept: true,
    });
    const [told = '', ...rest] = stdout.split('\n');
    if (exitCode !== 0 && told !== machineId)
      return unreachable('it is a kind node, and Docker on this machine has no such container that runs');
    if (machineId === '' || told !== machineId) return unreachable('it is a kind node of another machine’s Docker');
    return { reach: { name, kind, why: '' }, printed: exitCode === 0 ? rest.join('\n') : undefined };
  } catch (error) {
    ctx.signal.throwIfAborted();
    return unreachable(`it is a kind node, and Docker does not answer here (${messageOf(error)})`);
  }
}
