import { describe, expect, test } from 'vitest';
import { criuChecks, judgeCriuCheck, judgeKernelOptions } from '../../../../scripts/lib/host/doctor/criu.js';
import { kernelChecks } from '../../../../scripts/lib/host/doctor/kernel.js';
import { docker } from '../../../support/engine.js';
import { type FakeMachine, look } from '../../../support/machine.js';

const withFiles = (files: Record<string, string>, more: FakeMachine = {}) => ({ machine: { ...more, files } });

describe('control groups', () => {
  test.each([
    ['version 2', { '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory hugetlb pids rdma misc\n' }, 'pass', 'version 2'],
    ['version 2 without memory', { '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io pids\n' }, 'fail', 'without memory'],
    ['version 1', { '/proc/cgroups': v1('cpuset', 'cpu', 'memory', 'pids') }, 'pass', 'version 1'],
    ['version 1 without memory', { '/proc/cgroups': `${v1('cpuset', 'cpu', 'pids')}memory\t0\t1\t0\n` }, 'fail', 'without memory'],
    ['nothing', {}, 'warn', 'could not be told'],
  ])('of %s', async (_, files: Record<string, string>, verdict, seen) => {
    expect(await look(kernelChecks, 'cgroups', withFiles(files))).toMatchObject({ verdict, seen: expect.stringContaining(seen) });
  });

  test('of version 1 can be exchanged where the kernel knows version 2', async () => {
    const files = { '/proc/cgroups': v1('cpuset', 'cpu', 'memory', 'pids'), '/proc/filesystems': 'nodev\tcgroup2\n' };
    expect((await look(kernelChecks, 'cgroups', withFiles(files))).seen).toContain('unified_cgroup_hierarchy=1');
  });
});

function v1(...names: string[]): string {
  return `#subsys_name\thierarchy\tnum_cgroups\tenabled\n${names.map((name) => `${name}\t1\t1\t1\n`).join('')}`;
}

describe('CAP_SYS_RESOURCE', () => {
  test.each([
    ['000001ffffffffff', 'pass'],
    ['000001fffeffffff', 'warn'],
    ['0000000001000000', 'pass'],
  ])('in the mask %s: %s', async (mask, verdict) => {
    expect(
      (await look(kernelChecks, 'cap-sys-resource', withFiles({ '/proc/self/status': `CapEff:\t0\nCapBnd:\t${mask}\n` }))).verdict,
    ).toBe(verdict);
  });
});

describe('what may forbid things', () => {
  const enabled = '/sys/module/apparmor/parameters/enabled';

  test.each([
    ['absent', {}, '24.0.7', 'pass'],
    ['in force with an engine whose template is right', { [enabled]: 'Y\n' }, '26.1.5', 'pass'],
    ['in force with the engine whose template makes CRIU hang', { [enabled]: 'Y\n' }, '24.0.7', 'warn'],
  ])('AppArmor %s', async (_, files: Record<string, string>, engine, verdict) => {
    expect((await look(kernelChecks, 'apparmor', { ...withFiles(files), ...docker({ info: { ServerVersion: engine } }) })).verdict).toBe(
      verdict,
    );
  });

  test.each([
    [undefined, 'pass'],
    ['0', 'pass'],
    ['1', 'warn'],
  ])('SELinux enforcing: %s', async (enforce, verdict) => {
    const files: Record<string, string> = enforce === undefined ? {} : { '/sys/fs/selinux/enforce': enforce };
    expect((await look(kernelChecks, 'selinux', withFiles(files))).verdict).toBe(verdict);
  });
});

describe('inotify', () => {
  const limits = (instances: number, watches: number) =>
    withFiles({ '/proc/sys/fs/inotify/max_user_instances': `${instances}\n`, '/proc/sys/fs/inotify/max_user_watches': `${watches}\n` });

  test('is enough where it is what kind advises', async () => {
    expect((await look(kernelChecks, 'inotify', limits(512, 524_288))).verdict).toBe('pass');
  });

  test('is raised by a command that names only what is too low', async () => {
    expect(await look(kernelChecks, 'inotify', limits(128, 1_048_576))).toMatchObject({
      verdict: 'warn',
      seen: expect.stringContaining('max_user_instances is 128'),
      mend: 'sudo sysctl -w fs.inotify.max_user_instances=512',
    });
  });
});

const REQUIRED = ['CHECKPOINT_RESTORE', 'NAMESPACES', 'UTS_NS', 'IPC_NS', 'PID_NS', 'NET_NS', 'FHANDLE', 'EVENTFD', 'EPOLL', 'UNIX_DIAG'];
const ADVISED = ['INET_DIAG', 'INET_UDP_DIAG', 'PACKET_DIAG', 'NETLINK_DIAG', 'NETFILTER_XT_MARK', 'TUN', 'MEM_SOFT_DIRTY', 'USERFAULTFD'];
const config = (...names: string[]): string => names.map((name, index) => `CONFIG_${name}=${index % 2 === 0 ? 'y' : 'm'}\n`).join('');

