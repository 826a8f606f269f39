import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import { until } from '../core/until.js';
import { Node, nodeContainers } from './node.js';

/** Where the kubelet writes archives. */
export const archiveFolder = '/var/lib/kubelet/checkpoints';

const PORT = 10250;
const CERTIFICATE = '/etc/kubernetes/pki/apiserver-kubelet-client';
/** Arguments of curl(1) that ask as the API server does, on a control-plane node. */
export const asApiServer = ['-k', '--cert', `${CERTIFICATE}.crt`, '--key', `${CERTIFICATE}.key`] as const;

/** An answer over HTTP. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** The address of the kubelet's own API on its node. */
export function kubeletUrl(path: string): string {
  return `https://localhost:${PORT}${path}`;
}

/**
 * Asks a kubelet on its node, with the API server's client certificate, as people do by hand:
 * `curl -X POST -k --cert … --key … https://localhost:10250/…`. The certificate lies on control-plane nodes; a worker is asked
 * from there.
 */
export async function askKubelet(
  ctx: Pick<Context, 'runner'>,
  { node, via = node }: { node: string; via?: string },
  method: 'GET' | 'POST',
  path: string,
): Promise<HttpAnswer> {
  const url = via === node ? kubeletUrl(path) : `https://${node}:${PORT}${path}`;
  const { stdout } = await new Node(ctx.runner, via).run(
    ['curl', '--silent', '--show-error', '-X', method, ...asApiServer, '--write-out', '\\n%{http_code}', url],
    { failure: `the kubelet of ${node} does not answer` },
  );
  const end = stdout.lastIndexOf('\n');
  const status = Number(stdout.slice(end + 1));
  if (!Number.isInteger(status) || status === 0)
    throw new ToolkitError(`the kubelet of ${node} answered without a status`, { details: [stdout] });
  return { status, body: stdout.slice(0, end) };
}

/** Returns when the kubelet of a node says that it is healthy: after it was restarted. */
export async function untilKubeletAnswers(ctx: Context, node: string): Promise<void> {
  await until(
    ctx,
    `the kubelet of ${node} is healthy`,
    () => new Node(ctx.runner, node).run(['curl', '--silent', 'http://localhost:10248/healthz'], { accept: true }),
    ({ stdout }) => stdout === 'ok',
  );
}

/**
 * The node from which a kubelet is asked: the API server's client certificate lies on control-plane nodes only, so workers are
 * asked from one of those.
 */
export async function certificateHolder(ctx: Pick<Context, 'runner'>, cluster: string, node: string): Promise<string> {
  const nodes = await nodeContainers(ctx, cluster);
  const own = nodes.find(({ name }) => name === node);
  if (own?.role === 'control-plane') return node;
  const holder = nodes.find(({ role, state }) => role === 'control-plane' && state === 'running');
  if (holder === undefined)
    throw new ToolkitError(`cluster ${cluster} has no control-plane node that runs`, { hint: 'npm run cluster:up' });
  return holder.name;
}

/**
 * Value of one of the kubelet's metrics; 0 where it has none yet.
 * @param labels e.g. `operation_type="checkpoint_container"`
 */
export function metricValue(metrics: string, name: string, labels: string): number {
  const line = metrics.split('\n').find((candidate) => candidate.startsWith(`${name}{`) && candidate.includes(labels));
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1));
}
