import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { gainAccess, wrapperScript } from '../../../scripts/lib/host/docker-access.js';
import { put, realRunner, temporaryFolder, testContext } from '../../support/context.js';
import { closedEngine, dockerAnswers } from '../../support/docker.js';
import { fakeRunner } from '../../support/fake-runner.js';

test('the script that runs docker with its group hands every word on as it is', async () => {
  const folder = temporaryFolder();
  // What sg(1) does: sh -c LINE, as a member of the group.
  await put(path.join(folder, 'sg'), '#!/bin/sh\n[ "$1 $2" = "docker -c" ] && exec sh -c "$3"\n');
  const script = await put(path.join(folder, 'docker'), wrapperScript('/usr/bin/printf'));
  const { stdout } = await realRunner().run('sh', [
    '-c',
    `chmod +x ${folder}/sg && PATH=${folder}:$PATH bash ${script} "$@"`,
    'sh',
    '[%s]\n',
    "a'b",
    'two\nlines',
    '$(id) "q" \\n $HOME',
    '',
    '*',
  ]);
  expect(stdout).toBe('[a\'b]\n[two\nlines]\n[$(id) "q" \\n $HOME]\n[]\n[*]');
});

test('that script goes without sg once the login has the group', async () => {
  const folder = temporaryFolder();
  for (const [name, text] of [
    ['id', '#!/bin/sh\necho users docker\n'],
    ['sg', '#!/bin/sh\nexit 9\n'],
  ] as const)
    await put(path.join(folder, name), text, 0o755);
  const script = await put(path.join(folder, 'docker'), wrapperScript('/usr/bin/printf'));
  const { stdout } = await realRunner().run('sh', ['-c', `PATH=${folder}:$PATH bash ${script} "$@"`, 'sh', '[%s]', 'two words']);
  expect(stdout).toBe('[two words]');
});

describe('a user who may not talk to the engine', () => {
  const { username } = userInfo();
  const join = `sudo -- usermod --append --groups docker ${username}`;

  test('joins its group, and docker runs with that group from now on', async () => {
    const runner = fakeRunner(({ line }) => {
      if (line.startsWith('docker ')) return dockerAnswers()[line];
      return line.startsWith('sh ') ? '/usr/bin/docker' : line === join ? '' : undefined;
    });
    const ctx = testContext({ runner });
    await gainAccess(ctx);
    expect(runner.lines).toContain(join);
    expect(ctx.said).toEqual([`adds ${username} to the docker group, whose members may act as root through Docker`]);
    expect((await stat(path.join(ctx.paths.bin, 'docker'))).mode & 0o111).toBe(0o111);
  });

  test('and has no login, only an ID, is told so and nothing is done', async () => {
    const runner = fakeRunner();
    await expect(gainAccess(testContext({ runner }), { login: undefined })).rejects.toThrow('may not talk to the Docker engine');
    expect(runner.calls).toEqual([]);
  });

  test('gets the program that runs docker with its group, where the system came without it', async () => {
    let installed = false;
    const runner = fakeRunner(({ line }) => {
      if (line.startsWith('docker ')) return dockerAnswers(installed ? undefined : closedEngine)[line];
      if (line.includes('apt-get')) {
        installed ||= line.includes('--yes') && line.endsWith(' util-linux-extra');
        return '';
      }
      if (line.startsWith('sh ')) return line.endsWith(' sg') && !installed ? 127 : '/usr/bin/docker';
      return line === join ? '' : undefined;
    });
    const ctx = testContext({ runner });
    await gainAccess(ctx);
    expect(installed).toBe(true);
    expect((await stat(path.join(ctx.paths.bin, 'docker'))).mode & 0o111).toBe(0o111);
  });

  test('is told what to do when that does not help, and no script stays', async () => {
    const runner = fakeRunner(({ line }) => {
      if (line.startsWith('docker ')) return dockerAnswers(closedEngine)[line];
      return line.startsWith('sh ') ? '/usr/bin/docker' : line === join ? '' : undefined;
    });
    const ctx = testContext({ runner });
    await expect(gainAccess(ctx)).rejects.toMatchObject({
      message: 'this user may not talk to the Docker engine',
      hint: expect.stringContaining('usermod -aG docker'),
    });
    await expect(stat(path.join(ctx.paths.bin, 'docker'))).rejects.toThrow('ENOENT');
  });

  test('is told the same where there is no sudo, and nothing is changed', async () => {
    const runner = fakeRunner(({ line }) => (line.startsWith('sh ') ? { exitCode: 127 } : undefined));
    await expect(gainAccess(testContext({ runner }))).rejects.toThrow('this user may not talk to the Docker engine');
    expect(runner.calls).toHaveLength(1);
  });
});
