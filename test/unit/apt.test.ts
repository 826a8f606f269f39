import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { debianMirror, debianSources, distribution, installPackages, missingPackages } from '../../scripts/lib/apt.js';
import { engineWorks, workingCandidate } from '../../scripts/steps/docker-engine.js';
import { put, temporaryFolder, testContext } from '../support/context.js';
import { fakeRunner } from '../support/fake-runner.js';

describe('packages', () => {
  const query = (names: string): string => `dpkg-query -W -f $'\${Package} \${db:Status-Status}\\\\n' ${names}`;

  test('that dpkg does not call installed are missing', async () => {
    const runner = fakeRunner({
      [query('git make libcap-dev nftables unheard-of')]: {
        stdout: 'git installed\nmake not-installed\nlibcap-dev installed\nlibcap-dev installed\nnftables config-files',
        stderr: 'dpkg-query: no packages found matching unheard-of',
        exitCode: 1,
      },
    });
    expect(await missingPackages(runner, ['git', 'make', 'libcap-dev', 'nftables', 'unheard-of'])).toEqual([
      'make',
      'nftables',
      'unheard-of',
    ]);
  });

  test('are all missing when dpkg knows none', async () => {
    expect(await missingPackages(fakeRunner({ [query('git')]: 1 }), ['git'])).toEqual(['git']);
  });

  test('are installed after a refresh of the lists, and nothing is removed for them', async () => {
    const runner = fakeRunner(() => '');
    await installPackages(testContext({ runner }), ['git', 'make']);
    const words = runner.calls.map(({ file, args }) => [file, ...args].filter((word) => !['sudo', '--'].includes(word)));
    expect(words[0]).toEqual(['apt-get', 'update']);
    expect(words[1]?.slice(-6)).toEqual(['install', '--yes', '--no-install-recommends', '--no-remove', 'git', 'make']);
  });

  test('are installed without questions, through sudo too', async () => {
    const runner = fakeRunner(() => '');
    await installPackages(testContext({ runner }), ['git']);
    // sudo resets the environment: what is set must be part of the command.
    expect(runner.calls[1]?.args).toContain('DEBIAN_FRONTEND=noninteractive');
  });
});

describe('the distribution', () => {
  test('is read from os-release, quoted or not', async () => {
    const folder = temporaryFolder();
    const debian = await put(
      path.join(folder, 'debian'),
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n',
    );
    const ubuntu = await put(path.join(folder, 'ubuntu'), 'ID_LIKE=debian\nID="ubuntu"\nVERSION_ID="24.04"\nVERSION_CODENAME="noble"\n');
    expect(await distribution(debian)).toEqual({ id: 'debian', codename: 'bookworm' });
    expect(await distribution(ubuntu)).toEqual({ id: 'ubuntu', codename: 'noble' });
    expect(await distribution(path.join(folder, 'gone'))).toEqual({ id: '', codename: '' });
  });
});

describe("the machine's own Debian mirror", () => {
  const targets = "apt-get indextargets --format $'$(ORIGIN)|$(CODENAME)|$(REPO_URI)' $'Created-By: Packages'";
  const osRelease = (): Promise<string> => put(path.join(temporaryFolder(), 'os-release'), 'ID=debian\nVERSION_CODENAME=bookworm\n');
  const rows = [
    'Docker|bookworm|https://download.example/linux/debian/',
    'Debian|bookworm-security|http://security.example/debian-security/',
    'Debian|bookworm|http://mirror.example/debian/',
    'Debian|trixie|http://other.example/debian/',
  ].join('\n');

  test('is that of its own suite, not of another origin or suite', async () => {
    const ctx = testContext({ runner: fakeRunner({ [targets]: rows }) });
    expect(await debianMirror(ctx, await osRelease())).toEqual({
      uri: 'http://mirror.example/debian/',
      signedBy: '/usr/share/keyrings/debian-archive-keyring.gpg',
    });
  });

  test('is looked for again after a refresh of the lists', async () => {
    let refreshed = false;
    const runner = fakeRunner(({ line }) => {
      if (line === targets) return refreshed ? rows : '||http://mirror.example/debian/';
      if (!line.endsWith('apt-get update')) return undefined;
      refreshed = true;
      return '';
    });
    expect((await debianMirror(testContext({ runner }), await osRelease())).uri).toBe('http://mirror.example/debian/');
  });

  test('may be absent, which is said', async () => {
    const runner = fakeRunner(({ line }) => (line === targets ? 'Ubuntu|noble|http://mirror.example/ubuntu/' : ''));
    await expect(debianMirror(testContext({ runner }), await osRelease())).rejects.toThrow('apt knows no Debian mirror on this machine');
  });
});

describe('a Docker engine', () => {
  test.each([
    ['20.10.24', false],
    ['20.10.24+dfsg1', false],
    ['22.06.0-beta.0', false],
    ['23.0.0', true],
    ['26.1.5+dfsg1', true],
    ['27.5.1', true],
    ['27.5.1-1~ubuntu.24.04~noble', true],
    ['28.0.0', false],
    ['28.0.0-rc.1', false],
    ['29.1.2', false],
    ['', false],
    ['unknown', false],
  ])('of version %j works: %s', (version, works) => {
    expect(engineWorks(version)).toBe(works);
  });

  test('to install is the first that apt lists and that works', () => {
    const madison = [
      ' docker.io | 28.2.2-0ubuntu1~24.04.1 | http://mirror.example/ubuntu noble-updates/universe amd64 Packages',
      ' docker.io | 5:27.5.1-0ubuntu3 | http://mirror.example/ubuntu noble-updates/universe amd64 Packages',
      ' docker.io | 24.0.7-0ubuntu4 | http://mirror.example/ubuntu noble/universe amd64 Packages',
    ].join('\n');
    expect(workingCandidate(madison)).toBe('5:27.5.1-0ubuntu3');
    expect(
      workingCandidate(' docker.io | 20.10.24+dfsg1-1+b3 | http://mirror.example/debian bookworm/main amd64 Packages'),
    ).toBeUndefined();
    expect(workingCandidate('')).toBeUndefined();
  });
});

describe('sources for a root file system', () => {
  const targets = [
    'Debian|bookworm|main|http://mirror.example/debian/',
    'Debian|bookworm|main|http://mirror.example/debian/',
    'Debian|bookworm|contrib|http://mirror.example/debian/',
    'Debian|bookworm-security|main|http://mirror.example/security/',
    'Other|bookworm|main|http://other.example/',
  ].join('\n');
  const keyring = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';

  test('are the mirrors of this machine, for the suite that is wanted', async () => {
    const osRelease = await put(path.join(temporaryFolder(), 'os-release'), 'ID=debian\nVERSION_CODENAME=bookworm\n');
    const ctx = testContext({ runner: fakeRunner(() => targets) });
    expect(await debianSources(ctx, 'trixie', osRelease)).toEqual([
      `deb ${keyring} http://mirror.example/debian/ trixie main`,
      `deb ${keyring} http://mirror.example/security/ trixie-security main`,
    ]);
  });

  test('are left to mmdebstrap on another distribution', async () => {
    const osRelease = await put(path.join(temporaryFolder(), 'os-release'), 'ID=ubuntu\nVERSION_CODENAME=noble\n');
    expect(await debianSources(testContext({ runner: fakeRunner(() => targets) }), 'bookworm', osRelease)).toEqual([]);
  });
});
