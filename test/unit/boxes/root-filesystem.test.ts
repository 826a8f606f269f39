import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { boxRootFilesystem, boxTar } from '../../../scripts/boxes/root-filesystem.js';
import { type BoxSystem, systems } from '../../../scripts/boxes/systems.js';
import { put, stepContext, type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import { withoutSudo } from '../../support/docker.js';
import { type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

const system = (name: string): BoxSystem => systems.find((one) => one.name === name) as BoxSystem;

/** Assembles the root file system of a box; every command that is no mmdebstrap does nothing. */
async function assembled(name: string): Promise<{ runner: FakeRunner; ctx: TestContext; words: readonly string[] }> {
  const runner = fakeRunner(async ({ args }) => {
    if (args.includes('indextargets')) return '';
    if (!args.includes('mmdebstrap')) return 'install ok installed';
    await put(args[args.indexOf(system(name).suite) + 1] ?? '', 'the tar');
    return '';
  });
  const ctx = testContext({ runner: withoutSudo(runner), root: path.join(temporaryFolder(), "ada's checkout") });
  await boxRootFilesystem(system(name)).run(stepContext(ctx));
  return { runner, ctx, words: runner.calls.find(({ args }) => args.includes('mmdebstrap'))?.args ?? [] };
}

describe('the root file system of a Debian box', () => {
  test('is what the installer puts on a machine, verified by this machine’s own keyring', async () => {
    const { ctx, words } = await assembled('debian:13');
    expect(await readFile(boxTar(ctx.paths, system('debian:13')), 'utf8')).toBe('the tar');
    expect(words).toEqual(
      expect.arrayContaining([
        '--variant=important',
        '--include=systemd-sysv,sudo,ca-certificates,nodejs,npm',
        '--dpkgopt=path-exclude=/usr/share/doc/*',
        '--keyring=/usr/share/keyrings/debian-archive-keyring.gpg',
        'trixie',
      ]),
    );
    expect(words.filter((word) => word.includes('Signed-By'))).toEqual([]);
  });

  test('is made bootable by a script whose path may hold spaces and quotes', async () => {
    const { words, ctx } = await assembled('debian:12');
    const script = ctx.paths.inRoot('images/box/prepare.sh').replaceAll("'", `'\\''`);
    expect(words).toContain(`--customize-hook=chroot "$1" sh -s debian <'${script}'`);
  });

  test('is made again for another list of packages or way of making it', () => {
    const keys = [system('debian:12'), system('debian:13'), system('debian:forky'), system('ubuntu:24.04')].map((one) =>
      boxRootFilesystem(one).options?.(testContext()),
    );
    expect(keys[0]).toMatchObject({ suite: 'bookworm', user: 'debian', variant: 'important', hasUpdates: true });
    expect(keys[2]).toMatchObject({ suite: 'forky', hasUpdates: false });
    expect(keys[3]).toMatchObject({ packages: expect.arrayContaining(['tzdata']) });
  });
});
