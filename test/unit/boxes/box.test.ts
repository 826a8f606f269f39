import { describe, expect, test } from 'vitest';
import { type BoxStart, startBox } from '../../../scripts/boxes/box.js';
import { type Box, chosenBoxes } from '../../../scripts/boxes/plan.js';
import { proxyVariables } from '../../../scripts/boxes/prepare.js';
import { boxRootFilesystem } from '../../../scripts/boxes/root-filesystem.js';
import { absence } from '../../../scripts/boxes/run.js';
import { testContext } from '../../support/context.js';
import { type Answer, type Call, type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

function boxCalled(name: string): Box {
  const [box] = chosenBoxes([name]);
  if (box === undefined) throw new TypeError(`there is no box ${name}`);
  return box;
}

/** An engine in which a box starts, with a systemd of this version. */
function engine(systemd: Answer, state: Answer = 'running'): FakeRunner {
  return fakeRunner(({ line }: Call) => {
    if (line.includes('systemctl --version')) return systemd;
    if (line.includes('systemctl is-system-running')) return state;
    return '';
  });
}

const start: BoxStart = { mounts: {}, keep: false, cgroupVersion: '1' };

describe('a box', () => {
  test('has an init system of its own where that boots on these cgroups', async () => {
    const runner = engine('systemd 252 (252.39-1~deb12u2)');
    const running = await startBox(testContext({ runner }), boxCalled('debian:12'), start);
    expect(running.init).toBe('systemd 252');
    const run = runner.lines.find((line) => line.startsWith('docker run --detach')) ?? '';
    expect(run).toMatch(/ --privileged --cgroupns=private --tty /);
    expect(run).toMatch(/ \/usr\/lib\/systemd\/systemd$/);
    expect(run).toContain('-docker:/var/lib/docker ');
  });

  test('has none where it would not boot, and says why', async () => {
    const runner = engine('systemd 257 (257.13-1)');
    const running = await startBox(testContext({ runner }), boxCalled('debian:13'), start);
    expect(running.init).toBe('none (systemd 257 wants cgroup v2, this host has v1)');
    expect(runner.lines.find((line) => line.startsWith('docker run --detach'))).toMatch(/ --init .* sleep infinity$/);
  });

  test('that does not boot fails with the state that it is in', async () => {
    const runner = engine('systemd 252', { stdout: 'offline', exitCode: 1 });
    const failing = startBox(testContext({ runner }), boxCalled('debian:12'), start);
    await expect(failing).rejects.toMatchObject({ message: 'the box debian:12 has not booted in 60 s', details: ['offline'] });
  });

  test('may read what is shared with it, and not write it', async () => {
    const runner = engine(1);
    await startBox(testContext({ runner }), boxCalled('debian:13'), { ...start, mounts: { '/mnt/go': '/home/maria/go/pkg/mod' } });
    expect(runner.lines.find((line) => line.startsWith('docker run --detach'))).toContain('--volume /home/maria/go/pkg/mod:/mnt/go:ro');
  });

  test('runs commands as its user after a login, and never with the PATH of root', async () => {
    const running = await startBox(testContext({ runner: engine(1) }), boxCalled('debian:13'), start);
    expect(running.asUser('npm test', { A: 'b' })).toEqual([
      'exec',
      '--user',
      'debian',
      '--env',
      'A=b',
      running.name,
      'bash',
      '-lc',
      'npm test',
    ]);
  });
});

describe('a host', () => {
  test('without cgroup v2 has no box of it', async () => {
    const ctx = testContext();
    expect(await absence(ctx, boxCalled('debian:13+cgroup-v2'), '1')).toBe('this host has cgroup v1');
    expect(await absence(ctx, boxCalled('debian:13+cgroup-v2'), '2')).toBeUndefined();
    expect(await absence(ctx, boxCalled('debian:13'), '1')).toBeUndefined();
  });

  test('that reaches no image registry has no box of an image, and tells the registry’s answer', async () => {
    const runner = fakeRunner({
      "docker image inspect --format $'{{.Id}}' ubuntu:24.04": 1,
      'docker pull --quiet ubuntu:24.04': { exitCode: 1, stderr: 'Error response from daemon: registry.example: connection refused' },
    });
    expect(await absence(testContext({ runner }), boxCalled('ubuntu:24.04'), '1')).toBe(
      'the image ubuntu:24.04 cannot be pulled: Error response from daemon: registry.example: connection refused',
    );
  });

  test('that has the image asks no registry', async () => {
    const runner = fakeRunner({ "docker image inspect --format $'{{.Id}}' ubuntu:24.04": 'sha256:1' });
    expect(await absence(testContext({ runner }), boxCalled('ubuntu:24.04'), '2')).toBeUndefined();
  });
});

test('the root file system of a system is one step, whatever the case', () => {
  const step = boxRootFilesystem(boxCalled('debian:13').system);
  expect(boxRootFilesystem(boxCalled('debian:13+apt-lock').system)).toBe(step);
  expect(boxRootFilesystem(boxCalled('debian:12').system)).not.toBe(step);
  expect(step.id).toBe('box-debian-13');
});

test('a proxy is in the environment under both spellings, and not for the machine itself', () => {
  expect(proxyVariables('http://172.18.0.1:3128')).toMatchObject({
    http_proxy: 'http://172.18.0.1:3128',
    HTTPS_PROXY: 'http://172.18.0.1:3128',
    no_proxy: 'localhost,127.0.0.1,::1',
  });
});
