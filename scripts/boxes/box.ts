import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import type { RunOptions, RunResult } from '../lib/core/runner.js';
import { until } from '../lib/core/until.js';
import { imageOf, labelFlags, labelsOf } from './labels.js';
import type { Box } from './plan.js';
import { systemdBoots } from './systems.js';

/** How long an init system may take to boot, milliseconds. */
const BOOT_PATIENCE_MS = 60_000;
/** Where a box keeps what must not lie on its root: an overlay can be laid over a volume, not over another overlay. */
export const BOX_DATA = '/var/lib/box';

/** A box that runs. */
export interface RunningBox {
  readonly box: Box;
  /** Name of its container. */
  readonly name: string;
  /** `systemd 252`, or `none (…)` and why. */
  readonly init: string;
  /** Home of its user. */
  readonly home: string;
  /** Runs a command in it as root. */
  asRoot(script: string, options?: RunOptions): Promise<RunResult>;
  /** A command line that runs a script in it as its user, who has logged in, as words. */
  asUser(script: string, env?: Readonly<Record<string, string>>, flags?: readonly string[]): string[];
}

export interface BoxStart {
  /** Folders of the host that the box may read, by their place in it. */
  readonly mounts: Readonly<Record<string, string>>;
  /** A Docker network; the default bridge if absent. */
  readonly network?: string | undefined;
  readonly keep: boolean;
  /** cgroup version of the host. */
  readonly cgroupVersion: '1' | '2';
}

const hostName = ({ name }: Box): string => name.replaceAll(/[^a-z0-9]/g, '-');

/** Name of the container that holds a box. */
export function boxContainer({ options }: Pick<Context, 'options'>, box: Box): string {
  return `box-${options.instance}-${process.pid}-${hostName(box)}`;
}

/** Imports the root file system of a box's system as an image, once a run. */
export async function importImage(ctx: Context, { system }: Box, tar: string): Promise<void> {
  const image = imageOf(system.name);
  const here = await ctx.runner.run('docker', ['image', 'inspect', '--format', '{{.Id}}', image], { accept: true });
  if (here.exitCode === 0) return;
  const changes = labelsOf(ctx).flatMap((label) => ['--change', `LABEL ${label}`]);
  await ctx.runner.run('docker', ['import', ...changes, tar, image], {
    failure: `the root file system of ${system.name} could not be imported`,
  });
}

/**
 * Starts a box: a privileged container with cgroups and Docker data of its own, and with its own init system where that works here.
 * @throws ToolkitError when it does not boot
 */
export async function startBox(ctx: Context, box: Box, { mounts, network, keep, cgroupVersion }: BoxStart): Promise<RunningBox> {
  const image = imageOf(box.system.name);
  const name = boxContainer(ctx, box);
  const labels = labelFlags(labelsOf(ctx, { box: box.name, keep }));
  const systemd = await systemdVersion(ctx, image);
  const boots = systemd !== undefined && systemdBoots(systemd, cgroupVersion);
  const volumes = await makeVolumes(ctx, name, labels);
  const shared = Object.entries(mounts).flatMap(([place, folder]) => ['--volume', `${folder}:${place}:ro`]);
  const networks = network === undefined ? [] : ['--network', network];
  const flags = ['--name', name, '--hostname', hostName(box), ...labels, ...privileges(boots), ...networks, ...volumes, ...shared];
  const command = boots ? ['/usr/lib/systemd/systemd'] : ['sleep', 'infinity'];
  await ctx.runner.run('docker', ['run', '--detach', ...flags, image, ...command], { failure: `the box ${box.name} does not start` });
  const running = runningBox(ctx, box, name, describeInit(systemd, boots, cgroupVersion));
  if (boots) await untilBooted(ctx, running);
  return running;
}

