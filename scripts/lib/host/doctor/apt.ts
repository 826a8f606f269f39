import { type Check, pass, type Surroundings, skip, warn } from './check.js';

/** What apt and dpkg lock: the lists, the downloads, dpkg's database and its front ends (apt.conf(5), Dir). */
const LOCKS = ['/var/lib/dpkg/lock-frontend', '/var/lib/dpkg/lock', '/var/lib/apt/lists/lock', '/var/cache/apt/archives/lock'];
/** Programs that take these locks, by their names as the kernel cuts them off. */
const APT = /^(apt|aptd|aptitude|dpkg|packagekitd|synaptic|unattended-upgr|update-manager|apt\..*|apt-get)/;

const aptLocks: Check = {
  id: 'apt-locks',
  title: 'apt’s locks',
  quick: false,
  async look(on) {
    if ((await on.machine.ownership('/usr/bin/apt-get')) === undefined) return skip('there is no apt-get');
    const holders = await lockHolders(on);
    if (holders.length === 0) return pass('free');
    const pids = holders.flatMap(({ pid }) => (pid > 0 ? [String(pid)] : []));
    return warn(
      `held by ${holders.map(({ pid, program }) => `${program ?? 'another program'}${pid > 0 ? ` (process ${pid})` : ''}`).join(', ')}: set-up waits for it`,
      pids.length === 0 ? 'wait until it has ended' : `wait until it has ended; what it does: ps -fp ${pids.join(',')}`,
    );
  },
};

interface Holder {
  /** 0 for a process of another PID namespace. */
  readonly pid: number;
  readonly program: string | undefined;
}

/** Who holds one of apt's locks, by /proc/locks (proc(5)): takes no lock itself, and needs no root. */
async function lockHolders({ machine }: Pick<Surroundings, 'machine'>): Promise<Holder[]> {
  const held = ((await machine.read('/proc/locks')) ?? '').split('\n').flatMap((line) => {
    const [, kind, , access, pid, place = ''] = line.trim().split(/\s+/);
    const [major = '', minor = '', inode = ''] = place.split(':');
    return kind === 'POSIX' && access === 'WRITE' ? [{ pid: Number(pid), device: `${major}:${minor}`, inode }] : [];
  });
  const found = new Map<number, Holder>();
  for (const file of LOCKS) {
    const id = await machine.identity(file);
    if (id === undefined) continue;
    for (const { pid, device } of held.filter((lock) => lock.inode === id.inode)) {
      const program = (await machine.read(`/proc/${pid}/comm`))?.trim();
      // Some file systems (btrfs, overlay) give their files another device than the one that is locked.
      if (device !== id.device && !APT.test(program ?? '')) continue;
      found.set(pid, { pid: Math.max(0, pid), program });
    }
  }
  return [...found.values()];
}

export const aptChecks: readonly Check[] = [aptLocks];
