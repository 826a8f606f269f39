import { describe, expect, test } from 'vitest';
import { dockerChecks } from '../../../../scripts/lib/host/doctor/docker.js';
import { exitProgram, tarOf } from '../../../../scripts/lib/host/doctor/exit-program.js';
import { put, realRunner, temporaryFolder } from '../../../support/context.js';
import { docker } from '../../../support/engine.js';
import { look, type Scene } from '../../../support/machine.js';

describe('Docker', () => {
  test('that fits is told with its version', async () => {
    expect(await look(dockerChecks, 'docker', docker({}))).toMatchObject({ verdict: 'pass', seen: expect.stringContaining('26.1.5') });
  });

  test('that does not fit fails with what to do', async () => {
    const rootless = docker({
      info: { SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless'] },
      host: 'unix:///run/user/1000/docker.sock',
    });
    expect(await look(dockerChecks, 'docker', rootless)).toMatchObject({
      verdict: 'fail',
      seen: expect.stringContaining('rootless'),
      mend: expect.any(String),
    });
    const old = docker({ info: { ServerVersion: '20.10.24' } });
    expect(await look(dockerChecks, 'docker', old)).toMatchObject({ verdict: 'fail', seen: expect.stringContaining('20.10.24') });
  });

  test('that this user may not talk to is a matter of a group', async () => {
    const denied = docker({
      complaint: 'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock',
    });
    expect(await look(dockerChecks, 'docker', denied)).toMatchObject({
      verdict: 'warn',
      mend: expect.stringContaining('usermod -aG docker alice'),
    });
    const machine = { uid: 4321, user: 'uid 4321', login: undefined };
    expect(await look(dockerChecks, 'docker', { ...denied, machine })).toMatchObject({
      verdict: 'fail',
      seen: expect.stringContaining('uid 4321 may not talk to the engine'),
    });
  });

  test('that is absent is installed where there is apt, and fails where there is none', async () => {
    const none = docker({ installed: false, complaint: '' });
    expect(await look(dockerChecks, 'docker', { ...none, machine: { files: { '/usr/bin/apt-get': '' } } })).toMatchObject({
      verdict: 'warn',
      mend: 'npm run setup',
    });
    expect(await look(dockerChecks, 'docker', none)).toMatchObject({ verdict: 'fail' });
  });

  test('that hangs is told as such, and is not taken for one that is missing', async () => {
    const hanging: Scene = { commands: () => ({ exitCode: 124 }) };
    expect(await look(dockerChecks, 'docker', hanging)).toMatchObject({ verdict: 'warn', seen: expect.stringContaining('hangs') });
    for (const id of ['docker-storage', 'docker-buildx', 'docker-privileged'])
      expect((await look(dockerChecks, id, hanging)).verdict).toBe('skip');
  });

  test('that does not run is started', async () => {
    const down = docker({ complaint: 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' });
    expect(await look(dockerChecks, 'docker', down)).toMatchObject({ verdict: 'warn', seen: expect.stringContaining('starts it') });
  });

  test.each([
    [{ Driver: 'overlay2' }, 'pass', 'Docker’s own store'],
    [{ Driver: 'overlayfs', DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']] }, 'pass', 'containerd store'],
    [{ Driver: 'vfs' }, 'warn', 'whole copy'],
  ])('keeps images by %j: %s', async (info, verdict, seen) => {
    expect(await look(dockerChecks, 'docker-storage', docker({ info }))).toMatchObject({ verdict, seen: expect.stringContaining(seen) });
  });

  test('without buildx is given it', async () => {
    expect((await look(dockerChecks, 'docker-buildx', docker({}))).verdict).toBe('pass');
    const without = docker({ info: { ClientInfo: { Plugins: [] } } });
    expect(await look(dockerChecks, 'docker-buildx', without)).toMatchObject({
      verdict: 'warn',
      mend: 'sudo apt-get install docker-buildx',
    });
  });
});

describe('a privileged container', () => {
  const outcome = (result: string | { stderr: string; exitCode: number }, lines: string[]) =>
    docker({}, ({ line }) => {
      lines.push(line);
      return line.startsWith('docker run') ? result : '';
    });

  test('is started from an image of its own, of which nothing stays', async () => {
    const lines: string[] = [];
    expect(await look(dockerChecks, 'docker-privileged', outcome('', lines))).toMatchObject({ verdict: 'pass' });
    expect(lines[0]).toMatch(/^docker import \S+ kind-checkpoint-doctor:\d+$/);
    expect(lines[1]).toMatch(/^docker run --rm --privileged --network=none .*kind-checkpoint-doctor:\d+ \/exit$/);
    expect(lines[2]).toMatch(/^docker image rm --force kind-checkpoint-doctor:\d+$/);
  });

  test('that does not start fails with what Docker says, and the image goes', async () => {
    const lines: string[] = [];
    const denied = {
      stderr: 'docker: Error response from daemon: unable to apply caps: operation not permitted.\nSee docker run --help',
      exitCode: 126,
    };
    expect(await look(dockerChecks, 'docker-privileged', outcome(denied, lines))).toMatchObject({
      verdict: 'fail',
      seen: expect.stringContaining('unable to apply caps'),
    });
    expect(lines.at(-1)).toMatch(/^docker image rm/);
  });

  test('is not tried where no engine answers', async () => {
    const down = docker({ complaint: 'Cannot connect to the Docker daemon' });
    expect(await look(dockerChecks, 'docker-privileged', down)).toEqual({ verdict: 'skip', seen: 'not asked: no engine answers' });
  });

  test('runs a program that ends at once, which tar and the kernel take', async () => {
    const folder = temporaryFolder();
    const archive = await put(`${folder}/image.tar`, tarOf('exit', exitProgram()));
    const runner = realRunner();
    expect((await runner.run('tar', ['-tvf', archive])).stdout).toMatch(/^-rwxr-xr-x 0\/0 +129 .* exit$/);
    await runner.run('tar', ['-xf', archive, '-C', folder]);
    expect((await runner.run(`${folder}/exit`, [])).exitCode).toBe(0);
  });
});
