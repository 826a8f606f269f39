import { isPaused } from '../checkpoint/cleanup.js';
import { kubectl } from '../lib/cluster/kubectl.js';
import { Node } from '../lib/cluster/node.js';
import { findContainer, type RunningContainer } from '../lib/cluster/pod.js';
import { type Context, forCleanup } from '../lib/core/context.js';
import { expectSame, ToolkitError } from '../lib/core/errors.js';
import { imageNames } from '../lib/core/options.js';
import { until } from '../lib/core/until.js';
import { applyAnew } from './counter-pod.js';

/** Name of the container in a ballast pod. */
export const BALLAST = 'ballast';
/** Memory of the ballasts that checkpoints are measured on and struck on, MiB, by its name in reports. */
export const SIZES = { small: 0, '64 MiB': 64, '256 MiB': 256, '1 GiB': 1024 } as const;
export type Size = keyof typeof SIZES;
export const SIZE_NAMES = Object.keys(SIZES) as Size[];
/** A ballast of each size. */
export type Ballasts = Readonly<Record<Size, RunningContainer>>;
/** Names of their pods. */
export const podOf = (size: Size): string => `ballast-${size.toLowerCase().replaceAll(' ', '-')}`;
/** Seconds on its own clock that a process must go on to count as running. */
const GOES_ON_SECONDS = 1;

/** One line of the ballast: its own clock (Unix time), and the longest time since the line before that it did not run; seconds. */
export interface Tick {
  readonly at: number;
  readonly gap: number;
}

/** What a ballast has printed. A last line that is not whole yet is left out. */
export function parseTicks(log: string): Tick[] {
  return [...log.matchAll(/^(\d+\.\d{3}) (\d+\.\d{3})$/gm)].map(([, at, gap]) => ({ at: Number(at), gap: Number(gap) }));
}

/** A pod that holds so much memory, of the ballast image, on a node of one's choice. */
function ballastPod(ctx: Context, name: string, mebibytes: number, node: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 1,
      containers: [{ name: BALLAST, image: imageNames(ctx.options).ballast, imagePullPolicy: 'Never', args: [String(mebibytes)] }],
    },
  });
}

/** Makes a ballast pod anew, and returns when its memory is filled. */
export async function makeBallast(ctx: Context, name: string, mebibytes: number, node: string): Promise<RunningContainer> {
  await applyAnew(ctx, ballastPod(ctx, name, mebibytes, node), name);
  await until(
    ctx,
    `pod ${name} fills its memory`,
    () => readTicks(ctx, name),
    (seen) => seen.length > 0,
  );
  return findContainer(ctx, 'default', name, BALLAST);
}

/** Makes a ballast of each size on a node, anew. */
export async function makeBallasts(ctx: Context, node: string): Promise<Ballasts> {
  const made = await Promise.all(SIZE_NAMES.map(async (size) => [size, await makeBallast(ctx, podOf(size), SIZES[size], node)] as const));
  return Object.fromEntries(made) as Ballasts;
}

/** Deletes ballast pods, by default those of all sizes; also when the run was stopped; does not wait for them to end. */
export async function dropBallast(ctx: Context, names: readonly string[] = SIZE_NAMES.map(podOf)): Promise<void> {
  await kubectl(forCleanup(ctx), ['delete', 'pod', ...names, '--now', '--wait=false', '--ignore-not-found'], {
    accept: true,
  });
}

/** What the clock of a ballast shows now, seconds: the point to count gaps from. */
export async function clockOf(ctx: Context, { pod }: Pick<RunningContainer, 'pod'>): Promise<number> {
  return lastOf(pod, await readTicks(ctx, pod)).at;
}

/**
 * Proves that the process of a ballast runs, by its own clock, and that its container was not restarted. Waits for a kubelet or an API
 * server that is just coming back.
 * @param since the clock of the process before something was done to it
 * @returns the longest time since then that it did not run, seconds
 */
export async function runsOn(ctx: Context, container: RunningContainer, since: number): Promise<number> {
  const { pod, restartCount } = container;
  const first = lastOf(pod, await until(ctx, `the log of pod ${pod} can be read`, () => readTicks(ctx, pod), hasSome));
  const seen = await until(
    ctx,
    `the process of pod ${pod} goes on`,
    () => readTicks(ctx, pod),
    (ticks) => (ticks.at(-1)?.at ?? 0) > first.at + GOES_ON_SECONDS,
  );
  if (await isPaused(new Node(ctx.runner, container.node), container))
    throw new ToolkitError(`the runtime counts the container of pod ${pod} as paused`);
  expectSame((await findContainer(ctx, 'default', pod, BALLAST)).restartCount, restartCount, 'restartCount');
  return longestGap(seen, since);
}

/** The longest time that a process did not run after a point on its clock, seconds. */
export function longestGap(ticks: readonly Tick[], since: number): number {
  return Math.max(0, ...ticks.filter(({ at }) => at > since).map(({ gap }) => gap));
}

const hasSome = (ticks: readonly Tick[]): boolean => ticks.length > 0;

function lastOf(pod: string, ticks: readonly Tick[]): Tick {
  const last = ticks.at(-1);
  if (last === undefined) throw new ToolkitError(`pod ${pod} has printed nothing`);
  return last;
}

/** What a ballast has printed so far; nothing while that cannot be read. */
async function readTicks(ctx: Context, pod: string): Promise<Tick[]> {
  const { stdout, exitCode } = await kubectl(ctx, ['logs', pod, '--container', BALLAST], { accept: true, timeoutMs: 10_000 });
  return exitCode === 0 ? parseTicks(stdout) : [];
}
