import type { Context } from '../core/context.js';
import { CommandError, ToolkitError, tail } from '../core/errors.js';
import { commandLine, hasProgram, type Runner, type RunOptions } from '../core/runner.js';
import { withoutPassword } from '../core/shell.js';
import { asRoot } from '../core/sudo.js';
import { aptHint, describeHolder, heldBy, type LockHolder } from './apt-trouble.js';
import { distribution } from './distribution.js';
import { proxyWords, shownProxy } from './proxies.js';

/** How long another program may hold apt's locks, milliseconds: the first unattended upgrade of a cloud machine takes minutes. */
const PATIENCE_MS = 600_000;
/** How often a lock is tried again, milliseconds. */
const RETRY_MS = 5_000;
/** How often a wait is told anew where no line shows it, milliseconds. */
const REMIND_MS = 60_000;
/** What apt-get exits with when it failed itself (apt-get(8)); sudo and env have other codes. */
const APT_FAILED = 100;

/** What talking to apt takes: a step's context, or any other. */
export type AptContext = Context & { readonly log?: string; readonly status?: (line: string) => void };

export interface AptGet extends Pick<RunOptions, 'cwd'> {
  /** Headline of the error. */
  readonly failure: string;
  /** False for what needs neither root nor a lock of the system's, e.g. a simulation. */
  readonly root?: boolean;
}

/** Of the packages named, those that are not installed. */
export async function missingPackages(runner: Runner, names: readonly string[]): Promise<string[]> {
  const { stdout } = await runner.run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...names], {
    accept: true,
    failure: 'dpkg-query does not run: this is not a Debian or Ubuntu system',
    hint: 'Debian 12 or newer, or Ubuntu 22.04 or newer, is needed: see docs/requirements.md.',
  });
  const installed = new Set(stdout.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.slice(0, line.indexOf(' '))] : [])));
  return names.filter((name) => !installed.has(name));
}

/** True where apt is what installs packages. */
export function hasApt(runner: Runner): Promise<boolean> {
  return hasProgram(runner, 'apt-get');
}

/**
 * Installs packages and says which, with what is upgraded for them: only what one of them needs in a newer version. Nothing is
 * removed, and configuration files that were changed stay. The package lists are refreshed before, once a run.
 * @param names packages, or `NAME=VERSION`
 * @throws CommandError with a hint that fits what apt printed
 */
export async function installPackages(ctx: AptContext, names: readonly string[]): Promise<void> {
  const failure = `apt could not install ${names.join(' ')}`;
  const install = ['install', '--no-install-recommends', '--no-remove', ...names];
  await updateLists(ctx);
  announce(ctx, names, await aptGet(ctx, ['--simulate', ...install], { failure, root: false }));
  // In place of questions: files of the user's stay as they are (dpkg(1)).
  const keep = ['--force-confdef', '--force-confold'].flatMap((option) => ['--option', `Dpkg::Options::=${option}`]);
  const really = (): Promise<string> => aptGet(ctx, ['--yes', ...keep, ...install], { failure });
  try {
    await really();
  } catch (error) {
    // The lists named a version that the mirror has replaced meanwhile.
    if (!(error instanceof CommandError) || !/\b404 +Not Found/.test(error.output)) throw error;
    await updateLists(ctx, { again: true });
    await really();
  }
}

