import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { debianMirror, debianSources, fetchDebianSource } from '../../../scripts/lib/host/apt-sources.js';
import { distribution } from '../../../scripts/lib/host/distribution.js';
import { put, temporaryFolder, testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

describe('the distribution', () => {
  test('is read from os-release, quoted or not', async () => {
    const folder = temporaryFolder();
    const debian = await put(
      path.join(folder, 'debian'),
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n',
    );
    const ubuntu = await put(path.join(folder, 'ubuntu'), 'ID_LIKE=debian\nID="ubuntu"\nVERSION_ID="24.04"\nVERSION_CODENAME="noble"\n');
    expect(await distribution(debian)).toEqual({ id: 'debian', codename: 'bookworm', name: 'Debian GNU/Linux 12 (bookworm)' });
    expect(await distribution(ubuntu)).toEqual({ id: 'ubuntu', codename: 'noble', name: '' });
    expect(await distribution(path.join(folder, 'gone'))).toEqual({ id: '', codename: '', name: '' });
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

  test('is one out of a list of mirrors, which only this machine has', async () => {
    const list = await put(
      path.join(temporaryFolder(), 'mirrors.list'),
      '# ours\nhttps://near.example/debian\tpriority:1\nhttps://far.example/debian\n',
    );
    const ctx = testContext({ runner: fakeRunner({ [targets]: `Debian|bookworm|mirror+file:${list}/` }) });
    expect((await debianMirror(ctx, await osRelease())).uri).toBe('https://near.example/debian');
    const row = `Debian|bookworm|main|mirror+file:${list}/`;
    expect(await debianSources(testContext({ runner: fakeRunner(() => row) }), 'trixie', await osRelease())).toEqual([
      'deb https://near.example/debian trixie main',
    ]);
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

describe('sources for a root file system', () => {
  const targets = [
    'Debian|bookworm|main|http://mirror.example/debian/',
    'Debian|bookworm|main|http://mirror.example/debian/',
    'Debian|bookworm|contrib|http://mirror.example/debian/',
    'Debian|bookworm-security|main|http://mirror.example/security/',
    'Other|bookworm|main|http://other.example/',
  ].join('\n');

  test('are the mirrors of this machine, for the suite that is wanted', async () => {
    const osRelease = await put(path.join(temporaryFolder(), 'os-release'), 'ID=debian\nVERSION_CODENAME=bookworm\n');
    const ctx = testContext({ runner: fakeRunner(() => targets) });
    expect(await debianSources(ctx, 'trixie', osRelease)).toEqual([
      `deb http://mirror.example/debian/ trixie main`,
      `deb http://mirror.example/security/ trixie-security main`,
    ]);
  });

  test('are left to mmdebstrap on another distribution', async () => {
    const osRelease = await put(path.join(temporaryFolder(), 'os-release'), 'ID=ubuntu\nVERSION_CODENAME=noble\n');
    expect(await debianSources(testContext({ runner: fakeRunner(() => targets) }), 'bookworm', osRelease)).toEqual([]);
  });
});

test('a source package is fetched with lists of its own: as the user, and without a lock of the system', async () => {
  const folder = temporaryFolder();
  const runner = fakeRunner(({ line }) => (line.includes('indextargets') ? 'Debian|trixie|http://mirror.example/debian/' : ''));
  const osRelease = await put(path.join(folder, 'os-release'), 'ID=debian\nVERSION_CODENAME=trixie\n');
  const source = { debian: 'criu', version: '4.2.1-1', suite: 'forky', file: 'criu_4.2.1.orig.tar.xz' };
  expect(await fetchDebianSource(testContext({ runner }), source, folder, osRelease)).toBe(path.join(folder, source.file));
  const apt = runner.lines.filter((line) => !line.includes('indextargets'));
  expect(apt).toHaveLength(2);
  for (const line of apt) {
    expect(line).toMatch(/^env LC_ALL=C /);
    expect(line).toContain(`Dir::State::lists=${folder}/lists`);
  }
});