describe('the options of the kernel', () => {
  test('are found built in or as modules', () => {
    expect(judgeKernelOptions(config(...REQUIRED, ...ADVISED), '/proc/config.gz').verdict).toBe('pass');
  });

  test('that some processes need are told, with what their absence costs', () => {
    const text = `${config(...REQUIRED, ...ADVISED.filter((name) => name !== 'MEM_SOFT_DIRTY'))}# CONFIG_MEM_SOFT_DIRTY is not set\n`;
    expect(judgeKernelOptions(text, '/proc/config.gz')).toMatchObject({
      verdict: 'warn',
      seen: '/proc/config.gz lacks CONFIG_MEM_SOFT_DIRTY (no dirty tracking, so no pre-dumps)',
    });
  });

  test('that CRIU cannot do without fail', () => {
    expect(judgeKernelOptions(config(...REQUIRED.slice(1), ...ADVISED), '/boot/config')).toMatchObject({
      verdict: 'fail',
      seen: expect.stringContaining('CONFIG_CHECKPOINT_RESTORE'),
    });
  });

  test('are read where the kernel keeps them, else where the distribution does', async () => {
    const files = { '/proc/sys/kernel/osrelease': '6.1.0-9-amd64\n', '/boot/config-6.1.0-9-amd64': config(...REQUIRED, ...ADVISED) };
    expect(await look(criuChecks, 'kernel-options', withFiles(files))).toMatchObject({
      verdict: 'pass',
      seen: expect.stringContaining('/boot/config-6.1.0-9-amd64'),
    });
    expect(await look(criuChecks, 'kernel-options')).toMatchObject({ verdict: 'warn', seen: expect.stringContaining('could not be told') });
  });
});

describe('criu check --all', () => {
  const MAYBE =
    'Looks good but some kernel features are missing\nwhich, depending on your process tree, may cause\ndump or restore failure.';

  test('looks good', () => {
    expect(judgeCriuCheck('Looks good.\n')).toEqual({ verdict: 'pass', seen: 'looks good' });
  });

  test('tells the limits of this machine in plain words', () => {
    const found = judgeCriuCheck(
      [
        "Warn  (criu/kerndat.c:1640): Hardware breakpoints don't seem to work (status=0)",
        'Warn  (criu/cr-check.c:823): Dirty tracking is OFF. Memory snapshot will not work.',
        'Error (criu/cr-check.c:1330): UFFD is not supported',
        'Warn  (criu/cr-check.c:1111): Something new.',
        MAYBE,
      ].join('\n'),
    );
    expect(found.verdict).toBe('warn');
    for (const words of [/breakpoints do not fire/, /pre-dumps/, /lazy restore/, /Something new\./]) expect(found.seen).toMatch(words);
  });

  test('looks good and warns nonetheless: of breakpoints, which no feature stands for', () => {
    expect(judgeCriuCheck("Warn  (criu/kerndat.c:1640): Hardware breakpoints don't seem to work (status=0)\nLooks good.\n")).toMatchObject({
      verdict: 'warn',
      seen: expect.stringContaining('breakpoints'),
    });
  });

  test('does not look good', () => {
    expect(judgeCriuCheck('Error (criu/cr-check.c:100): map_files is not there\nDoes not look good.\n')).toMatchObject({
      verdict: 'fail',
      seen: expect.stringContaining('map_files is not there'),
    });
  });

  const program = '/home/alice/checkout/.cache/build/criu';
  const criuReport = '/home/alice/checkout/.cache/build/criu-check.txt';

  test('is what the set-up has kept of it', async () => {
    expect(await look(criuChecks, 'criu-check', { ...withFiles({ [criuReport]: 'Looks good.\n' }), criuReport })).toMatchObject({
      verdict: 'pass',
    });
  });

  test('is asked of a CRIU that is built, without a question for a password', async () => {
    const facts = { ...withFiles({ [program]: '' }), criuReport };
    expect(
      await look(criuChecks, 'criu-check', { ...facts, commands: { [`sudo -n -- ${program} check --all`]: 'Looks good.' } }),
    ).toMatchObject({ verdict: 'pass' });
    const unresolved = { stdout: 'Looks good.', stderr: 'sudo: unable to resolve host box: Name or service not known' };
    expect(
      await look(criuChecks, 'criu-check', { ...facts, commands: { [`sudo -n -- ${program} check --all`]: unresolved } }),
    ).toMatchObject({ verdict: 'pass' });
    const refused = { stderr: 'sudo: a password is required', exitCode: 1 };
    expect(await look(criuChecks, 'criu-check', { ...facts, commands: { [`sudo -n -- ${program} check --all`]: refused } })).toMatchObject({
      verdict: 'warn',
      seen: expect.stringContaining('not asked'),
      mend: `sudo ${program} check --all`,
    });
  });

  test('cannot be asked before CRIU is built', async () => {
    expect(await look(criuChecks, 'criu-check', { criuReport })).toMatchObject({
      verdict: 'skip',
      seen: expect.stringContaining('not built yet'),
    });
  });
});
