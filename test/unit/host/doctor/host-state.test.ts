import { describe, expect, test } from 'vitest';
import { aptChecks } from '../../../../scripts/lib/host/doctor/apt.js';
import { diskChecks } from '../../../../scripts/lib/host/doctor/disk.js';
import { leftoverChecks } from '../../../../scripts/lib/host/doctor/leftovers.js';
import { portChecks } from '../../../../scripts/lib/host/doctor/ports.js';
import { docker } from '../../../support/engine.js';
import { type FakeMachine, look } from '../../../support/machine.js';

const cache = '/home/alice/checkout/.cache';
const GB = 1e9;

describe("apt's locks", () => {
  const locks = (more: FakeMachine): FakeMachine => ({
    identities: { '/var/lib/dpkg/lock-frontend': { device: 'fe:00', inode: '42' } },
    ...more,
    files: { '/usr/bin/apt-get': '', ...more.files },
  });

  test('are free where no process holds one of these files', async () => {
    const files = { '/proc/locks': '1: POSIX  ADVISORY  WRITE 812 fe:00:41 0 EOF\n2: FLOCK  ADVISORY  WRITE 812 fe:00:42 0 EOF\n' };
    expect(await look(aptChecks, 'apt-locks', { machine: locks({ files }) })).toMatchObject({ verdict: 'pass' });
  });

  test('are held by a process, which is named', async () => {
    const files = { '/proc/locks': '1: POSIX  ADVISORY  WRITE 812 fe:00:42 0 EOF\n', '/proc/812/comm': 'unattended-upgr\n' };
    expect(await look(aptChecks, 'apt-locks', { machine: locks({ files }) })).toMatchObject({
      verdict: 'warn',
      seen: expect.stringContaining('unattended-upgr (process 812)'),
      mend: expect.stringContaining('ps -fp 812'),
    });
  });

  test('are recognised where the file system gives another device, by the name of the program alone', async () => {
    const by = (name: string): FakeMachine =>
      locks({ files: { '/proc/locks': '1: POSIX  ADVISORY  WRITE 812 00:1f:42 0 EOF\n', '/proc/812/comm': `${name}\n` } });
    expect((await look(aptChecks, 'apt-locks', { machine: by('apt-get') })).verdict).toBe('warn');
    expect((await look(aptChecks, 'apt-locks', { machine: by('postgres') })).verdict).toBe('pass');
  });

  test('are not asked for where there is no apt', async () => {
    expect(await look(aptChecks, 'apt-locks')).toMatchObject({ verdict: 'skip', seen: expect.stringContaining('not asked') });
  });
});

describe('the disk', () => {
  const { commands } = docker({ info: { DockerRootDir: '/data/docker' } });
  const rooms = (home: number, docker: number, device = 2) => ({
    '/home': { free: home * GB, device: 1 },
    '/data': { free: docker * GB, device },
  });

  test.each([
    ['with room for all on one', rooms(20, 20, 1), 'pass', '20.0 GB free'],
    ['with room on each', rooms(9, 6), 'pass', '9.0 GB free'],
    ['a bit short for Docker', rooms(20, 3), 'warn', 'Docker'],
    ['hopeless for Docker', rooms(20, 1), 'fail', 'about 4.0 GB are needed'],
    ['each enough, and both on one file system', rooms(9, 9, 1), 'warn', 'about 12.0 GB are needed'],
    ['hopeless for the cache and Go', rooms(2, 20), 'fail', 'the cache, Go'],
  ])('%s', async (_, space, verdict, seen) => {
    expect(await look(diskChecks, 'disk', { commands, machine: { rooms: space } })).toMatchObject({
      verdict,
      seen: expect.stringContaining(seen),
    });
  });

  test("needs less where Go's caches hold Kubernetes already", async () => {
    const owners = { '/home/alice/go/pkg/mod/k8s.io': { uid: 1000, writable: true } };
    expect((await look(diskChecks, 'disk', { commands, machine: { rooms: rooms(5, 20) } })).verdict).toBe('warn');
    expect((await look(diskChecks, 'disk', { commands, machine: { rooms: rooms(5, 20), owners } })).verdict).toBe('pass');
  });

  test('needs less for the rest of a run that was cut off', async () => {
    const files = { [`${cache}/stamps/kubernetes.json`]: '{}', [`${cache}/stamps/base-image.json`]: '{}' };
    expect((await look(diskChecks, 'disk', { commands, machine: { rooms: rooms(4, 4, 1), files } })).verdict).toBe('pass');
    expect((await look(diskChecks, 'disk', { commands, machine: { rooms: rooms(4, 4, 1) } })).verdict).toBe('fail');
  });

  test('needs less when everything is built', async () => {
    const files = { [`${cache}/stamps/node-image.json`]: '{}' };
    expect((await look(diskChecks, 'disk', { commands, machine: { rooms: rooms(3, 3), files } })).verdict).toBe('pass');
  });

  test("is where daemon.json puts Docker's data when no engine answers", async () => {
    const files = { '/etc/docker/daemon.json': '{ "data-root": "/data/docker" }' };
    const found = await look(diskChecks, 'disk', {
      ...docker({ complaint: 'Cannot connect to the Docker daemon' }),
      machine: { rooms: rooms(20, 1), files },
    });
    expect(found).toMatchObject({ verdict: 'fail', seen: expect.stringContaining('/data/docker') });
  });
});

