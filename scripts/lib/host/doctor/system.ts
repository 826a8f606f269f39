import { osReleaseField } from '../distribution.js';
import { type Check, fail, forRoot, pass, warn } from './check.js';

/** Releases that the toolkit is made for, by os-release's ID: at least this version. */
const RELEASES: Readonly<Record<string, number>> = { debian: 12, ubuntu: 22.04 };
const GB = 1e9;
/** Below this the compilers and linkers of Kubernetes are killed; see docs/requirements.md for the second. Bytes. */
const MEMORY = { least: 2 * GB, comfortable: 7.5 * GB };

const distribution: Check = {
  id: 'distribution',
  title: 'distribution',
  quick: false,
  async look({ machine }) {
    const text = (await machine.read('/etc/os-release')) ?? (await machine.read('/usr/lib/os-release')) ?? '';
    const field = (name: string): string => osReleaseField(text, name);
    const name = field('PRETTY_NAME') || field('ID') || 'unknown';
    const oldest = RELEASES[field('ID')];
    // Testing releases of Debian have no number.
    if (oldest !== undefined && (field('VERSION_ID') === '' || Number(field('VERSION_ID')) >= oldest)) return pass(name);
    if (oldest !== undefined) return warn(`${name}: older than what the toolkit is tried on`, 'use Debian 12 or Ubuntu 22.04, or newer');
    const related = field('ID_LIKE').split(' ').includes('debian');
    return related
      ? warn(`${name}: not tried; apt is used as on Debian`)
      : warn(`${name}: has no apt, so what set-up needs must be installed by hand`, 'use Debian 12 or Ubuntu 22.04, or newer');
  },
};

const architecture: Check = {
  id: 'architecture',
  title: 'architecture',
  quick: true,
  look: async ({ machine }) =>
    machine.arch === 'x64'
      ? pass('x86-64')
      : fail(`${machine.arch}: the images and CRIU are built for x86-64 only`, 'use an x86-64 machine'),
};

const node: Check = {
  id: 'node',
  title: 'Node',
  quick: true,
  async look({ machine }) {
    return Number(machine.node.split('.')[0]) >= 20 ? pass(machine.node) : fail(`${machine.node} is too old`, 'install Node 20 or newer');
  },
};

const npm: Check = {
  id: 'npm',
  title: 'npm',
  quick: false,
  async look({ env, runner, machine }) {
    // npm tells scripts its version by npm_config_user_agent, e.g. "npm/9.2.0 node/v20.19.2 linux x64".
    const told = /^npm\/(\S+)/.exec(env['npm_config_user_agent'] ?? '')?.[1];
    const version = told ?? (await runner.run('npm', ['--version'], { accept: true }).catch(() => undefined))?.stdout;
    if (version !== undefined && version !== '') return pass(version);
    return warn('not found: packages of the toolkit cannot be installed', forRoot(machine, 'apt-get', 'install', 'npm'));
  },
};

const memory: Check = {
  id: 'memory',
  title: 'memory',
  quick: true,
  concerns: 'build',
  async look({ machine }) {
    const text = (await machine.read('/proc/meminfo')) ?? '';
    const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) * 1024;
    const [total, swap] = [bytes('MemTotal'), bytes('SwapTotal')];
    if (Number.isNaN(total)) return warn('could not be told: /proc/meminfo does not say');
    const seen = `${gb(total)} GB${swap > 0 ? ` and ${gb(swap)} GB of swap` : ''}`;
    if (total + (swap || 0) < MEMORY.least)
      return fail(`${seen}: too little to compile Kubernetes`, 'give the machine 8 GB of memory, or add swap (swapon(8))');
    if (total < MEMORY.comfortable) return warn(`${seen}: compiling Kubernetes may run short of it`, 'give the machine 8 GB, or add swap');
    return pass(seen);
  },
};

function gb(bytes: number): string {
  return (bytes / GB).toFixed(1);
}

export const systemChecks: readonly Check[] = [distribution, architecture, node, npm, memory];
