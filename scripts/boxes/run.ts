import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { type Context, secondsSince } from '../lib/core/context.js';
import { messageOf, renderError, ToolkitError } from '../lib/core/errors.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { boxContainer, importImage, type RunningBox, startBox } from './box.js';
import { labelFlags, labelsOf, removeBoxes } from './labels.js';
import { goCaches, machineNetwork } from './machine.js';
import type { Box } from './plan.js';
import { GO_BUILDS, GO_MODULES, type PreparedBox, prepareBox } from './prepare.js';
import { type BoxProxy, startProxy } from './proxy.js';
import type { BoxReport } from './report.js';
import { boxRootFilesystem, boxTar, pullImage } from './root-filesystem.js';
import { archivePath, judge, type Outcome, type Verdict } from './verdict.js';

/** The first command of the README. */
export const FIRST_COMMAND = 'npm run e2e:checkpoint';
/** How long it may take, milliseconds. */
const LIMIT_MS = 75 * 60_000;
/** How often a silent wait is told, milliseconds. */
const REMIND_MS = 60_000;
const PROMPT = /\[sudo\] password for/;

/** Why this host cannot hold a box; undefined when it can. */
export async function absence(ctx: Context, { system, case: one }: Box, cgroupVersion: string): Promise<string | undefined> {
  if (one.name === 'cgroup-v2' && cgroupVersion !== '2') return `this host has cgroup v${cgroupVersion}`;
  if (system.from !== 'image') return undefined;
  try {
    await pullImage(ctx, system);
    return undefined;
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (!(error instanceof ToolkitError)) throw error;
    return [error.message, ...error.details].join(': ');
  }
}

/** Runs one box from its root file system to its verdict. Nothing of it is left, but its logs; and itself when it failed and is to be kept. */
export async function runBox(ctx: Context, box: Box, { keep }: { keep: boolean }): Promise<BoxReport> {
  const base = { system: box.system.name, case: box.case.name };
  const { stdout: cgroups } = await ctx.runner.run('docker', ['info', '--format', '{{.CgroupVersion}}']);
  const cgroupVersion = cgroups === '2' ? '2' : '1';
  const missing = await absence(ctx, box, cgroupVersion);
  if (missing !== undefined)
    return { ...base, init: null, engine: null, minutes: null, log: null, verdict: 'not here', why: `not here: ${missing}` };

  const logs = path.join(ctx.logs, box.name.replaceAll(/[^a-z0-9.+]/g, '-'));
  await mkdir(logs, { recursive: true });
  let running: RunningBox | undefined;
  let proxy: (BoxProxy & { readonly network: string; readonly url: string }) | undefined;
  let ended: Verdict | undefined;
  try {
    await bringAbout(ctx, [boxRootFilesystem(box.system)]);
    await importImage(ctx, box, boxTar(ctx.paths, box.system));
    if (box.case.name === 'proxy') proxy = await proxyNetwork(ctx, box, keep);
    const caches = await goCaches(ctx);
    running = await startBox(ctx, box, {
      mounts: caches === undefined ? {} : { [GO_MODULES]: caches.modules, [GO_BUILDS]: caches.builds },
      network: proxy?.network,
      keep,
      cgroupVersion,
    });
    const network = await machineNetwork(ctx, { proxied: proxy !== undefined });
    const prepared = await prepareBox(ctx, running, { network, proxy: proxy?.url, shared: caches !== undefined });
    const otherWayOut = proxy === undefined ? undefined : await reaches(ctx, running, prepared);
    const outcome = await firstCommand(ctx, running, prepared, path.join(logs, 'first-command.log'));
    const engine = await engineOf(ctx, running);
    ended = judge(box, {
      ...outcome,
      ...(engine === undefined ? {} : { containerdImageStore: engine.containerdImageStore }),
      ...(proxy === undefined || otherWayOut === undefined ? {} : { proxyRequests: proxy.requests, otherWayOut }),
    });
    return { ...base, ...ended, init: running.init, engine: engine?.shown ?? null, minutes: outcome.seconds / 60, log: logs };
  } catch (error) {
    ctx.signal.throwIfAborted();
    // One box that cannot be made must not keep the others from being tried.
    ctx.say(renderError(error));
    ended = { verdict: 'failed', why: messageOf(error) };
    return { ...base, ...ended, init: running?.init ?? null, engine: null, minutes: null, log: logs };
  } finally {
    await keepLogs(ctx, box, logs);
    const stays = keep && ended?.verdict === 'failed' && running !== undefined;
    if (stays) ctx.say(`${box.name} is kept: docker exec -it --user ${box.system.user} ${running?.name} bash -l`);
    else await removeBoxes(ctx, { run: process.pid, box: box.name });
    await proxy?.close();
  }
}

