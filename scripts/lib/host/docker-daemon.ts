import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import { asRoot } from '../core/sudo.js';
import { until } from '../core/until.js';
import { readEngineFacts } from './docker-engine.js';

/** Of Debian's init script, whose `status` and `stop` go on working for an engine that is started here. */
const PID_FILE = '/var/run/docker-ssd.pid';
/** The engine's own, wherever it was started by default. */
const ENGINE_PID_FILE = '/var/run/docker.pid';
const LOG = '/var/log/docker.log';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** How long a starting engine may take to answer, milliseconds: one with many containers loads them first. */
const START_TIMEOUT_MS = 60_000;

/** How long it may take to stop, milliseconds: it gives its containers 10 s to end, and itself 15 s more (dockerd(8)). */
const STOP_TIMEOUT_MS = 60_000;

/** The system's engine as a process. */
export interface Daemon {
  /**
   * Who started it, and so can do it again: systemd; what keeps the pid file of Debian's init script (the script, or this toolkit);
   * or somebody by hand, as nobody can know.
   */
  readonly startedBy: 'systemd' | 'pid file' | 'hand';
  readonly pid: number | undefined;
  /** What it was started with. */
  readonly args: readonly string[];
}

/**
 * Finds out how the engine that runs was started.
 * @param machine root of the machine's file system
 */
export async function runningDaemon(ctx: Pick<Context, 'runner'>, machine = '/'): Promise<Daemon> {
  const process = async (startedBy: Daemon['startedBy'], pid: number | undefined): Promise<Daemon> => {
    const words = pid === undefined ? [] : (await readOr('', path.join(machine, `proc/${pid}/cmdline`))).split('\0').slice(1, -1);
    return { startedBy, pid, args: words };
  };
  if (systemdRuns(machine)) {
    const pid = await systemdsPid(ctx);
    if (pid !== undefined) return process('systemd', pid);
  }
  const [ours, any] = await Promise.all([pidIn(machine, PID_FILE), pidIn(machine, ENGINE_PID_FILE)]);
  return ours === undefined ? process('hand', any) : process('pid file', ours);
}

async function systemdsPid({ runner }: Pick<Context, 'runner'>): Promise<number | undefined> {
  const { stdout } = await runner.run('systemctl', ['show', 'docker.service', '--property=ActiveState,MainPID'], { accept: true });
  const pid = Number(/^MainPID=(\d+)$/m.exec(stdout)?.[1] ?? 0);
  return /^ActiveState=active$/m.test(stdout) && pid > 0 ? pid : undefined;
}

/** The process of a pid file, if it is an engine: the number may have gone to another program since. */
async function pidIn(machine: string, file: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readOr('', path.join(machine, file)), 10);
  return (await readOr('', path.join(machine, `proc/${pid}/comm`))).trim() === 'dockerd' && (await isRunning(pid, machine))
    ? pid
    : undefined;
}

/** True while a process runs; one that has ended and is not reaped, as in containers without an init, does not (proc(5), stat). */
async function isRunning(pid: number, machine: string): Promise<boolean> {
  const state = /^.*\) (\S)/s.exec(await readOr('', path.join(machine, `proc/${pid}/stat`)))?.[1];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function readOr(otherwise: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => otherwise);
}

/** The configuration file that an engine reads (dockerd(8), --config-file). */
export function configurationOf({ args }: Pick<Daemon, 'args'>): string {
  const at = args.findIndex((word) => /^--config-file(=|$)/.test(word));
  const given = at === -1 ? undefined : (/=(.*)/.exec(args[at] ?? '')?.[1] ?? args[at + 1]);
  return given || '/etc/docker/daemon.json';
}

/** Path of the engine's program: on PATH, or where root's PATH has it; undefined when it is not installed. */
export async function findDockerd({ runner }: Pick<Context, 'runner'>): Promise<string | undefined> {
  const { stdout } = await runner.run('sh', ['-c', `PATH="$PATH:${PATH}" command -v dockerd`], { accept: true });
  return stdout === '' ? undefined : stdout;
}

