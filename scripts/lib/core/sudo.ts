import type { Context } from './context.js';
import { ToolkitError } from './errors.js';
import { hasProgram } from './runner.js';
import { thisUser } from './user.js';

/** How often the right is renewed, milliseconds: sudo forgets a password after 5 to 15 minutes (sudoers(5), timestamp_timeout). */
const RENEW_MS = 60_000;

export interface Who {
  readonly uid: number;
  readonly name: string;
  /** True where someone can type a password. */
  readonly terminal: boolean;
}

const me = (): Who => ({ ...thisUser(), terminal: process.stdin.isTTY === true && process.stderr.isTTY === true });

/**
 * Makes sure that commands can run as root, before anything is shown or begun: asks for sudo's password once, where it wants one and
 * there is a terminal, and keeps it alive. `sudo -n true` is asked first, for `sudo -v` wants a password when any rule for the user
 * does, though the one that holds does not (sudoers(5), verifypw).
 * @returns ends the keeping alive
 * @throws ToolkitError with what to do, where this user cannot become root
 */
export async function holdRoot(ctx: Context, who: Who = me()): Promise<() => void> {
  if (who.uid === 0) return () => undefined;
  if (!(await hasProgram(ctx.runner, 'sudo')))
    throw new ToolkitError('some steps need root, and there is no sudo', { hint: 'Run the same command as root, or install sudo.' });
  if (!(await granted(ctx))) {
    if (!who.terminal)
      throw new ToolkitError('some steps need root, and sudo wants a password that nobody can type here', {
        hint: `Run the same command on a terminal or as root; or let this user in without a password: echo '${who.name} ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/kind-checkpoint`,
      });
    ctx.say('some steps need root:');
    await ctx.runner.run('sudo', ['-v'], {
      interactive: true,
      failure: 'some steps need root, and sudo does not grant it',
      hint: 'Run as root, or as a user who may use sudo.',
    });
    if (!(await granted(ctx)))
      throw new ToolkitError('sudo forgets the password at once', {
        details: ['timestamp_timeout=0, see sudo -l'],
        hint: 'Run the same command as root.',
      });
  }
  const ended = new AbortController();
  void keepAlive(ctx, ended.signal);
  return () => ended.abort(new Error('no longer needed'));
}

/** True when a command runs as root without a password; renews the time for which sudo knows it. */
async function granted(ctx: Pick<Context, 'runner'>): Promise<boolean> {
  const { exitCode } = await ctx.runner.run('sudo', ['-n', 'true'], { accept: true });
  return exitCode === 0;
}

/** Renews until it is ended, or the run is stopped. */
async function keepAlive(ctx: Pick<Context, 'runner' | 'clock'>, ended: AbortSignal): Promise<void> {
  try {
    while (!ended.aborted) {
      await ctx.clock.sleep(RENEW_MS, ended);
      await granted(ctx);
    }
  } catch {
    // Ended: the next command as root says so itself, where one is still to come.
  }
}

/** A command as root: directly, or through sudo, which was asked for a password before the steps began (see {@link holdRoot}). */
export function asRoot(file: string, args: readonly string[], uid = process.getuid?.() ?? 0): [string, string[]] {
  return uid === 0 ? [file, [...args]] : ['sudo', ['--', file, ...args]];
}