/** What a simulated installation would do (apt-get(8), --simulate). */
export function readSimulation(output: string): { installed: string[]; upgraded: Array<{ name: string; from: string; to: string }> } {
  const rows = [...output.matchAll(/^Inst (\S+)(?: \[(\S+)\])? \((\S+)/gm)];
  return {
    installed: rows.flatMap(([, name = '', from]) => (from === undefined ? [name] : [])),
    upgraded: rows.flatMap(([, name = '', from, to = '']) => (from === undefined ? [] : [{ name, from, to }])),
  };
}

function announce(ctx: Pick<Context, 'say'>, names: readonly string[], simulation: string): void {
  const { installed, upgraded } = readSimulation(simulation);
  const wanted = new Set(names.map((name) => name.replace(/=.*/, '')));
  const others = installed.filter((name) => !wanted.has(name)).length;
  ctx.say(
    `apt installs: ${names.join(' ')}${others === 0 ? '' : `, and ${others} more that ${names.length === 1 ? 'it needs' : 'they need'}`}`,
  );
  if (upgraded.length > 0) ctx.say(`apt upgrades for them: ${upgraded.map(({ name, from, to }) => `${name} ${from} → ${to}`).join(', ')}`);
}

/** What the refresh of the lists printed, by run: the paths are made once a run. */
const refreshed = new WeakMap<Context['paths'], Promise<string>>();

/**
 * Refreshes apt's package lists, once a run however many ask for it. A source that cannot be had is told and does not stop: packages
 * come from the others, and the reason is in the hint where one is not found.
 * @param options `again`: refresh anew, after a source was added or when the lists turned out to be stale
 */
export async function updateLists(ctx: AptContext, { again = false }: { again?: boolean } = {}): Promise<void> {
  let work = again ? undefined : refreshed.get(ctx.paths);
  if (work === undefined) {
    work = refresh(ctx);
    refreshed.set(ctx.paths, work);
  }
  await work;
}

async function refresh(ctx: AptContext): Promise<string> {
  const { output, exitCode, command } = await unlocked(ctx, ['update'], {});
  const failure = 'apt could not refresh its package lists';
  if (exitCode !== 0 && exitCode !== APT_FAILED) throw await aptError(ctx, { command, exitCode, output }, failure, '');
  // apt-get(8): lists that cannot be fetched are warnings, and the exit code is 0.
  const trouble = output.split('\n').filter((line) => /^(?:E|W): .*(?:Failed to fetch|Release file|repository|GPG error)/.test(line));
  if (exitCode !== 0 || trouble.length > 0)
    ctx.say(`${failure} wholly, and goes on with what it has: ${(trouble[0] ?? tail(output, 1)[0] ?? '').slice(3)}`);
  return output;
}

/**
 * Runs apt-get, in the C locale and without questions. Waits for other programs that hold its locks, and says for whom.
 * @returns its standard output
 * @throws ToolkitError that names the holder when the wait was in vain; CommandError with a hint that fits what apt printed
 */
export async function aptGet(ctx: AptContext, args: readonly string[], { failure, ...how }: AptGet): Promise<string> {
  const ended = await unlocked(ctx, args, how);
  if (ended.exitCode !== 0) throw await aptError(ctx, ended, failure, (await refreshed.get(ctx.paths)?.catch(() => '')) ?? '');
  return ended.stdout;
}

interface Ended {
  readonly stdout: string;
  readonly output: string;
  readonly exitCode: number;
  readonly command: string;
}

/** Runs apt-get as often as it takes to find its locks free. apt has changed nothing when it says that one is held. */
async function unlocked(ctx: AptContext, args: readonly string[], { root = true, cwd }: Omit<AptGet, 'failure'>): Promise<Ended> {
  // As words of the command: sudo keeps no variables. needrestart(1) would restart services, Docker among them.
  const words = ['LC_ALL=C', 'DEBIAN_FRONTEND=noninteractive', 'NEEDRESTART_MODE=l', ...proxyWords(ctx.env), 'apt-get', ...args];
  const [file, rest] = root ? asRoot('env', words) : ['env', words];
  const where = cwd === undefined ? {} : { cwd };
  const began = ctx.clock.now();
  let reminded = Number.NEGATIVE_INFINITY;
  for (;;) {
    const { stdout, stderr, exitCode } = await ctx.runner.run(file, rest, { ...where, accept: true });
    const output = [stdout, stderr].filter(Boolean).join('\n');
    const holder = exitCode === 0 ? undefined : heldBy(output);
    if (holder === undefined) return { stdout, output, exitCode, command: withoutPassword(commandLine(file, rest, where)) };
    const waited = ctx.clock.now() - began;
    if (waited >= PATIENCE_MS) throw stillHeld(ctx, holder, output);
    const line = `apt is held by ${describeHolder(holder)}: waiting, ${Math.round(waited / 1000)} s`;
    ctx.status?.(line);
    if (waited - reminded >= REMIND_MS) {
      reminded = waited;
      ctx.say(line);
    }
    await ctx.clock.sleep(RETRY_MS, ctx.signal);
  }
}

function stillHeld(ctx: AptContext, holder: LockHolder, output: string): ToolkitError {
  const which = holder.pid === undefined ? 'sudo fuser -v /var/lib/dpkg/lock-frontend /var/lib/apt/lists/lock' : `ps -fp ${holder.pid}`;
  return new ToolkitError(`apt has been held by ${describeHolder(holder)} for ${PATIENCE_MS / 60_000} minutes`, {
    details: tail(output, 2),
    hint: `See what it does: ${which}. When it has ended, run the same command again.`,
    log: ctx.log,
  });
}

async function aptError(
  ctx: AptContext,
  { command, exitCode, output }: Omit<Ended, 'stdout'>,
  message: string,
  refresh: string,
): Promise<CommandError> {
  // Where apt-get itself has failed, sudo has only remarked on something, in any language: that it cannot resolve this machine's name.
  const said = exitCode === APT_FAILED ? output.replaceAll(/^sudo: .*$/gm, '') : output;
  return new CommandError(command, exitCode, output, { message, hint: await aptHintFor(ctx, said, refresh), log: ctx.log });
}

/** What to do next, by what apt printed and what this machine is; undefined where nothing is known to help. */
export async function aptHintFor(ctx: AptContext, output: string, refresh = ''): Promise<string | undefined> {
  const { id } = await distribution();
  return aptHint(output, { id, components: await components(ctx), proxy: shownProxy(ctx.env), refresh });
}

/** The components that apt has sources for (apt-get(8), indextargets). */
async function components({ runner }: Pick<Context, 'runner'>): Promise<Set<string>> {
  const { stdout } = await runner.run('apt-get', ['indextargets', '--format', '$(COMPONENT)', 'Created-By: Packages'], { accept: true });
  return new Set(stdout.split('\n'));
}