/** Starts the engine: through systemd where it has a unit for it, else as Debian's init script does. Returns when it answers. */
export async function startEngine(ctx: Context, machine = '/'): Promise<void> {
  if (systemdRuns(machine) && (await hasUnit(ctx))) await asRootRun(ctx, 'systemctl', ['start', 'docker']);
  else await startDaemon(ctx, ['-p', ENGINE_PID_FILE]);
  await untilItAnswers(ctx, machine);
}

/**
 * Restarts an engine, so that it reads its configuration anew. Containers without a restart policy are stopped by this.
 * @throws TypeError for one that was started by hand, as it could not be started again in the same way
 */
export async function restartEngine(ctx: Context, { startedBy, args }: Daemon, machine = '/'): Promise<void> {
  if (startedBy === 'hand') throw new TypeError('an engine that was started by hand cannot be restarted');
  if (startedBy === 'systemd') {
    await asRootRun(ctx, 'systemctl', ['restart', 'docker']);
  } else {
    const pid = await pidIn(machine, PID_FILE);
    if (pid !== undefined) await stopDaemon(ctx, pid, machine);
    await startDaemon(ctx, args);
  }
  await untilItAnswers(ctx, machine);
}

/** Ends the engine and waits for it. Not by start-stop-daemon(8), to which a process that nobody reaps has not ended. */
async function stopDaemon(ctx: Context, pid: number, machine: string): Promise<void> {
  await asRootRun(ctx, 'kill', ['-TERM', String(pid)]);
  await until(
    ctx,
    () => new ToolkitError('the Docker engine does not stop', { details: [`process ${pid} runs on`], hint: `See the end of ${LOG}` }),
    () => isRunning(pid, machine),
    (running) => !running,
    { patienceMs: STOP_TIMEOUT_MS },
  );
}

async function hasUnit({ runner }: Pick<Context, 'runner'>): Promise<boolean> {
  return (await runner.run('systemctl', ['cat', 'docker.service'], { accept: true })).exitCode === 0;
}

async function startDaemon(ctx: Context, args: readonly string[]): Promise<void> {
  const dockerd = await findDockerd(ctx);
  if (dockerd === undefined)
    throw new ToolkitError('there is no dockerd', { hint: 'Install the Docker engine: apt-get install docker.io' });
  // The init script itself first raises limits, and fails on hosts that lack CAP_SYS_RESOURCE.
  const command = `touch ${LOG} && dockerd=$1 && shift && PATH=${PATH} start-stop-daemon --start --oknodo --background --no-close --exec "$dockerd" --pidfile ${PID_FILE} --make-pidfile -- "$@" >>${LOG} 2>&1 </dev/null`;
  await asRootRun(ctx, 'sh', ['-c', command, 'sh', dockerd, ...args]);
}

async function untilItAnswers(ctx: Context, machine: string): Promise<void> {
  await until(
    ctx,
    ({ complaint }) =>
      new ToolkitError('the Docker engine was started and does not answer', {
        details: complaint.split('\n').filter(Boolean),
        hint: systemdRuns(machine) ? 'See: journalctl -u docker' : `See the end of ${LOG}`,
      }),
    () => readEngineFacts(ctx),
    // It runs; that this user may not talk to it is another matter.
    ({ answers, denied }) => answers || denied,
    { patienceMs: START_TIMEOUT_MS },
  );
}

async function asRootRun(ctx: Context, file: string, args: readonly string[]): Promise<void> {
  const [program, rest] = asRoot(file, args);
  await ctx.runner.run(program, rest, { failure: 'the Docker engine could not be started' });
}

/** True where systemd is the init system (sd_booted(3)); having systemctl installed proves nothing. */
export function systemdRuns(machine = '/'): boolean {
  return existsSync(path.join(machine, 'run/systemd/system'));
}