/** Makes the volumes of a box. @returns flags of `docker run` */
async function makeVolumes(ctx: Context, name: string, labels: readonly string[]): Promise<string[]> {
  const places = { docker: '/var/lib/docker', containerd: '/var/lib/containerd', home: '/home', data: BOX_DATA };
  const flags: string[] = [];
  for (const [volume, place] of Object.entries(places)) {
    await ctx.runner.run('docker', ['volume', 'create', ...labels, `${name}-${volume}`]);
    flags.push('--volume', `${name}-${volume}:${place}`);
  }
  return flags;
}

function privileges(boots: boolean): string[] {
  // systemd writes to the console, and asks this variable where it runs (systemd.io, "Container interface").
  const init = boots ? ['--tty', '--env', 'container=docker', '--stop-signal', 'SIGRTMIN+3'] : ['--init'];
  return ['--privileged', '--cgroupns=private', ...init, '--tmpfs', '/run:exec'];
}

function describeInit(systemd: number | undefined, boots: boolean, cgroupVersion: string): string {
  if (boots) return `systemd ${systemd}`;
  return systemd === undefined
    ? 'none (there is no systemd)'
    : `none (systemd ${systemd} wants cgroup v2, this host has v${cgroupVersion})`;
}

function runningBox(ctx: Context, box: Box, name: string, init: string): RunningBox {
  const { user } = box.system;
  return {
    box,
    name,
    init,
    home: `/home/${user}`,
    asRoot: (script, options = {}) => ctx.runner.run('docker', ['exec', name, 'sh', '-euc', script], options),
    // A login shell: its PATH is a user's, without the folders of programs for root.
    asUser: (script, env = {}, flags = []) => {
      const variables = Object.entries(env).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]);
      return ['exec', ...flags, '--user', user, ...variables, name, 'bash', '-lc', script];
    },
  };
}

async function systemdVersion(ctx: Context, image: string): Promise<number | undefined> {
  const flags = ['--rm', '--network', 'none', ...labelFlags(labelsOf(ctx))];
  const { stdout, exitCode } = await ctx.runner.run('docker', ['run', ...flags, image, 'systemctl', '--version'], { accept: true });
  const version = /^systemd (\d+)/.exec(stdout)?.[1];
  return exitCode === 0 && version !== undefined ? Number(version) : undefined;
}

async function untilBooted(ctx: Context, { name, box }: RunningBox): Promise<void> {
  await until(
    ctx,
    (seen) => new ToolkitError(`the box ${box.name} has not booted in ${BOOT_PATIENCE_MS / 1000} s`, { details: [seen], log: ctx.logs }),
    // `degraded` is booted too, with a unit that failed (systemctl(1)).
    async () => (await ctx.runner.run('docker', ['exec', name, 'systemctl', 'is-system-running'], { accept: true })).stdout,
    (state) => state === 'running' || state === 'degraded',
    { patienceMs: BOOT_PATIENCE_MS, everyMs: 500 },
  );
}

/** Lays a clone of this checkout's HEAD into the box, owned by its user. @param place absolute */
export async function layCheckout(ctx: Context, running: RunningBox, place: string): Promise<void> {
  await mkdir(ctx.paths.tmp, { recursive: true });
  const folder = await mkdtemp(path.join(ctx.paths.tmp, 'checkout-'));
  const clone = path.join(folder, 'kind-checkpoint');
  try {
    await ctx.runner.run('git', ['clone', '--quiet', '--no-hardlinks', ctx.paths.root, clone], {
      failure: 'this checkout cannot be cloned',
      hint: 'Boxes get a clone of HEAD: run them from a git checkout.',
    });
    await copyIn(ctx, running, clone, place);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies a file or folder of the host into the box, for its user. @param place absolute, must not be there yet */
export async function copyIn(ctx: Context, running: RunningBox, source: string, place: string): Promise<void> {
  const { user } = running.box.system;
  const folder = path.posix.dirname(place);
  await running.asRoot(`install -d -o ${user} -g ${user} '${folder}'`);
  await ctx.runner.run('docker', ['cp', '--quiet', source, `${running.name}:${place}`]);
  await running.asRoot(`chown -R ${user}: '${place}'`);
}
