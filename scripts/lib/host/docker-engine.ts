import { release } from 'node:os';
import * as z from 'zod';
import type { Context } from '../core/context.js';
import { messageOf, ToolkitError } from '../core/errors.js';
import { type RunResult, TIMED_OUT } from '../core/runner.js';

/** The oldest engine that works: those before ask for every capability there is when a container is privileged. */
export const OLDEST_ENGINE = 23;

/** How long the engine may take to tell about itself, milliseconds. */
const ANSWER_TIMEOUT_MS = 20_000;

/**
 * What stands behind the program `docker`:
 * `engine` a rootful Docker engine of this machine; `rootless` one in a user namespace; `desktop` Docker Desktop, in a virtual machine;
 * `snap` the snap package, confined; `remote` one on another machine or kernel, or an endpoint that cannot be used;
 * `podman` its imitation of Docker; `none` nothing that answers: not installed, or not running.
 */
export type EngineKind = 'engine' | 'rootless' | 'desktop' | 'snap' | 'remote' | 'podman' | 'none';

/** What the Docker engine says about itself. Fields are undefined, and flags false, where it does not say. */
export interface EngineFacts {
  readonly kind: EngineKind;
  /** Version of the program `docker`; undefined when there is none. */
  readonly client: string | undefined;
  /** True when the engine answered this user. */
  readonly answers: boolean;
  /** True when an engine is there and does not let this user talk to it. */
  readonly denied: boolean;
  /** True when `docker` was asked and came to no end: nothing else that is said here counts then. */
  readonly hangs: boolean;
  /** What `docker` printed instead, when the engine did not answer. */
  readonly complaint: string;
  /** Version of the engine, as it writes it: `28.5.2+dfsg4`. */
  readonly version: string | undefined;
  /** Where it is talked to: `unix:///var/run/docker.sock`, `tcp://…`. */
  readonly endpoint: string | undefined;
  /** What chose that endpoint; `context` is one chosen by `docker context use`. */
  readonly chosenBy: 'DOCKER_HOST' | 'DOCKER_CONTEXT' | 'context' | 'default';
  /** `overlay2`, or `overlayfs` with the containerd image store. */
  readonly storageDriver: string | undefined;
  /** Where it keeps images and containers, on its machine. */
  readonly dataRoot: string | undefined;
  /** True when images are kept in containerd: the ID of an image is then the digest of its manifest or index, not of its configuration. */
  readonly containerdImageStore: boolean;
  readonly cgroupVersion: 1 | 2 | undefined;
  /** True when `experimental` is on, which `docker checkpoint` needs. */
  readonly experimental: boolean;
  /** Version of the builder that `docker` finds; undefined when there is none. */
  readonly buildx: string | undefined;
}

const text = z.string().nullish();

/** `docker info` (moby api/types/system.Info, docker/cli cli/command/system/info.go), as far as it is used. */
const infoSchema = z.object({
  ServerVersion: text,
  OperatingSystem: text,
  KernelVersion: text,
  DockerRootDir: text,
  Driver: text,
  // Pairs of name and value; podman's are none.
  DriverStatus: z.array(z.array(z.string())).nullish(),
  SecurityOptions: z.array(z.string()).nullish(),
  CgroupVersion: text,
  ExperimentalBuild: z.boolean().nullish(),
  ClientInfo: z
    .object({
      Version: text,
      Context: text,
      Plugins: z.array(z.object({ Name: text, Version: text, Err: z.unknown().optional() })).nullish(),
    })
    .nullish(),
});

/** `docker version`. OsArch is podman's: its program gives itself out as `docker` (package podman-docker). */
const versionSchema = z.object({
  Client: z.object({ Version: text, OsArch: text }).nullish(),
  Server: z
    .object({
      Version: text,
      Platform: z.object({ Name: text }).nullish(),
      Components: z.array(z.object({ Name: text })).nullish(),
    })
    .nullish(),
});

const contextSchema = z.object({
  Name: text,
  Endpoints: z.object({ docker: z.object({ Host: text }).nullish() }).nullish(),
});

/**
 * Asks the engine and the program `docker` about themselves; changes nothing, and fails never.
 * @param kernel of this machine, as uname(1) -r has it: an engine on another one is on another machine, or in a virtual one
 */