/** A network without a way out, and a proxy on its edge. */
async function proxyNetwork(ctx: Context, box: Box, keep: boolean): Promise<BoxProxy & { network: string; url: string }> {
  const network = `box-${ctx.options.instance}-${process.pid}-proxy`;
  await ctx.runner.run('docker', ['network', 'create', '--internal', ...labelFlags(labelsOf(ctx, { box: box.name, keep })), network]);
  const { stdout: gateway } = await ctx.runner.run('docker', [
    'network',
    'inspect',
    '--format',
    '{{(index .IPAM.Config 0).Gateway}}',
    network,
  ]);
  const proxy = await startProxy(gateway);
  return { ...proxy, network, url: `http://${gateway}:${proxy.port}` };
}

/** Whether the box reaches npm's registry by itself. */
async function reaches(ctx: Context, running: RunningBox, { env }: PreparedBox): Promise<boolean> {
  const { hostname, port, protocol } = new URL(env['npm_config_registry'] ?? 'https://localhost');
  const target = `/dev/tcp/${hostname}/${port || (protocol === 'http:' ? 80 : 443)}`;
  const { exitCode } = await ctx.runner.run('docker', running.asUser(`timeout 5 bash -c '<${target}'`), { accept: true });
  return exitCode === 0;
}

async function firstCommand(ctx: Context, running: RunningBox, { checkout, env, password }: PreparedBox, log: string): Promise<Outcome> {
  const { box } = running;
  const command = `cd '${checkout}' && ${FIRST_COMMAND}`;
  let typed = 0;
  let told = ctx.clock.now();
  ctx.say(`${box.name}: ${FIRST_COMMAND}`);
  const start = ctx.clock.now();
  const { stdout, stderr, exitCode } = await ctx.runner.run(
    'docker',
    password === undefined
      ? running.asUser(command, env)
      : // A terminal of its own, 120 columns wide, on which sudo can ask (script(1)).
        running.asUser(`script -qefc "stty cols 120 rows 40; ${command}" /dev/null`, env, ['-i']),
    {
      accept: true,
      timeoutMs: LIMIT_MS,
      log,
      onLine: (line) => {
        if (ctx.clock.now() - told < REMIND_MS) return;
        told = ctx.clock.now();
        ctx.say(`${box.name}: ${Math.round((told - start) / 60_000)} min: ${line}`);
      },
      ...(password === undefined
        ? {}
        : {
            reply: (line) => {
              if (!PROMPT.test(line)) return undefined;
              typed++;
              return `${password}\n`;
            },
          }),
    },
  );
  const seconds = secondsSince(ctx.clock, start);
  const output = stripVTControlCharacters(`${stdout}\n${stderr}`);
  const archive = archivePath(output);
  const found =
    archive === undefined ? 1 : (await ctx.runner.run('docker', running.asUser(`test -s '${archive}'`), { accept: true })).exitCode;
  return {
    exitCode,
    output,
    seconds,
    archiveThere: found === 0,
    ...(password === undefined ? {} : { passwordsTyped: typed }),
  };
}

/** The engine inside the box; undefined when none answers. */
async function engineOf(ctx: Context, { name }: RunningBox): Promise<{ shown: string; containerdImageStore: boolean } | undefined> {
  const format = '{{.ServerVersion}}|{{.Driver}}|{{json .DriverStatus}}';
  const { stdout, exitCode } = await ctx.runner.run('docker', ['exec', name, 'docker', 'info', '--format', format], { accept: true });
  const [version = '', driver = '', status = ''] = stdout.split('|');
  if (exitCode !== 0 || version === '') return undefined;
  return { shown: `${version} ${driver}`, containerdImageStore: status.includes('io.containerd.snapshotter') };
}

/** Takes what tells about a box out of it: the toolkit's own logs, the engine's, what the init system printed, the journal. */
async function keepLogs(ctx: Context, box: Box, logs: string): Promise<void> {
  const container = boxContainer(ctx, box);
  const folders = `home/${box.system.user}/*/.cache/logs home/${box.system.user}/*/*/.cache/logs var/log/docker.log var/log/apt var/log/dpkg.log`;
  const kept = {
    'logs.tar': ['exec', container, 'sh', '-c', `tar -C / -cf - --ignore-failed-read $(cd / && ls -d ${folders} 2>/dev/null)`],
    'journal.log': ['exec', container, 'sh', '-c', '[ ! -d /run/systemd/system ] || journalctl --no-pager'],
    'console.log': ['logs', container],
  };
  for (const [name, args] of Object.entries(kept))
    await ctx.cleanupRunner.run('docker', args, { accept: true, timeoutMs: 60_000, stdoutFile: path.join(logs, name) });
}
