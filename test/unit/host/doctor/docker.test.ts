import { describe, expect, test } from 'vitest';
import { dockerChecks } from '../../../../scripts/lib/host/doctor/docker.js';
import { exitProgram, tarOf } from '../../../../scripts/lib/host/doctor/exit-program.js';
import { put, realRunner, temporaryFolder } from '../../../support/context.js';
import type { Call } from '../../../support/fake-runner.js';
import { look, type Scene } from '../../../support/machine.js';

interface Engine {
  readonly info?: Record<string, unknown>;
  readonly host?: string;
  /** What docker prints when no engine answers. */
  readonly complaint?: string;
  readonly installed?: boolean;
}

/** Answers of a docker that has this engine behind it. */
function docker(
  { info = {}, host = 'unix:///var/run/docker.sock', complaint, installed = true }: Engine,
  more: (call: Call) => string | { stderr?: string; exitCode: number } | undefined = () => undefined,
): Scene {
  const client = { Version: '28.2.2', Plugins: [{ Name: 'buildx', Version: '0.13.1' }] };
  const server: Record<string, unknown> =
    complaint === undefined ? { ServerVersion: '26.1.5', Driver: 'overlay2', KernelVersion: undefined, ...info } : {};
  return {
    commands: (call) => {
      if (!installed && call.file === 'docker') return new Error('docker: command not found');
      const failed = complaint === undefined ? {} : { stderr: complaint, exitCode: 1 };
      if (call.line.startsWith('docker info'))
        return { stdout: JSON.stringify({ ...server, ClientInfo: { ...client, ...(info['ClientInfo'] as object) } }), ...failed };
      if (call.line.startsWith('docker version'))
        return {
          stdout: JSON.stringify({
            Client: { Version: '28.2.2' },
            ...(complaint === undefined ? { Server: { Version: server['ServerVersion'] ?? '26.1.5' } } : {}),
          }),
          ...failed,
        };
      if (call.line.startsWith('docker context inspect')) return JSON.stringify({ Name: 'default', Endpoints: { docker: { Host: host } } });
      if (call.line.includes('command -v docker')) return '/usr/bin/docker';
      return more(call);
    },
  };
}

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
  });

  test('that is absent is installed where there is apt, and fails where there is none', async () => {
    const none = docker({ installed: false, complaint: '' });
    expect(await look(dockerChecks, 'docker', { ...none, machine: { files: { '/usr/bin/apt-get': '' } } })).toMatchObject({
      verdict: 'warn',
      mend: 'npm run setup',
    });
    expect(await look(dockerChecks, 'docker', none)).toMatchObject({ verdict: 'fail' });
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