export async function readEngineFacts(ctx: Pick<Context, 'runner' | 'env'>, kernel = release()): Promise<EngineFacts> {
  const [infoAnswer, versionAnswer, contextAnswer] = await Promise.all([
    ask(ctx, 'info'),
    ask(ctx, 'version'),
    ask(ctx, 'context', 'inspect'),
  ]);
  const info = parse(infoSchema, infoAnswer);
  const version = parse(versionSchema, versionAnswer);
  const context = parse(contextSchema, contextAnswer);
  const server = info?.ServerVersion || version?.Server?.Version || undefined;
  const complaint = server === undefined ? [...new Set([infoAnswer.stderr, versionAnswer.stderr])].filter(Boolean).join('\n') : '';
  const facts = {
    client: version?.Client?.Version ?? info?.ClientInfo?.Version ?? undefined,
    answers: server !== undefined,
    denied: server === undefined && deniesAccess(complaint),
    hangs:
      contextAnswer.exitCode === TIMED_OUT ||
      (server === undefined && [infoAnswer, versionAnswer].some(({ exitCode }) => exitCode === TIMED_OUT)),
    complaint,
    version: server,
    endpoint: context?.Endpoints?.docker?.Host || undefined,
    chosenBy: chosenBy(ctx.env, context?.Name ?? undefined),
    storageDriver: info?.Driver || undefined,
    dataRoot: info?.DockerRootDir || undefined,
    containerdImageStore: (info?.DriverStatus ?? []).some(([, value]) => value?.startsWith('io.containerd.snapshotter') === true),
    cgroupVersion: info?.CgroupVersion === '2' ? 2 : info?.CgroupVersion === '1' ? 1 : undefined,
    experimental: info?.ExperimentalBuild === true,
    buildx: info?.ClientInfo?.Plugins?.find((plugin) => plugin.Name === 'buildx' && !plugin.Err)?.Version ?? undefined,
  } satisfies Omit<EngineFacts, 'kind'>;
  const fromSnap = info?.DockerRootDir?.startsWith('/var/snap/') === true || (!facts.answers && (await programIsSnap(ctx, facts.client)));
  return { ...facts, kind: kindOf(facts, info, version, fromSnap, kernel) };
}

function kindOf(
  facts: Omit<EngineFacts, 'kind'>,
  info: z.infer<typeof infoSchema> | undefined,
  version: z.infer<typeof versionSchema> | undefined,
  fromSnap: boolean,
  kernel: string,
): EngineKind {
  const { client, answers, denied, endpoint } = facts;
  if (version?.Client?.OsArch || version?.Server?.Components?.some(({ Name }) => Name === 'Podman Engine')) return 'podman';
  if (client === undefined) return 'none';
  if (fromSnap) return 'snap';
  if (info?.OperatingSystem === 'Docker Desktop' || version?.Server?.Platform?.Name?.startsWith('Docker Desktop') === true)
    return 'desktop';
  if (info?.SecurityOptions?.some((option) => option.split(',').includes('name=rootless')) === true) return 'rootless';
  if (endpoint === undefined || !endpoint.startsWith('unix://')) return 'remote';
  if (answers) return info?.KernelVersion && !isSameKernel(info.KernelVersion, kernel) ? 'remote' : 'engine';
  // Nobody answers: what is known is the place. Only the system's own engine is ours to start.
  if (isSystemEndpoint(endpoint)) return denied ? 'engine' : 'none';
  if (endpoint.includes('/podman/')) return 'podman';
  if (endpoint.includes('/desktop/')) return 'desktop';
  return /^unix:\/\/\/run\/user\//.test(endpoint) ? 'rootless' : denied ? 'engine' : 'remote';
}

/** Docker writes a release with three numbers, whatever uname(1) has: 6.17+deb14 as 6.17.0+deb14 (moby pkg/parsers/kernel, ParseRelease). */
function isSameKernel(written: string, release: string): boolean {
  return written === release || written === release.replace(/^(\d+\.\d+)(?!\.?\d)/, '$1.0');
}

/** True for the socket of the engine that belongs to the system, which is started and restarted by it. */
export function isSystemEndpoint(endpoint: string | undefined): boolean {
  return endpoint === 'unix:///var/run/docker.sock' || endpoint === 'unix:///run/docker.sock';
}

/** True when what `docker` printed says that the engine is there and does not let this user talk to it. */
export function deniesAccess(printed: string): boolean {
  // Not the warning about an unreadable ~/.docker/config.json, which stands beside it.
  return /permission denied while trying to connect|dial unix .*permission denied/i.test(printed);
}

function chosenBy(env: NodeJS.ProcessEnv, contextName: string | undefined): EngineFacts['chosenBy'] {
  if (env['DOCKER_HOST']) return 'DOCKER_HOST';
  if (env['DOCKER_CONTEXT']) return 'DOCKER_CONTEXT';
  return contextName === undefined || contextName === 'default' ? 'default' : 'context';
}

