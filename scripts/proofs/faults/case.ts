import { isWhole } from '../../checkpoint/cleanup.js';
import { kubeletRoute } from '../../checkpoint/routes.js';
import { archiveFolder, askKubelet, type HttpAnswer, untilKubeletAnswers } from '../../lib/cluster/kubelet.js';
import { Node } from '../../lib/cluster/node.js';
import { expectSameState, nodeState } from '../../lib/cluster/node-state.js';
import type { RunningContainer } from '../../lib/cluster/pod.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame, ToolkitError } from '../../lib/core/errors.js';
import { clockOf, runsOn } from '../../workloads/ballast.js';
import type { Proof } from '../proof.js';

/** Folders of the containers' own files, where a dump is written. */
export const containersFolder = '/var/lib/containerd/io.containerd.grpc.v1.cri/containers';
/** How long CRIU has been writing memory when it is struck, seconds: 1 GiB takes more than half a second. */
const INTO_THE_DUMP_SECONDS = 0.1;

/** What was seen when something was done to a checkpoint. */
export interface Seen {
  readonly seen: string;
  /** The archives that were made. */
  readonly archives?: readonly string[];
}

/**
 * Proves one case: whatever was done, the processes run and were not restarted, archives are whole, and the node holds what it held
 * before. Nothing here helps the runtime: no resuming, no removal of leftovers.
 * @param containers those that must go on, all on one node
 */
export async function proveCase(
  ctx: Context,
  proof: Proof,
  what: string,
  containers: readonly RunningContainer[],
  act: () => Promise<Seen>,
): Promise<void> {
  const node = containers[0]?.node ?? '';
  await proof.show(what, async () => {
    const before = await nodeState(ctx, node, containers);
    const clocks = await Promise.all(containers.map((container) => clockOf(ctx, container)));
    const { seen, archives = [] } = await act();
    const gaps = await Promise.all(containers.map((container, index) => runsOn(ctx, container, clocks[index] ?? 0)));
    await expectArchives(new Node(ctx.runner, node), archives);
    await expectSameState(ctx, node, before);
    await untilKubeletAnswers(ctx, node);
    return { seen: `${seen}; stood still for ${gaps.map((gap) => gap.toFixed(2)).join(', ')} s`, value: undefined };
  });
}

/** Each an archive of its own, whole, for root alone. Takes them away. */
async function expectArchives(node: Node, archives: readonly string[]): Promise<void> {
  expectSame(new Set(archives).size, archives.length, 'distinct archives');
  for (const archive of archives) {
    const { stdout } = await node.run(['stat', '--format', '%a %U', archive]);
    expectSame(stdout, '600 root', `mode and owner of ${archive}`);
    if (!(await isWhole(node, archive))) throw new ToolkitError(`${archive} is not whole`);
    await node.remove(archive);
  }
}

/** Asks the kubelet for a checkpoint, without the care of `checkpoint()`: the runtime has to do without. */
export function askBare(ctx: Context, container: RunningContainer): Promise<HttpAnswer> {
  return askKubelet(ctx, { node: container.node }, 'POST', `${kubeletRoute(container)}?timeout=600`);
}

/** Waits until CRIU writes a container's memory, and a little more, and then does something on the node. @param command for bash */
export async function strikeDump(ctx: Context, { node, id }: RunningContainer, command: string): Promise<void> {
  const pages = `compgen -G '${containersFolder}/${id}/*/checkpoint/pages-*.img' >/dev/null`;
  await strike(new Node(ctx.runner, node), pages, `sleep ${INTO_THE_DUMP_SECONDS}; pgrep -x criu >/dev/null || exit 1; ${command}`);
}

/** Waits in a node until an archive is being written, and then does something there. */
export async function strikeWriting(ctx: Context, node: string, command: string): Promise<void> {
  await strike(new Node(ctx.runner, node), `compgen -G '${archiveFolder}/.*.partial' >/dev/null`, command);
}

/**
 * Waits in a node until there is a sign, and then does something there at once.
 * @param sign a command for bash that succeeds when it is there
 * @param command for bash
 */
export async function strike(node: Node, sign: string, command: string): Promise<void> {
  const script = `for i in $(seq 3000); do ${sign} && break; sleep 0.01; done; ${sign} || exit 1; ${command}`;
  await node.run(['bash', '-c', script], { failure: 'the checkpoint could not be struck in its middle' });
}
