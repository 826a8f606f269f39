import { describe, expect, test } from 'vitest';
import { type EngineFacts, isTooOld, readEngineFacts, refusal } from '../../../scripts/lib/host/docker-engine.js';
import { closedEngine, type DockerAnswers, dockerAnswers, noDocker, silentEngine } from '../../support/docker.js';
import { type Answer, fakeRunner } from '../../support/fake-runner.js';

function facts(
  answers: DockerAnswers | Record<string, Answer> = {},
  env: NodeJS.ProcessEnv = {},
  where = '/usr/bin/docker',
): Promise<EngineFacts> {
  const lines = Object.keys(answers).some((key) => key.startsWith('docker '))
    ? (answers as Record<string, Answer>)
    : dockerAnswers(answers);
  return readEngineFacts({ runner: fakeRunner({ ...lines, "sh -c $'command -v docker'": where }), env });
}

describe('what an engine says about itself', () => {
  test('is read: version, image store, cgroups, builder', async () => {
    expect(await facts()).toEqual({
      kind: 'engine',
      client: '28.5.2+dfsg4',
      answers: true,
      denied: false,
      hangs: false,
      complaint: '',
      version: '28.5.2+dfsg4',
      endpoint: 'unix:///var/run/docker.sock',
      chosenBy: 'default',
      storageDriver: 'overlay2',
      dataRoot: '/var/lib/docker',
      containerdImageStore: false,
      cgroupVersion: 2,
      experimental: false,
      buildx: '0.29.1+ds1',
    });
  });

  test('tells the containerd image store from the engine’s own', async () => {
    const { containerdImageStore, storageDriver } = await facts({
      info: { Driver: 'overlayfs', DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']] },
    });
    expect({ containerdImageStore, storageDriver }).toEqual({ containerdImageStore: true, storageDriver: 'overlayfs' });
  });

  test('says whether docker checkpoint is turned on', async () => {
    expect((await facts({ info: { ExperimentalBuild: true } })).experimental).toBe(true);
  });

  test.each([
    ['is not there', null, {}],
    ['does not start', '', { ClientInfo: { Version: '28', Plugins: [{ Name: 'buildx', Version: '0.1', Err: { Op: 'exec' } }] } }],
  ])('knows no builder that %s', async (_, buildx, info) => {
    expect((await facts({ buildx, info })).buildx).toBeUndefined();
  });

  test('is nothing where docker is not installed', async () => {
    expect(await facts(noDocker())).toMatchObject({ kind: 'none', client: undefined, answers: false, denied: false });
  });

  test('is nothing where it does not run, with the reason', async () => {
    expect(await facts(silentEngine)).toMatchObject({
      kind: 'none',
      client: '28.5.2+dfsg4',
      answers: false,
      denied: false,
      buildx: '0.29.1+ds1',
      complaint: expect.stringContaining('Is the docker daemon running?'),
    });
  });

  test.each([
    ['the daemon', closedEngine.complaint],
    ['the API, as newer clients say', 'permission denied while trying to connect to the docker API at unix:///var/run/docker.sock'],
  ])('is there and closed to this user when %s denies access', async (_, complaint) => {
    expect(await facts({ server: null, complaint })).toMatchObject({ kind: 'engine', answers: false, denied: true });
  });

  test('an unreadable configuration of the client is no denial', async () => {
    const complaint = `WARNING: Error loading config file: open /home/maria/.docker/config.json: permission denied\n${silentEngine.complaint}`;
    expect(await facts({ server: null, complaint })).toMatchObject({ kind: 'none', denied: false });
  });

  test('is nothing that counts where docker comes to no end', async () => {
    const hanging = Object.fromEntries(Object.keys(dockerAnswers()).map((line) => [line, 124]));
    expect(await facts(hanging)).toMatchObject({ hangs: true, answers: false });
    expect((await facts(silentEngine)).hangs).toBe(false);
  });

  test('is nothing that counts either where only its endpoint is not told in time', async () => {
    const found = await facts({ ...dockerAnswers(), "docker context inspect --format $'{{json .}}'": 124 });
    expect(found).toMatchObject({ hangs: true, answers: true });
  });

  test('does not end up in the log of a step', async () => {
    const runner = fakeRunner(dockerAnswers());
    await readEngineFacts({ runner, env: {} });
    for (const { options } of runner.calls) expect(options).toMatchObject({ log: undefined, onLine: undefined, timeoutMs: 20_000 });
  });
});

const DESKTOP = 'unix:///home/ada/.docker/desktop/docker.sock';
const ROOTLESS = 'unix:///run/user/1000/docker.sock';

describe('an engine that does not fit', () => {
  const podmanProgram = {
    "docker info --format $'{{json .}}'": '{"host":{"os":"linux"},"store":{"graphDriverName":"overlay"},"version":{"Version":"5.8.6"}}',
    "docker version --format $'{{json .}}'": '{"Client":{"APIVersion":"5.8.6","Version":"5.8.6","Os":"linux","OsArch":"linux/amd64"}}',
    "docker context inspect --format $'{{json .}}'": { stderr: 'Error: unrecognized command `podman context`', exitCode: 125 },
  };
  const cases: ReadonlyArray<
    readonly [
      what: string,
      answers: DockerAnswers | Record<string, Answer>,
      env: NodeJS.ProcessEnv,
      kind: string,
      says: RegExp,
      hint: RegExp,
    ]
  > = [
    [
      'rootless, by its context',
      {
        info: { SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless', 'name=cgroupns'] },
        context: 'rootless',
        host: ROOTLESS,
      },
      {},
      'rootless',
      /rootless engine \(unix:\/\/\/run\/user\/1000/,
      /^docker context use default\. Then run the same command again/,
    ],
    [
      'rootless that does not run',
      { ...silentEngine, host: ROOTLESS },
      { DOCKER_HOST: ROOTLESS },
      'rootless',
      /rootless/,
      /^unset DOCKER_HOST\./,
    ],
    [
      'Docker Desktop',
      { info: { OperatingSystem: 'Docker Desktop' }, context: 'desktop-linux', host: DESKTOP },
      {},
      'desktop',
      /Docker Desktop/,
      /^docker context use default\./,
    ],
    [
      'Docker Desktop that does not run',
      { ...silentEngine, context: 'desktop-linux', host: DESKTOP },
      {},
      'desktop',
      /Docker Desktop/,
      /use default/,
    ],
    ['a snap', { info: { DockerRootDir: '/var/snap/docker/common/var-lib-docker' } }, {}, 'snap', /snap/, /snap remove docker/],
    [
      'on another machine',
      { host: 'tcp://10.0.0.7:2376' },
      { DOCKER_HOST: 'tcp://10.0.0.7:2376' },
      'remote',
      /10\.0\.0\.7/,
      /^unset DOCKER_HOST/,
    ],
    [
      'on another machine by ssh',
      { ...silentEngine, host: 'ssh://ada@far' },
      { DOCKER_CONTEXT: 'far' },
      'remote',
      /far/,
      /^unset DOCKER_CONTEXT/,
    ],
    [
      'in a virtual machine, behind a socket of this one',
      { info: { KernelVersion: '6.6.0-vm' }, context: 'colima', host: 'unix:///home/ada/.colima/docker.sock' },
      {},
      'remote',
      /not on this machine/,
      /use default/,
    ],
    ['podman’s imitation of the program', podmanProgram, {}, 'podman', /podman’s imitation/, /remove podman-docker/],
    [
      'podman behind the socket',
      { server: { Components: [{ Name: 'Podman Engine' }, { Name: 'Engine' }], Version: '5.8.6' }, host: 'unix:///run/podman/podman.sock' },
      { DOCKER_HOST: 'unix:///run/podman/podman.sock' },
      'podman',
      /talks to podman/,
      /^unset DOCKER_HOST/,
    ],
    ['older than 23', { info: { ServerVersion: '20.10.24+dfsg1' } }, {}, 'engine', /20\.10\.24\+dfsg1 is too old/, /remove it/],
  ];

  test('of this machine is known by its kernel, whose release Docker writes with three numbers', async () => {
    for (const [release, written] of [
      ['6.17+deb14-amd64', '6.17.0+deb14-amd64'],
      ['6.12-1-amd64', '6.12.0-1-amd64'],
      ['6.8.0-1017-azure', '6.8.0-1017-azure'],
    ] as const) {
      const runner = fakeRunner(dockerAnswers({ info: { KernelVersion: written } }));
      expect((await readEngineFacts({ runner, env: {} }, release)).kind).toBe('engine');
      expect((await readEngineFacts({ runner, env: {} }, '6.17.1+deb14-amd64')).kind).toBe('remote');
    }
  });

  test.each(cases)('%s is named and refused, with what to do', async (_, answers, env, kind, says, hint) => {
    const found = await facts(answers, env);
    expect(found.kind).toBe(kind);
    const error = refusal(found);
    expect(error?.message).toMatch(says);
    expect(error?.hint).toMatch(hint);
  });

  test('a snap whose engine does not let this user in is known by its program', async () => {
    expect(refusal(await facts(closedEngine, {}, '/snap/bin/docker'))?.message).toBe('Docker is installed as a snap');
  });

  test('a context that does not exist is refused with what docker says', async () => {
    const complaint = 'Failed to initialize: unable to resolve docker endpoint: context "nope": context not found';
    const broken = { stdout: '', stderr: complaint, exitCode: 1 };
    const error = refusal(
      await facts(
        {
          "docker info --format $'{{json .}}'": broken,
          "docker version --format $'{{json .}}'": { ...broken, stdout: '{"Client":{"Version":"28.5.2"},"Server":null}' },
          "docker context inspect --format $'{{json .}}'": broken,
        },
        { DOCKER_CONTEXT: 'nope' },
      ),
    );
    expect(error?.details).toContain(complaint);
    expect(error?.hint).toMatch(/^unset DOCKER_CONTEXT/);
  });
});

describe('an engine that fits', () => {
  test.each([
    ['23', { info: { ServerVersion: '23.0.0' } }],
    ['24', { info: { ServerVersion: '24.0.7' } }],
    ['28 with the containerd image store', { info: { DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']] } }],
    ['29', { info: { ServerVersion: '29.7.0' } }],
    ['a version of the future', { info: { ServerVersion: '31.0.0-rc.1' } }],
    ['one built from a branch', { info: { ServerVersion: 'dev' } }],
    ['another socket of this machine', { host: 'unix:///run/docker2.sock' }],
    ['one that is not running yet', silentEngine],
    ['one that does not let this user in yet', closedEngine],
  ])('%s is not refused', async (_, answers) => {
    expect(refusal(await facts(answers))).toBeUndefined();
  });

  test('none at all is not refused: it is installed', async () => {
    expect(refusal(await facts(noDocker()))).toBeUndefined();
  });
});

test.each([
  ['20.10.24+dfsg1', true],
  ['22.06.0-beta.0', true],
  ['23.0.0', false],
  ['26.1.5+dfsg1', false],
  ['dev', false],
])('%s is too old: %s', (version, old) => {
  expect(isTooOld(version)).toBe(old);
});