/** One question to `docker`, answered in JSON. Kept out of the log: it is long, and every run asks it. */
async function ask({ runner }: Pick<Context, 'runner'>, ...words: readonly string[]): Promise<RunResult> {
  try {
    return await runner.run('docker', [...words, '--format', '{{json .}}'], {
      accept: true,
      timeoutMs: ANSWER_TIMEOUT_MS,
      log: undefined,
      onLine: undefined,
    });
  } catch (error) {
    return { stdout: '', stderr: messageOf(error), exitCode: 127 };
  }
}

/** What was printed, by its schema; undefined when it is something else. Docker prints what it knows even where no engine answers. */
function parse<T>(schema: z.ZodType<T>, { stdout }: RunResult): T | undefined {
  try {
    return schema.parse(JSON.parse(stdout));
  } catch {
    return undefined;
  }
}

async function programIsSnap({ runner }: Pick<Context, 'runner'>, client: string | undefined): Promise<boolean> {
  if (client === undefined) return false;
  const { stdout } = await runner.run('sh', ['-c', 'command -v docker'], { accept: true });
  return stdout.startsWith('/snap/');
}

/** True for engines that cannot start the nodes of a cluster everywhere. A version that cannot be read is taken for a new one. */
export function isTooOld(version: string): boolean {
  return Number.parseInt(version, 10) < OLDEST_ENGINE;
}

/** Why the engine that is there does not fit, with what to do; undefined when it fits, or when there is none yet. */
export function refusal(facts: EngineFacts): ToolkitError | undefined {
  const { kind, version, endpoint } = facts;
  const refuse = (headline: string, detail: string, hint: string): ToolkitError =>
    new ToolkitError(headline, { details: [detail, ...facts.complaint.split('\n').filter(Boolean)], hint });
  const there = endpoint === undefined ? '' : ` (${endpoint})`;
  const other = `${useSystemEngine(facts)} Then run the same command again: it uses the engine of this system, or installs one beside.`;
  switch (kind) {
    case 'none':
      return undefined;
    case 'podman':
      return version === undefined
        ? refuse(
            'the program docker is podman’s imitation of it',
            'podman cannot run the nodes of a cluster as Docker does, nor docker checkpoint.',
            'Remove it (as root: apt-get remove podman-docker; podman itself can stay), then run the same command again: it installs Docker.',
          )
        : refuse(
            `docker talks to podman${there}, not to a Docker engine`,
            'podman cannot run the nodes of a cluster as Docker does, nor docker checkpoint.',
            other,
          );
    case 'rootless':
      return refuse(
        `docker talks to a rootless engine${there}`,
        'CRIU must dump processes of the nodes as root of this machine, which a rootless engine cannot grant.',
        `${other} The rootless engine can stay.`,
      );
    case 'desktop':
      return refuse(
        `docker talks to Docker Desktop${there}`,
        'Its engine runs in a virtual machine with a kernel of its own, where CRIU cannot be installed for it.',
        `${other} Docker Desktop can stay.`,
      );
    case 'snap':
      return refuse(
        'Docker is installed as a snap',
        'A snap is confined: its engine sees neither CRIU nor the folders that clusters need.',
        'Keep the images that you need (docker save), then: sudo snap remove docker (its images and containers go with it). Run the same command again: it installs Docker by apt.',
      );
    case 'remote':
      return endpoint === undefined
        ? refuse('docker does not know where its engine is', 'Its context cannot be used.', other)
        : refuse(
            `docker talks to an engine that is not on this machine (${endpoint})`,
            facts.answers
              ? 'Clusters, CRIU and the kernel must be of one machine.'
              : 'It does not answer either, and is not ours to start.',
            other,
          );
    case 'engine':
      return version === undefined || !isTooOld(version)
        ? undefined
        : refuse(
            `Docker ${version} is too old: ${OLDEST_ENGINE} or newer is needed`,
            'Older engines ask for every capability there is when a container is privileged, and fail where the host lacks one.',
            'Update it; or remove it (its images and containers stay), run the same command again, and it installs one that works.',
          );
  }
}

function useSystemEngine({ chosenBy }: EngineFacts): string {
  if (chosenBy === 'DOCKER_HOST' || chosenBy === 'DOCKER_CONTEXT') return `unset ${chosenBy}.`;
  return chosenBy === 'context' ? 'docker context use default.' : 'Have the socket /var/run/docker.sock be that of the system’s engine.';
}
