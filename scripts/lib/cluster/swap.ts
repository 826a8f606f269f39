import path from 'node:path';
import { writeImageArchive } from '../build/image-archive.js';
import { type Context, forCleanup } from '../core/context.js';
import { messageOf, ToolkitError } from '../core/errors.js';
import { sha256OfFile } from '../core/hash.js';
import { until } from '../core/until.js';
import type { KubernetesProgram } from '../forks/kubernetes.js';
import { kubectl } from './kubectl.js';
import { Node, type NodeContainer } from './node.js';

/** How long a swapped program may take to be healthy, milliseconds. */
export const DEFAULT_PATIENCE_MS = 120_000;
/** Milliseconds after which the kubelet has seen a changed manifest: it watches the folder. */
const NOTICED_MS = 500;

/** A program to be put into the nodes of a running cluster. */
export interface Swap {
  readonly name: KubernetesProgram;
  /** The built program on the host. */
  readonly file: string;
  readonly sha256: string;
}

/** How a program runs in a cluster, which says how it is replaced. */
export function placeOf(name: KubernetesProgram): 'static pod' | 'daemon set' | 'node' {
  if (name === 'kube-proxy') return 'daemon set';
  return name.startsWith('kube-') ? 'static pod' : 'node';
}

/** The command line of a program's process, for pgrep(1): its short name would be cut at 15 characters. */
export function processPattern(name: KubernetesProgram): string {
  return `^([^ ]*/)?${name}( |$)`;
}

/** SHA-256 of a program as it runs in a node, or lies there when it does not run by itself; undefined when it is not there. */
export async function deployedSha256(node: Node, name: KubernetesProgram): Promise<string | undefined> {
  const file = name === 'kubectl' || name === 'kubeadm' ? `/usr/bin/${name}` : `/proc/$(pgrep -o -f '${processPattern(name)}')/exe`;
  const { stdout, exitCode } = await node.run(['sh', '-c', `sha256sum ${file}`], { accept: true });
  return exitCode === 0 ? stdout.split(' ')[0] : undefined;
}

/** The image of a swapped program; its tag tells the content, so that the runtime never mistakes one for another. */
function imageOf({ name, sha256 }: Swap): string {
  return `registry.k8s.io/${name}:pushed-${sha256.slice(0, 16)}`;
}

/** Brings the images of programs that run from images to nodes, in one archive. */
export async function importImages(
  ctx: Context,
  nodes: readonly NodeContainer[],
  swaps: readonly Swap[],
  layersOf: (name: KubernetesProgram) => readonly string[],
): Promise<void> {
  const images = swaps.filter(({ name }) => placeOf(name) !== 'node');
  if (images.length === 0) return;
  const archive = path.join(ctx.paths.build, 'push', 'images.tar');
  await writeImageArchive(
    ctx,
    images.map((swap) => ({ name: imageOf(swap), layers: layersOf(swap.name), files: { [`usr/local/bin/${swap.name}`]: swap.file } })),
    archive,
  );
  for (const { name } of nodes) {
    await new Node(ctx.runner, name).ctr(['images', 'import', '--local', '--digests=false', '-'], {
      inputFile: archive,
      failure: `images could not be imported on ${name}`,
    });
  }
}

/** Puts a program into all nodes where it runs, waits until it is healthy, and puts the old one back if it is not. */
export async function swapIn(ctx: Context, nodes: readonly NodeContainer[], swap: Swap, patienceMs = DEFAULT_PATIENCE_MS): Promise<void> {
  if (placeOf(swap.name) === 'daemon set') return swapDaemonSet(ctx, swap, patienceMs);
  const targets = placeOf(swap.name) === 'static pod' ? nodes.filter(({ role }) => role === 'control-plane') : nodes;
  for (const { name } of targets)
    await (placeOf(swap.name) === 'static pod' ? swapStaticPod(ctx, name, swap, patienceMs) : swapProgram(ctx, name, swap, patienceMs));
}

async function swapStaticPod(ctx: Context, name: string, swap: Swap, patienceMs: number): Promise<void> {
  const node = new Node(ctx.runner, name);
  const manifest = `/etc/kubernetes/manifests/${swap.name}.yaml`;
  const { stdout: before } = await node.run(['cat', manifest]);
  const after = before.replace(/^(\s*image: ).*$/m, `$1${imageOf(swap)}`);
  const put = async (text: string, on = node): Promise<void> => {
    // Written elsewhere and moved: the kubelet takes whatever lies in that folder for a pod.
    await on.run(['sh', '-c', `cat >/etc/kubernetes/${swap.name}.new && mv /etc/kubernetes/${swap.name}.new ${manifest}`], {
      input: `${text}\n`,
    });
  };
  const old = await deployedSha256(node, swap.name);
  const oldProcess = (await node.run(['pgrep', '-o', '-f', processPattern(swap.name)], { accept: true })).stdout;
  try {
    await put(after);
    // The old one would take half a minute to end by itself.
    await ctx.clock.sleep(NOTICED_MS, ctx.signal);
    if (oldProcess !== '') await node.run(['kill', '-KILL', oldProcess], { accept: true });
    await untilHealthy(ctx, node, swap, patienceMs);
  } catch (error) {
    await put(before, new Node(ctx.cleanupRunner, name));
    throw await putBack(ctx, name, { ...swap, sha256: old ?? '' }, error);
  }
  await dropFormerImages(node, swap);
}