describe('the cache folder', () => {
  const mine = { uid: 1000, writable: true };
  const roots = { uid: 0, writable: false };

  test('that is not there yet can be made', async () => {
    const owners = { '/home/alice/checkout': mine };
    expect(await look(diskChecks, 'cache-owner', { machine: { owners } })).toMatchObject({
      verdict: 'pass',
      seen: expect.stringContaining('to be made'),
    });
  });

  test.each([
    ['itself', { [cache]: roots }],
    ['its logs, after a dry run as root', { [cache]: mine, [`${cache}/logs`]: roots }],
  ])('that belongs to root after a run as root is given back: %s', async (_, owners) => {
    expect(await look(diskChecks, 'cache-owner', { machine: { owners } })).toEqual({
      verdict: 'fail',
      seen: expect.stringContaining('run as root before'),
      mend: `sudo chown -R alice: ${cache}`,
    });
  });

  test('of a user without a login is given back by the user ID', async () => {
    const machine = { uid: 4321, user: 'uid 4321', login: undefined, owners: { [cache]: roots } };
    expect((await look(diskChecks, 'cache-owner', { machine })).mend).toBe(`sudo chown -R 4321 ${cache}`);
  });

  test('in a checkout of somebody else cannot be made', async () => {
    const owners = { '/home/alice/checkout': roots };
    expect(await look(diskChecks, 'cache-owner', { machine: { owners } })).toMatchObject({
      verdict: 'fail',
      mend: expect.stringContaining('sudo chown alice: /home/alice/checkout'),
    });
  });
});

describe('ports', () => {
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
  const row = (address: string, state: string): string => `   0: ${address} 00000000:0000 ${state} 0:0 00:0 0 0 0 4711 1 0 100\n`;
  const tcp = (address: string, state = '0A'): FakeMachine => ({ files: { '/proc/net/tcp': head + row(address, state) } });
  const list = "docker ps --filter label=io.x-k8s.kind.cluster=checkpoint --format $'{{.Ports}}'";
  const commands = { [list]: '' };
  const http = [{ port: 80, protocol: 'tcp' as const }];

  test('are not looked for where the cluster wants none', async () => {
    expect(await look(portChecks, 'ports')).toMatchObject({ verdict: 'pass' });
  });

  test('that nobody listens on are free', async () => {
    expect(await look(portChecks, 'ports', { ports: http, commands, machine: tcp('00000000:0051') })).toMatchObject({
      verdict: 'pass',
      seen: 'free: 80/tcp',
    });
    // A connection that somebody has from port 80 is none that listens.
    expect((await look(portChecks, 'ports', { ports: http, commands, machine: tcp('00000000:0050', '01') })).verdict).toBe('pass');
  });

  test('that another program listens on are told, with its name where it may be seen', async () => {
    const taken = tcp('00000000:0050');
    expect(await look(portChecks, 'ports', { ports: http, commands, machine: taken })).toMatchObject({
      verdict: 'fail',
      seen: 'taken: 80/tcp by another program',
    });
    const seen: FakeMachine = { files: { ...taken.files, '/proc/99/comm': 'nginx\n' }, links: { '/proc/99/fd/3': 'socket:[4711]' } };
    expect(await look(portChecks, 'ports', { ports: http, commands, machine: seen })).toMatchObject({
      seen: 'taken: 80/tcp by nginx (process 99)',
    });
  });

  test('that the cluster holds itself are its own', async () => {
    const own = { [list]: '0.0.0.0:80->80/tcp, 127.0.0.1:40123->6443/tcp' };
    expect((await look(portChecks, 'ports', { ports: http, commands: own, machine: tcp('00000000:0050') })).verdict).toBe('pass');
  });

  test('are taken at one address and free at another', async () => {
    const at = (address: string) =>
      look(portChecks, 'ports', { ports: [{ port: 80, protocol: 'tcp', address }], commands, machine: tcp('0100007F:0050') });
    expect((await at('127.0.0.1')).verdict).toBe('fail');
    expect((await at('10.0.0.1')).verdict).toBe('pass');
    expect((await at('0.0.0.0')).verdict).toBe('fail');
  });

  test('of UDP are told apart from those of TCP', async () => {
    const udp: FakeMachine = { files: { '/proc/net/udp6': head + row('00000000000000000000000000000000:0050', '07') } };
    expect((await look(portChecks, 'ports', { ports: http, commands, machine: udp })).verdict).toBe('pass');
    expect((await look(portChecks, 'ports', { ports: [{ port: 80, protocol: 'udp' }], commands, machine: udp })).verdict).toBe('fail');
  });
});

