import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import type { Runner, RunOptions, RunResult } from '../core/runner.js';

/** A task of a node's containerd: the process of a container or of a sandbox. */
export interface Task {
  /** ID of its container. */
  readonly id: string;
  readonly pid: number;
  /** RUNNING, PAUSED, STOPPED, … */
  readonly status: string;
}

/** A script for sh(1), and what it gets as $1, $2, … */
export interface NodeScript {
  readonly text: string;
  readonly args: readonly string[];
}

/** The command that runs a script. */
export const shell = ({ text, args }: NodeScript): string[] => ['sh', '-c', text, 'sh', ...args];

/** Reads what `ctr tasks ls` prints. */
export function readTasks(printed: string): Task[] {
  return [...printed.matchAll(/^(\S+)\s+(\d+)\s+(\S+)/gm)].map(([, id = '', pid, status = '']) => ({ id, pid: Number(pid), status }));
}

/** A node of a cluster, which is a container of this machine's Docker, and the runner that works on it. */
export class Node {
  constructor(
    private readonly runner: Runner,
    readonly name: string,
  ) {}

  /** Runs a command in it. @throws CommandError as the runner does */
  run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { input, inputStream, inputFile } = options;
    const interactive = [input, inputStream, inputFile].every((given) => given === undefined) ? [] : ['--interactive'];
    return this.runner.run('docker', ['exec', ...interactive, this.name, ...command], options);
  }

  /** Runs ctr(8) on what is Kubernetes' in its containerd. */
  ctr(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.run(['ctr', '--namespace=k8s.io', ...args], options);
  }

  /** References of the images that match a filter of ctr(8), e.g. `name~=^containerd.io/checkpoint/`; sorted. */
  async images(filter?: string): Promise<string[]> {
    const { stdout } = await this.ctr(['images', 'ls', '--quiet', ...(filter === undefined ? [] : [filter])]);
    return stdout.split('\n').filter(Boolean).sort();
  }

  async tasks(): Promise<Task[]> {
    return readTasks((await this.ctr(['tasks', 'ls'])).stdout);
  }

  /** Paths of what lies in a folder under a name that matches a pattern of find(1); none where there is no such folder. */
  async find(folder: string, pattern: string): Promise<string[]> {
    const { stdout } = await this.run(['find', folder, '-maxdepth', '1', '-name', pattern], { accept: true });
    return stdout.split('\n').filter(Boolean);
  }

  /** Removes files, those that are there. */
  async remove(...files: readonly string[]): Promise<void> {
    await this.run(['rm', '-f', ...files]);
  }

  /** Copies a file from it to the host, with the mode that it has. */
  async bring(file: string, target: string, options: RunOptions = {}): Promise<void> {
    await this.runner.run('docker', ['cp', '--quiet', `${this.name}:${file}`, target], options);
  }

  /** Copies a file of the host into it. */
  async send(file: string, target: string): Promise<void> {
    await this.runner.run('docker', ['cp', '--quiet', file, `${this.name}:${target}`]);
  }
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
