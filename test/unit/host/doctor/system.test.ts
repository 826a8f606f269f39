import { describe, expect, test } from 'vitest';
import { sudoChecks } from '../../../../scripts/lib/host/doctor/sudo.js';
import { systemChecks } from '../../../../scripts/lib/host/doctor/system.js';
import { look } from '../../../support/machine.js';

const osRelease = (text: string) => ({ machine: { files: { '/etc/os-release': text } } });

describe('the distribution', () => {
  test.each([
    ['PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n', 'pass', 'Debian GNU/Linux 12 (bookworm)'],
    ['PRETTY_NAME="Debian GNU/Linux forky/sid"\nID=debian\n', 'pass', 'Debian GNU/Linux forky/sid'],
    ['PRETTY_NAME="Ubuntu 22.04.5 LTS"\nID=ubuntu\nVERSION_ID="22.04"\n', 'pass', 'Ubuntu 22.04.5 LTS'],
    ['PRETTY_NAME="Ubuntu 20.04 LTS"\nID=ubuntu\nVERSION_ID="20.04"\n', 'warn', 'older'],
    ['PRETTY_NAME="Debian GNU/Linux 11"\nID=debian\nVERSION_ID="11"\n', 'warn', 'older'],
    ['PRETTY_NAME="Linux Mint 22"\nID=linuxmint\nID_LIKE="ubuntu debian"\n', 'warn', 'not tried'],
    ['PRETTY_NAME="Fedora Linux 41"\nID=fedora\n', 'warn', 'no apt'],
    ['', 'warn', 'unknown'],
  ])('%j: %s', async (text, verdict, seen) => {
    expect(await look(systemChecks, 'distribution', osRelease(text))).toMatchObject({ verdict, seen: expect.stringContaining(seen) });
  });
});

describe('the machine', () => {
  test('must be an x86-64 one', async () => {
    expect(await look(systemChecks, 'architecture')).toMatchObject({ verdict: 'pass', seen: 'x86-64' });
    expect(await look(systemChecks, 'architecture', { machine: { arch: 'arm64' } })).toMatchObject({
      verdict: 'fail',
      seen: expect.stringContaining('arm64'),
    });
  });

  test.each([
    ['18.19.1', 'fail'],
    ['20.0.0', 'pass'],
    ['22.3.0', 'pass'],
  ])('has Node %s: %s', async (node, verdict) => {
    expect((await look(systemChecks, 'node', { machine: { node } })).verdict).toBe(verdict);
  });

  test('has the npm that started the script, else the one on PATH, else none', async () => {
    const env = { npm_config_user_agent: 'npm/9.2.0 node/v20.19.2 linux x64' };
    expect(await look(systemChecks, 'npm', { env })).toMatchObject({ verdict: 'pass', seen: '9.2.0' });
    expect(await look(systemChecks, 'npm', { commands: { 'npm --version': '10.8.2' } })).toMatchObject({ verdict: 'pass', seen: '10.8.2' });
    expect(await look(systemChecks, 'npm', { commands: { 'npm --version': new Error('not found') } })).toMatchObject({
      verdict: 'warn',
      mend: 'sudo apt-get install npm',
    });
  });

  test.each([
    ['MemTotal: 24684092 kB\nSwapTotal: 0 kB\n', 'pass', '25.3 GB'],
    ['MemTotal: 4000000 kB\nSwapTotal: 0 kB\n', 'warn', '4.1 GB'],
    ['MemTotal: 1000000 kB\nSwapTotal: 0 kB\n', 'fail', '1.0 GB'],
    ['MemTotal: 1000000 kB\nSwapTotal: 4000000 kB\n', 'warn', '4.1 GB of swap'],
    ['', 'warn', 'could not be told'],
  ])('has memory %j: %s', async (meminfo, verdict, seen) => {
    expect(await look(systemChecks, 'memory', { machine: { files: { '/proc/meminfo': meminfo } } })).toMatchObject({
      verdict,
      seen: expect.stringContaining(seen),
    });
  });
});

describe('becoming root', () => {
  test('is not needed as root', async () => {
    expect(await look(sudoChecks, 'sudo', { machine: { uid: 0, user: 'root' } })).toMatchObject({
      verdict: 'pass',
      seen: expect.stringContaining('root'),
    });
  });

  test('is not for a user without a login, whom sudo does not know', async () => {
    expect(await look(sudoChecks, 'sudo', { machine: { uid: 4321, user: 'uid 4321', login: undefined } })).toEqual({
      verdict: 'fail',
      seen: expect.stringContaining('uid 4321 is not root and may not use sudo'),
      mend: 'run as root, or as a user with an entry in /etc/passwd',
    });
  });

  test.each([
    ['without a password', '', 'pass', 'without a password'],
    ['where the user may not', { stderr: 'alice is not in the sudoers file.', exitCode: 1 }, 'fail', 'may not use sudo'],
    ['where there is no sudo', new Error('sudo: command not found'), 'fail', 'may not use sudo'],
    ['that does not answer in time', { exitCode: 124 }, 'warn', 'could not be told'],
  ])('goes through sudo %s', async (_, answer, verdict, seen) => {
    expect(await look(sudoChecks, 'sudo', { commands: { 'sudo -n true': answer } })).toMatchObject({
      verdict,
      seen: expect.stringContaining(seen),
    });
  });

  test.each([
    ['alice sudo docker', 'sudo: a password is required', 'pass'],
    ['alice sudo docker', 'sudo: interactive authentication is required', 'pass'],
    ['alice sudo docker', 'sudo: a reason that nobody has heard of', 'pass'],
    ['alice sudoku', 'sudo: a password is required', 'warn'],
  ])('goes through sudo with a password, and whether it is granted is told only after that: %s, %s', async (groups, stderr, verdict) => {
    const commands = { 'sudo -n true': { stderr, exitCode: 1 }, 'id -nG': groups };
    expect(await look(sudoChecks, 'sudo', { commands })).toMatchObject({
      verdict,
      seen: expect.stringContaining('asks alice for a password'),
    });
  });
});