describe('leftovers', () => {
  test('are none on a clean machine', async () => {
    expect(await look(leftoverChecks, 'leftovers')).toMatchObject({ verdict: 'pass', seen: 'none' });
  });

  test('are half-made files, folders of runs that are gone, unfinished clusters, locks of dead processes', async () => {
    const files = {
      [`${cache}/build/root-filesystem.tar.0a1b2c3d.tmp`]: '',
      [`${cache}/build/busybox`]: '',
      [`${cache}/tmp/77/half`]: '',
      [`${cache}/tmp/88/half`]: '',
      [`${cache}/stamps/cluster-mine.unfinished`]: '77\n',
      [`${cache}/locks/kubernetes-tree.pid`]: '77\n',
    };
    const found = await look(leftoverChecks, 'leftovers', { machine: { files, alive: [88] } });
    expect(found.verdict).toBe('warn');
    expect(found.seen).toContain('2 half-made');
    expect(found.seen).toContain('cluster mine was not finished');
    expect(found.seen).toContain('kubernetes-tree of process 77');
    expect(found.mend).toContain('npm run cluster:up -- --name mine');
  });

  test('are not told while a run is at work', async () => {
    const files = { [`${cache}/locks/steps.pid`]: '88\n', [`${cache}/build/x.0a1b2c3d.tmp`]: '' };
    expect(await look(leftoverChecks, 'leftovers', { machine: { files, alive: [88] } })).toMatchObject({
      verdict: 'pass',
      seen: expect.stringContaining('88'),
    });
  });
});

describe('clusters', () => {
  const list = 'docker ps --all --filter label=io.x-k8s.kind.cluster --format $\'{{.Label "io.x-k8s.kind.cluster"}}\'';
  const kubeconfig = 'contexts:\n- name: kind-checkpoint\n  context: {}\n';

  test('that kubectl knows are in order', async () => {
    const machine = { files: { '/home/alice/.kube/config': kubeconfig } };
    expect((await look(leftoverChecks, 'stray-clusters', { machine, commands: { [list]: 'checkpoint\ncheckpoint' } })).verdict).toBe(
      'pass',
    );
  });

  test('that no kubeconfig knows are told, with both ways out', async () => {
    const machine = { files: { '/tmp/one': '', '/tmp/two': kubeconfig } };
    const found = await look(leftoverChecks, 'stray-clusters', {
      machine,
      env: { KUBECONFIG: '/tmp/one:/tmp/two' },
      commands: { [list]: 'checkpoint\nlost' },
    });
    expect(found).toMatchObject({ verdict: 'warn', seen: expect.stringMatching(/^lost: /) });
    expect(found.mend).toContain('export kubeconfig --name lost');
    expect(found.mend).toContain('delete cluster --name lost');
  });

  test('cannot be told without an engine', async () => {
    expect(await look(leftoverChecks, 'stray-clusters', { commands: { [list]: 1 } })).toMatchObject({
      verdict: 'skip',
      seen: expect.stringContaining('not asked'),
    });
  });
});