async function swapProgram(ctx: Context, name: string, swap: Swap, patienceMs: number): Promise<void> {
  const node = new Node(ctx.runner, name);
  const target = `/usr/bin/${swap.name}`;
  const restart = swap.name === 'kubelet' ? ' && systemctl restart kubelet' : '';
  const old = await deployedSha256(node, swap.name);
  await node.run(['cp', '-p', target, `${target}.before`]);
  try {
    await node.send(swap.file, `${target}.new`);
    await node.run(['sh', '-c', `chmod 0755 ${target}.new && mv ${target}.new ${target}${restart}`]);
    await untilHealthy(ctx, node, swap, patienceMs);
  } catch (error) {
    await new Node(ctx.cleanupRunner, name).run(['sh', '-c', `mv ${target}.before ${target}${restart}`]);
    throw await putBack(ctx, name, { ...swap, sha256: old ?? '' }, error);
  }
  await node.remove(`${target}.before`);
}

async function swapDaemonSet(ctx: Context, swap: Swap, patienceMs: number): Promise<void> {
  const set = (image: string): Promise<unknown> =>
    kubectl(ctx, ['--namespace', 'kube-system', 'set', 'image', `daemonset/${swap.name}`, `${swap.name}=${image}`]);
  const { stdout: before } = await kubectl(ctx, [
    '--namespace',
    'kube-system',
    'get',
    'daemonset',
    swap.name,
    '--output',
    'jsonpath={.spec.template.spec.containers[0].image}',
  ]);
  try {
    await set(imageOf(swap));
    await kubectl(ctx, ['--namespace', 'kube-system', 'rollout', 'status', `daemonset/${swap.name}`, `--timeout=${patienceMs / 1000}s`]);
  } catch (error) {
    await set(before);
    throw notHealthy(swap.name, 'all nodes', 'the old one is back', error);
  }
}

/**
 * The error to throw when the old program has been put back; says whether that one is healthy again. It is given its time, however
 * little the new one was given: the kubelet ends the one before it begins the other.
 */
async function putBack(ctx: Context, name: string, old: Swap, error: unknown): Promise<ToolkitError> {
  const later = forCleanup(ctx);
  const healthy = await untilHealthy(later, new Node(later.runner, name), old, DEFAULT_PATIENCE_MS).then(
    () => true,
    () => false,
  );
  return notHealthy(old.name, name, healthy ? 'the old one is back' : 'the old one was put back and is not healthy yet', error);
}

function notHealthy(name: string, where: string, outcome: string, error: unknown): ToolkitError {
  const known = error instanceof ToolkitError ? error : undefined;
  return new ToolkitError(`the new ${name} does not get healthy on ${where}; ${outcome}`, {
    details: [messageOf(error), ...(known?.details ?? [])],
    hint: known?.hint,
    log: known?.log,
    cause: error,
  });
}

/** What a program answers when it is healthy. */
const HEALTHY = 'ok';
/** Where each program says so, on its own node. */
const HEALTH: Partial<Record<KubernetesProgram, string>> = {
  'kube-apiserver': 'https://localhost:6443/readyz',
  'kube-controller-manager': 'https://localhost:10257/healthz',
  'kube-scheduler': 'https://localhost:10259/healthz',
  kubelet: 'http://localhost:10248/healthz',
};

/** Returns when the program that runs in the node is the new one and says that it is healthy. */
async function untilHealthy(ctx: Context, node: Node, swap: Swap, patienceMs: number): Promise<void> {
  const url = HEALTH[swap.name];
  await until(
    ctx,
    (seen) =>
      new ToolkitError(`${swap.name} is not healthy after ${patienceMs / 1000} s`, {
        details: seen.split('\n').slice(-5),
        hint: 'npm run cluster:logs   brings its log.',
      }),
    async () => {
      const deployed = await deployedSha256(node, swap.name);
      if (deployed !== swap.sha256) return deployed === undefined ? 'it does not run' : 'the old one still runs';
      if (url === undefined) return HEALTHY;
      const { stdout, stderr } = await node.run(['curl', '--silent', '--show-error', '--insecure', '--max-time', '5', url], {
        accept: true,
      });
      return stdout === HEALTHY ? HEALTHY : `${url} answers: ${stdout || stderr}`;
    },
    (seen) => seen === HEALTHY,
    { patienceMs },
  );
}

/** Takes the images of earlier pushes out of a node: gigabytes would gather. */
async function dropFormerImages(node: Node, swap: Swap): Promise<void> {
  const former = (await node.images(`name~=^registry.k8s.io/${swap.name}:pushed-`)).filter((image) => image !== imageOf(swap));
  if (former.length > 0) await node.ctr(['images', 'rm', ...former], { accept: true });
}

/** A built program as a swap. */
export async function swapFor(name: KubernetesProgram, folder: string): Promise<Swap> {
  const file = path.join(folder, name);
  return { name, file, sha256: await sha256OfFile(file) };
}
