import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Bootstrap, bootstrapDebian } from '../../../scripts/lib/host/mmdebstrap.js';
import { put, temporaryFolder, testContext } from '../../support/context.js';
import { type Answer, fakeRunner } from '../../support/fake-runner.js';

const DUMP = [
  'Acquire "";',
  'Acquire::http "";',
  'Acquire::http::Proxy "http://name:secret@proxy.example:3128";',
  'Acquire::http::Proxy::mirror.example "DIRECT";',
  'Acquire::https::CaInfo "/etc/ssl/company.pem";',
  'Acquire::ForceIPv4 "true";',
  'Acquire::IndexTargets::deb::Packages::Optional "0";',
  'Dir::Etc "etc/apt";',
].join('\n');

describe('a root file system', () => {
  const bootstrap = async (
    mmdebstrap: Answer,
    env: NodeJS.ProcessEnv = {},
    more: Partial<Bootstrap> = {},
  ): Promise<{ words: readonly string[]; folder: string; seen: string[] }> => {
    const keys = path.join(temporaryFolder(), 'keys');
    await put(path.join(keys, 'some.asc'), 'a key');
    const found: { words: readonly string[]; folder: string; seen: string[] } = { words: [], folder: '', seen: [] };
    const runner = fakeRunner(({ file, args }) => {
      if (file === 'apt-config') return DUMP;
      if (file === 'apt-get') return '';
      const keyring = args.find((word) => word.startsWith('--keyring='))?.slice('--keyring='.length) ?? '';
      const settings = /cp '(.*)' /.exec(args.join('\n'))?.[1] ?? '';
      const folder = path.dirname(settings);
      const mode = (statSync(settings).mode & 0o777).toString(8);
      const key = keyring === folder ? readFileSync(path.join(folder, 'some.asc'), 'utf8') : '';
      const seen = [key, readFileSync(settings, 'utf8'), mode];
      Object.assign(found, { words: args, folder, seen });
      return mmdebstrap;
    });
    const options: Bootstrap = {
      suite: 'bookworm',
      variant: 'minbase',
      packages: ['systemd', 'jq'],
      dpkgOptions: ['path-exclude=/usr/share/man/*'],
      trust: { keys },
      sources: ['deb http://mirror.example/debian bookworm main'],
      target: '/a cache/root.tar',
      ...more,
    };
    await bootstrapDebian(testContext({ runner, env }), options, { failure: 'it could not be assembled' });
    return found;
  };

  test('is verified with the keys given alone, and its target may have a space', async () => {
    const { words, seen } = await bootstrap('');
    expect(words).toEqual(
      expect.arrayContaining([
        'mmdebstrap',
        '--include=systemd,jq',
        '--dpkgopt=path-exclude=/usr/share/man/*',
        'bookworm',
        '/a cache/root.tar',
      ]),
    );
    expect(words.find((word) => word.startsWith('--setup-hook=for'))).toContain('signed-by');
    expect(seen[0]).toBe('a key');
  });

  test('is verified with keys that apt can read as its own user, wherever TMPDIR points', async () => {
    const closed = temporaryFolder();
    expect(statSync(closed).mode & 0o077).toBe(0);
    vi.stubEnv('TMPDIR', closed);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { folder } = await bootstrap('');
    expect(path.relative(closed, folder)).toMatch(/^\.\./);
    for (let above = path.dirname(folder); above !== '/'; above = path.dirname(above)) expect(statSync(above).mode & 0o001).toBe(1);
  });

  test('comes through the proxies of the environment and those of apt, which do not stay in it', async () => {
    const { words, seen, folder } = await bootstrap('', { http_proxy: 'http://p.example:3128' });
    expect(words.slice(words.indexOf('LC_ALL=C'), words.indexOf('mmdebstrap'))).toEqual(['LC_ALL=C', 'http_proxy=http://p.example:3128']);
    expect(seen.slice(1)).toEqual([
      'Acquire::http::Proxy "http://name:secret@proxy.example:3128";\nAcquire::http::Proxy::mirror.example "DIRECT";\nAcquire::https::CaInfo "/etc/ssl/company.pem";\nAcquire::ForceIPv4 "true";\n',
      '600',
    ]);
    expect(words).toContain('--customize-hook=rm -f "$1"/etc/apt/apt.conf.d/00kind-checkpoint');
    expect(existsSync(folder)).toBe(false);
  });

  test('comes from the sources given, and is finished by commands while they can still be reached', async () => {
    const { words } = await bootstrap('', {}, { finish: ['chroot "$1" true'] });
    expect(words.slice(-3)).toEqual(['bookworm', '/a cache/root.tar', 'deb http://mirror.example/debian bookworm main']);
    const hooks = words.filter((word) => word.startsWith('--customize-hook='));
    expect(hooks).toEqual(['--customize-hook=chroot "$1" true', expect.stringContaining('rm -f')]);
  });

  test('may be verified by a keyring of the machine, which its sources go on naming', async () => {
    const { words } = await bootstrap('', {}, { variant: 'important', trust: { keyring: '/usr/share/keyrings/some.gpg' } });
    expect(words).toEqual(expect.arrayContaining(['--variant=important', '--keyring=/usr/share/keyrings/some.gpg']));
    expect(words.filter((word) => word.includes('signed-by'))).toEqual([]);
  });

  test('that fails says what to do, by what apt printed', async () => {
    const stderr = "W: GPG error: http://m bookworm InRelease: The following signatures couldn't be verified: NO_PUBKEY 6ED0E7B82643E131";
    await expect(bootstrap({ exitCode: 1, stderr })).rejects.toMatchObject({
      message: 'it could not be assembled',
      hint: expect.stringContaining('not signed by a key'),
    });
  });
});
