import { type Check, type Finding, fail, forRoot, pass, type Surroundings, warn } from './check.js';
import { engine } from './engine.js';

/** CAP_SYS_RESOURCE in the masks of /proc/PID/status (capability.h). */
const CAP_SYS_RESOURCE = 24n;
/** What kubelet and the container runtime limit containers with. */
const CONTROLLERS = ['cpu', 'cpuset', 'memory', 'pids'];
/** What kind asks for: https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files */
const INOTIFY = { max_user_instances: 512, max_user_watches: 524_288 };

const cgroups: Check = {
  id: 'cgroups',
  title: 'cgroups',
  quick: true,
  concerns: 'cluster',
  async look({ machine }) {
    const unified = await machine.read('/sys/fs/cgroup/cgroup.controllers');
    if (unified !== undefined) return judgeControllers('version 2', unified.trim().split(/\s+/));
    const enabled = ((await machine.read('/proc/cgroups')) ?? '')
      .split('\n')
      .map((line) => line.split('\t'))
      .flatMap(([name = '', , , on]) => (on?.trim() === '1' ? [name] : []));
    if (enabled.length === 0) return warn('could not be told: neither /sys/fs/cgroup nor /proc/cgroups says');
    const judged = judgeControllers('version 1', enabled);
    if (judged.verdict !== 'pass') return judged;
    // Debian 12's systemd, which the nodes run, is content with version 1; what is newer is not (see ARCHITECTURE.md).
    const v2 = (await machine.read('/proc/filesystems'))?.includes('cgroup2') === true;
    return v2
      ? pass('version 1 (works; kubelets from 1.35 on want version 2: boot with systemd.unified_cgroup_hierarchy=1)')
      : pass('version 1 (works; kubelets from 1.35 on want version 2)');
  },
};

function judgeControllers(version: string, there: readonly string[]): Finding {
  const missing = CONTROLLERS.filter((name) => !there.includes(name));
  if (missing.length === 0) return pass(version);
  return fail(
    `${version} without ${missing.join(', ')}: no kubelet starts without`,
    missing.includes('memory') ? 'boot with cgroup_enable=memory' : 'boot a kernel that has these controllers',
  );
}

const sysResource: Check = {
  id: 'cap-sys-resource',
  title: 'CAP_SYS_RESOURCE',
  quick: false,
  async look({ machine }) {
    const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec((await machine.read('/proc/self/status')) ?? '')?.[1];
    if (mask === undefined) return warn('could not be told: /proc/self/status does not say');
    if (((BigInt(`0x${mask}`) >> CAP_SYS_RESOURCE) & 1n) === 1n) return pass('root has it');
    // Nothing mends it from inside: the machine was started this way, and the toolkit's containerd and CRIU do without.
    return warn('root lacks it here: the nodes and CRIU of the toolkit do without, other clusters and engines before 23 do not');
  },
};

const appArmor: Check = {
  id: 'apparmor',
  title: 'AppArmor',
  quick: false,
  async look(on) {
    const { machine } = on;
    if ((await machine.read('/sys/module/apparmor/parameters/enabled'))?.trim() !== 'Y') return pass('not in force');
    const { version } = await engine(on);
    // The template of 24.0's package in Ubuntu 24.04's release pocket: https://github.com/checkpoint-restore/criu/issues/2516
    if (version?.startsWith('24.0.') === true)
      return warn(
        `in force, and the template of Docker ${version} may make docker checkpoint hang (criu#2516)`,
        forRoot(machine, 'apt-get', 'install', '--only-upgrade', 'docker.io'),
      );
    return pass('in force');
  },
};

const selinux: Check = {
  id: 'selinux',
  title: 'SELinux',
  quick: false,
  async look({ machine }) {
    const enforce = (await machine.read('/sys/fs/selinux/enforce'))?.trim();
    if (enforce === undefined) return pass('not in force');
    return enforce === '1'
      ? warn('enforcing: not tried with CRIU; where a checkpoint is denied, ausearch -m avc shows it', forRoot(machine, 'setenforce', '0'))
      : pass('permissive');
  },
};

const inotify: Check = {
  id: 'inotify',
  title: 'inotify limits',
  quick: false,
  async look({ machine }: Surroundings) {
    const entries = await Promise.all(
      Object.entries(INOTIFY).map(async ([name, wanted]) => ({
        name,
        wanted,
        found: Number((await machine.read(`/proc/sys/fs/inotify/${name}`)) ?? Number.NaN),
      })),
    );
    if (entries.some(({ found }) => Number.isNaN(found))) return warn('could not be told: /proc/sys/fs/inotify does not say');
    const low = entries.filter(({ found, wanted }) => found < wanted);
    if (low.length === 0) return pass(entries.map(({ name, found }) => `${name} ${found}`).join(', '));
    return warn(
      `${low.map(({ name, found, wanted }) => `${name} is ${found}, kind advises ${wanted}`).join('; ')}: clusters of several nodes fail with "too many open files"`,
      forRoot(machine, 'sysctl', '-w', ...low.map(({ name, wanted }) => `fs.inotify.${name}=${wanted}`)),
    );
  },
};

export const kernelChecks: readonly Check[] = [cgroups, sysResource, appArmor, selinux, inotify];
