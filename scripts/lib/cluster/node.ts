import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import type { RunOptions, RunResult } from '../core/runner.js';

/** Runs a command in a node of the cluster, which is a container. */
export function onNode(
  ctx: Pick<Context, 'runner'>,
  node: string,
  command: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return ctx.runner.run(
    'docker',
    ['exec', ...(options.input === undefined && options.inputFile === undefined ? [] : ['--interactive']), node, ...command],
    options,
  );
}

/** A node container of a cluster. */
export interface NodeContainer {
  readonly name: string;
  readonly id: string;
  /** Docker's word: running, exited, paused, … */
  readonly state: string;
  /** control-plane or worker. */
  readonly role: string;
}

/** The node containers of a cluster, by kind's labels; also those that do not run. Sorted by name. */
export async function nodeContainers(ctx: Pick<Context, 'runner'>, clusterName: string): Promise<NodeContainer[]> {
  const { stdout } = await ctx.runner.run('docker', [
    'ps',
    '--all',
    '--no-trunc',
    '--filter',
    `label=io.x-k8s.kind.cluster=${clusterName}`,
    '--format',
    '{{.Names}} {{.ID}} {{.State}} {{.Label "io.x-k8s.kind.role"}}',
  ]);
  const rows = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '));
  return rows
    .map(([name = '', id = '', state = '', role = '']) => ({ name, id, state, role }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** The nodes of a cluster that run Kubernetes: not the load balancer that kind puts before several control planes. */
export async function kubernetesNodes(ctx: Pick<Context, 'runner'>, clusterName: string): Promise<NodeContainer[]> {
  return (await nodeContainers(ctx, clusterName)).filter(({ role }) => role !== 'external-load-balancer');
}

/** The first control-plane node. @throws ToolkitError when there is none */
export async function controlPlane(ctx: Pick<Context, 'runner' | 'options'>): Promise<string> {
  const { clusterName } = ctx.options;
  const node = (await kubernetesNodes(ctx, clusterName)).find(({ role }) => role === 'control-plane');
  if (node === undefined) throw new ToolkitError(`cluster ${clusterName} has no control-plane node`, { hint: 'npm run cluster:up' });
  return node.name;
}

/** References of the images in a node's containerd that match a filter of ctr(8), e.g. `name~=^containerd.io/checkpoint/`. */
export async function nodeImages(ctx: Pick<Context, 'runner'>, node: string, filter?: string): Promise<string[]> {
  const { stdout } = await onNode(ctx, node, [
    'ctr',
    '--namespace=k8s.io',
    'images',
    'ls',
    '--quiet',
    ...(filter === undefined ? [] : [filter]),
  ]);
  return stdout.split('\n').filter(Boolean).sort();
}
