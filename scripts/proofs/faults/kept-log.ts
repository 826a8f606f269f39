import { Node } from '../../lib/cluster/node.js';
import type { RunningContainer } from '../../lib/cluster/pod.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame, ToolkitError } from '../../lib/core/errors.js';
import { until } from '../../lib/core/until.js';
import { BALLAST } from '../../workloads/ballast.js';

/** Where our containerd keeps CRIU's log of a checkpoint that did not become an archive. */
const FOLDER = '/var/lib/containerd/io.containerd.grpc.v1.cri/checkpoint-logs';
/** How the error of such a checkpoint ends. */
const ERROR = /CRIU's log is kept in (\S+), and ends:\n([\s\S]+)$/;
/** What CRIU writes last when it has come to its end. */
const FINISHED = 'Dumping finished successfully';

type Owner = Pick<RunningContainer, 'pod'>;

const logsOf = ({ pod }: Owner): string => `${FOLDER}/checkpoint-${pod}_default-${BALLAST}-*.log`;

/**
 * Proves that the error of a checkpoint holds the end of CRIU's log, and that the whole is on the node where it says, for root alone.
 * @param body what the kubelet answered
 * @returns the last line of the log
 */
export async function expectKeptLog(node: Node, body: string): Promise<string> {
  const [, path = '', end = ''] = ERROR.exec(body) ?? [];
  if (path === '') throw new ToolkitError('the error does not say where CRIU’s log is', { details: [body] });
  expectSame((await node.run(['stat', '--format', '%a %U', path])).stdout, '600 root', `mode and owner of ${path}`);
  const last = (await node.run(['tail', '--lines=1', path])).stdout.trim();
  // The error holds so much of each line.
  if (last === '' || !end.includes(last.slice(0, 200)))
    throw new ToolkitError('the error does not hold the end of CRIU’s log', { details: [body, `log: ${last}`] });
  return last;
}

/** Waits for the log of a dump that nobody waits for any more, and proves that the dump came to its end. @returns its last line */
export async function expectFinishedDump(ctx: Context, { node, pod }: RunningContainer): Promise<string> {
  const { stdout } = await until(
    ctx,
    `the dump of pod ${pod} has ended`,
    () => new Node(ctx.runner, node).run(['sh', '-c', `tail --lines=1 ${logsOf({ pod })}`], { accept: true }),
    ({ exitCode }) => exitCode === 0,
  );
  if (!stdout.includes(FINISHED)) throw new ToolkitError('the dump did not come to its end', { details: [stdout] });
  return FINISHED;
}

/** Removes the logs that are kept of ballasts. */
export async function removeKeptLogs(node: Node, owners: readonly Owner[]): Promise<void> {
  await node.run(['sh', '-c', `rm -f ${owners.map(logsOf).join(' ')}`]);
}
