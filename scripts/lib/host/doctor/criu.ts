import path from 'node:path';
import { asRoot } from '../../core/sudo.js';
import { type Check, type Finding, fail, pass, type Surroundings, skip, warn } from './check.js';

/** Kernel options that CRIU cannot do without, and those that some processes need (https://criu.org/Linux_kernel). */
const OPTIONS = {
  required: ['CHECKPOINT_RESTORE', 'NAMESPACES', 'UTS_NS', 'IPC_NS', 'PID_NS', 'NET_NS', 'FHANDLE', 'EVENTFD', 'EPOLL', 'UNIX_DIAG'],
  advised: ['INET_DIAG', 'INET_UDP_DIAG', 'PACKET_DIAG', 'NETLINK_DIAG', 'NETFILTER_XT_MARK', 'TUN', 'MEM_SOFT_DIRTY', 'USERFAULTFD'],
};

/** What the absence of an option costs, where it is worth a word. */
const COSTS: Readonly<Record<string, string>> = {
  MEM_SOFT_DIRTY: 'no dirty tracking, so no pre-dumps',
  USERFAULTFD: 'no lazy restore',
  NETFILTER_XT_MARK: 'no locking of TCP connections',
  INET_DIAG: 'no TCP sockets',
  INET_UDP_DIAG: 'no UDP sockets',
};

const kernelOptions: Check = {
  id: 'kernel-options',
  title: 'kernel options',
  quick: true,
  concerns: 'build',
  async look({ machine }) {
    const release = (await machine.read('/proc/sys/kernel/osrelease'))?.trim() ?? '';
    const places = ['/proc/config.gz', `/boot/config-${release}`, `/lib/modules/${release}/config`];
    for (const place of places) {
      const text = await machine.read(place);
      if (text !== undefined) return judgeKernelOptions(text, place);
    }
    return warn(`could not be told: ${places.join(', ')}: none can be read`);
  },
};

/** Says whether a kernel configuration has what CRIU needs. @param place where the configuration was found */
export function judgeKernelOptions(config: string, place: string): Finding {
  const on = new Set([...config.matchAll(/^CONFIG_(\w+)=[ym]$/gm)].map(([, name]) => name));
  const absent = (names: readonly string[]): string[] => names.filter((name) => !on.has(name));
  const missing = absent(OPTIONS.required);
  if (missing.length > 0)
    return fail(
      `${place} lacks ${missing.map((name) => `CONFIG_${name}`).join(', ')}: CRIU cannot work`,
      'boot the kernel of the distribution',
    );
  const lacking = absent(OPTIONS.advised);
  if (lacking.length === 0) return pass(`all that CRIU asks for (${place})`);
  const told = lacking.map((name) => `CONFIG_${name}${COSTS[name] === undefined ? '' : ` (${COSTS[name]})`}`);
  return warn(`${place} lacks ${told.join(', ')}`, 'nothing for checkpoints; for the rest boot the kernel of the distribution');
}

const criuCheck: Check = {
  id: 'criu-check',
  title: 'criu check --all',
  quick: false,
  async look({ paths, runner, machine, criuReport }: Surroundings) {
    const kept = await machine.read(criuReport);
    if (kept !== undefined) return judgeCriuCheck(kept);
    const program = path.join(paths.build, 'criu');
    if ((await machine.ownership(program)) === undefined) return skip('CRIU is not built yet');
    const [file, args] = asRoot(program, ['check', '--all'], machine.uid);
    const { stdout, stderr } = await runner.run(file, args[0] === '--' ? ['-n', ...args] : args, { accept: true });
    if (file === 'sudo' && /^sudo: (?!unable to resolve host)/m.test(stderr))
      return warn('not asked: sudo wants a password', `sudo ${program} check --all`);
    return judgeCriuCheck(`${stdout}\n${stderr}`);
  },
};

/**
 * Says what the output of `criu check --all` means. It holds "Looks good.", "Looks good but some kernel features are missing", or
 * "Does not look good." (criu/cr-check.c); what is missing stands in lines such as "Warn  (criu/cr-check.c:1346): Dirty tracking is OFF. …".
 */
export function judgeCriuCheck(output: string): Finding {
  const told = [...output.matchAll(/^\s*(?:Warn|Error)\s+\([^)]*\):\s*(.+?)\s*$/gm)].map(([, text = '']) => text);
  const missing = [...new Set(told)];
  if (/^Looks good\.?$/m.test(output) && missing.length === 0) return pass('looks good');
  if (/^Looks good\b/m.test(output)) {
    const notes = missing.map((text) => {
      const known = MEANING.find(({ pattern }) => pattern.test(text));
      return known === undefined ? text : known.means;
    });
    return warn(`looks good, with limits of this machine: ${notes.join('; ') || 'it does not say which'}`);
  }
  return fail(
    `this kernel lacks what CRIU needs: ${missing.join('; ') || output.trim().split('\n').at(-1) || 'it does not say what'}`,
    'boot the kernel of the distribution; https://criu.org/Linux_kernel',
  );
}

/** CRIU's words, and what they mean here. */
const MEANING: ReadonlyArray<{ readonly pattern: RegExp; readonly means: string }> = [
  {
    pattern: /hardware breakpoints/i,
    means: 'hardware breakpoints do not fire (a virtual machine): CRIU single-steps instead, which takes longer',
  },
  { pattern: /dirty tracking/i, means: 'no dirty tracking: pre-dumps do not work, checkpoints do' },
  { pattern: /uffd|userfaultfd/i, means: 'no userfaultfd: lazy restore does not work' },
];

export const criuChecks: readonly Check[] = [kernelOptions, criuCheck];
