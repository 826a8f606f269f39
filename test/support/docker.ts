import { release } from 'node:os';
import type { Runner } from '../../scripts/lib/core/runner.js';
import type { Answer } from './fake-runner.js';

/** What `docker info`, `docker version` and `docker context inspect` print in JSON; parts can be exchanged. */
export interface DockerAnswers {
  readonly info?: Readonly<Record<string, unknown>>;
  readonly client?: Readonly<Record<string, unknown>>;
  readonly server?: Readonly<Record<string, unknown>> | null;
  readonly context?: string;
  readonly host?: string;
  readonly buildx?: string | null;
  /** Standard error of both where the engine does not answer. */
  readonly complaint?: string;
}

/** An engine as it answers on a machine where all is well: Docker 28.5.2 of Debian, as seen there. */
export function dockerAnswers({
  info = {},
  client = {},
  server = {},
  context = 'default',
  host = 'unix:///var/run/docker.sock',
  buildx = '0.29.1+ds1',
  complaint = '',
}: DockerAnswers = {}): Record<string, Answer> {
  const answered = server !== null;
  const version = 'ServerVersion' in info ? info['ServerVersion'] : '28.5.2+dfsg4';
  const outcome = (value: unknown): Answer => ({ stdout: JSON.stringify(value), stderr: complaint, exitCode: answered ? 0 : 1 });
  return {
    "docker info --format $'{{json .}}'": outcome({
      ServerVersion: answered ? version : '',
      OperatingSystem: answered ? 'Debian GNU/Linux forky/sid' : '',
      // That of whoever runs the tests: an engine on another kernel is not on this machine.
      KernelVersion: answered ? release() : '',
      DockerRootDir: answered ? '/var/lib/docker' : '',
      Driver: answered ? 'overlay2' : '',
      DriverStatus: answered ? [['Backing Filesystem', 'extfs']] : null,
      SecurityOptions: answered ? ['name=seccomp,profile=builtin', 'name=cgroupns'] : null,
      ...(answered ? { CgroupVersion: '2' } : {}),
      ExperimentalBuild: false,
      ClientInfo: {
        Version: '28.5.2+dfsg4',
        Context: context,
        Plugins: buildx === null ? null : [{ Name: 'buildx', Version: buildx, Path: '/usr/libexec/docker/cli-plugins/docker-buildx' }],
      },
      ...info,
    }),
    "docker version --format $'{{json .}}'": outcome({
      Client: { Version: '28.5.2+dfsg4', ApiVersion: '1.51', Os: 'linux', Arch: 'amd64', ...client },
      Server: answered ? { Platform: { Name: '' }, Components: [{ Name: 'Engine' }], Version: version, ...server } : null,
    }),
    "docker context inspect --format $'{{json .}}'": JSON.stringify({ Name: context, Endpoints: { docker: { Host: host } } }),
  };
}

/** A `docker` whose engine does not run. */
export const silentEngine = {
  server: null,
  complaint: 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
} as const;

/** A `docker` whose engine does not let this user in. */
export const closedEngine = {
  server: null,
  complaint:
    'WARNING: Error loading config file: open /home/maria/.docker/config.json: permission denied\npermission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/version": dial unix /var/run/docker.sock: connect: permission denied',
} as const;

/** Where there is no program `docker`. */
export function noDocker(): Record<string, Answer> {
  const missing = (): Answer => new Error('docker: command not found');
  return Object.fromEntries(Object.keys(dockerAnswers()).map((line) => [line, missing]));
}

/** A runner that leaves sudo(8) away: for commands as root on files that belong to whoever runs the tests. */
export function withoutSudo(runner: Runner): Runner {
  return {
    run: (file, args, options) => {
      const [program = '', ...rest] = file === 'sudo' ? args.slice(1) : [file, ...args];
      return runner.run(program, rest, options);
    },
  };
}
