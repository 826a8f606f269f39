import { TIMED_OUT } from '../../core/runner.js';
import { type Check, fail, pass, type Surroundings, warn } from './check.js';

/** How this user becomes root: is root, sudo lets them without a password, sudo asks, or not at all; or sudo does not answer in time. */
type RootAccess = 'root' | 'passwordless' | 'asks' | 'none' | 'slow';

/** What sudo and sudo-rs say to those who may do nothing (sudo(8); sudo-rs, src/common/error.rs). */
const MAY_NOT = /not in the sudoers|may not run sudo|is not allowed to|can't do that/i;

/**
 * Asks sudo without letting it ask: `sudo --validate` would want a password where any rule does (sudoers(5), verifypw). What it says to
 * that differs (`a password is required`, sudo-rs: `interactive authentication is required`), so whatever is no clear refusal is a question.
 */
async function rootAccess({ machine, runner }: Pick<Surroundings, 'machine' | 'runner'>): Promise<RootAccess> {
  if (machine.uid === 0) return 'root';
  // It knows nobody without an entry in the passwd database.
  if (machine.login === undefined) return 'none';
  const { stderr, exitCode } = await runner.run('sudo', ['-n', 'true'], { accept: true }).catch(() => ({ stderr: '', exitCode: 127 }));
  if (exitCode === 0) return 'passwordless';
  if (exitCode === TIMED_OUT) return 'slow';
  return exitCode === 127 || MAY_NOT.test(stderr) ? 'none' : 'asks';
}

/** Groups that sudo knows by default: of Debian and Ubuntu, of Ubuntu before 12.04, of Fedora and Arch. */
const GROUPS = new Set(['sudo', 'admin', 'wheel']);

const sudo: Check = {
  id: 'sudo',
  title: 'root',
  quick: true,
  concerns: 'root',
  async look(on) {
    switch (await rootAccess(on)) {
      case 'root':
        return pass('this user is root');
      case 'passwordless':
        return pass(`${on.machine.user} may use sudo, without a password`);
      case 'asks': {
        const asks = `sudo asks ${on.machine.user} for a password: once, before the steps begin`;
        // sudo tells whether it will grant anything only after the password.
        const { stdout } = await on.runner.run('id', ['-nG'], { accept: true });
        return stdout.split(' ').some((group) => GROUPS.has(group))
          ? pass(asks)
          : warn(
              `${asks}; and is in no group of sudo’s, so it may not be granted`,
              `as root: usermod -aG sudo ${on.machine.user}   (holds from the next login on)`,
            );
      }
      case 'slow':
        // It looks up the name of this machine first, and a name server may be out of reach.
        return warn('could not be told: sudo does not answer in time', 'sudo -v; where it cannot resolve the host, name it in /etc/hosts');
      case 'none':
        return fail(
          `${on.machine.user} is not root and may not use sudo: packages cannot be installed, nor the root file system be assembled`,
          on.machine.login === undefined
            ? 'run as root, or as a user with an entry in /etc/passwd'
            : `as root: apt-get install sudo && usermod -aG sudo ${on.machine.login}   (holds from the next login on); or run as root`,
        );
    }
  },
};

export const sudoChecks: readonly Check[] = [sudo];
