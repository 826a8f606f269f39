import { cp, mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from '../core/context.js';
import { linkOrCopy } from '../core/files.js';
import type { Runner } from '../core/runner.js';
import type { Product, StepContext } from '../engine/step.js';
import { type BuildProxies, buildProxies } from './build-proxies.js';

export interface ImageBuild {
  readonly dockerfile: string;
  /** Source path by path in the context; folders are copied whole. */
  readonly files: Readonly<Record<string, string>>;
  readonly args?: Readonly<Record<string, string>>;
  /** A folder for the files of the last stage: no image is made then. */
  readonly output?: string;
  /** True when the Dockerfile fetches something: the proxies of this machine are handed on. */
  readonly fetches?: boolean;
}

/** Label of the images that are built: the instance whose they are. */
const INSTANCE_LABEL = 'kind-checkpoint.instance';

/** Builds an image from files laid into a build context of its own. */
export async function buildImage(
  ctx: StepContext,
  tag: string,
  { dockerfile, files, args = {}, output, fetches = false }: ImageBuild,
): Promise<void> {
  const context = path.join(ctx.paths.tmp, `image-${tag.replaceAll(/[/:]/g, '-')}`);
  await mkdir(context, { recursive: true });
  try {
    for (const [name, source] of Object.entries(files)) await place(source, path.join(context, name));
    const buildArgs = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
    const result = output === undefined ? ['--load', '--tag', tag] : ['--output', `type=local,dest=${output}`];
    const { variables, onThisMachine } = fetches ? await buildProxies(ctx) : NO_PROXIES;
    if (onThisMachine) ctx.say('a proxy is on this machine: the build uses the network of the host');
    // Without a value they are taken from the environment, so that no password shows.
    const proxies = Object.keys(variables).flatMap((name) => ['--build-arg', name]);
    const network = onThisMachine ? ['--network=host'] : [];
    await ctx.runner.run(
      'docker',
      [
        'buildx',
        'build',
        '--progress=plain',
        '--pull=false',
        // What is built on it inherits the label: images that a rebuild left without a name can be told from other people's.
        '--label',
        `${INSTANCE_LABEL}=${ctx.options.instance}`,
        '--file',
        dockerfile,
        ...buildArgs,
        ...proxies,
        ...network,
        ...result,
        context,
      ],
      {
        env: {
          // The engine's own builder, whichever the user has chosen for other work: as `docker build` has it.
          BUILDX_BUILDER: await contextName(ctx),
          // They would make an index of every image: one more thing to save, load and compare.
          BUILDX_NO_DEFAULT_ATTESTATIONS: '1',
          ...Object.fromEntries(Object.entries(variables).filter(([name, value]) => ctx.env[name] !== value)),
        },
        failure: `docker could not build ${tag}`,
        ...(fetches ? { hint: FETCHES } : {}),
      },
    );
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

const FETCHES =
  'It fetches Debian packages inside the build: check the network there. Behind a proxy set http_proxy, or Acquire::http::Proxy in /etc/apt.';
const NO_PROXIES: BuildProxies = { variables: {}, onThisMachine: false };

/** Name of the Docker context in force, which is also that of its engine's builder. */
async function contextName({ runner }: Pick<Context, 'runner'>): Promise<string> {
  return (await runner.run('docker', ['context', 'inspect', '--format', '{{.Name}}'])).stdout;
}

async function place(source: string, target: string): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  if ((await stat(source)).isDirectory()) await cp(source, target, { recursive: true, verbatimSymlinks: true });
  else await linkOrCopy(source, target);
}

/**
 * ID of an image in the engine (`sha256:…`), or undefined: the digest of its configuration, or of its manifest or index where the
 * engine keeps its images in containerd.
 */
export async function imageId(ctx: Pick<Context, 'runner'>, reference: string): Promise<string | undefined> {
  const { stdout, exitCode } = await ctx.runner.run('docker', ['image', 'inspect', '--format', '{{.Id}}', reference], { accept: true });
  return exitCode === 0 ? stdout : undefined;
}

/** IDs of images by reference, as {@link imageId} gives them: with one command where all are there. */
async function imageIds(ctx: Pick<Context, 'runner'>, references: readonly string[]): Promise<Map<string, string | undefined>> {
  if (references.length > 1) {
    const { stdout, exitCode } = await ctx.runner.run('docker', ['image', 'inspect', '--format', '{{.Id}}', ...references], {
      accept: true,
    });
    const ids = stdout.split('\n');
    if (exitCode === 0) return new Map(references.map((reference, index) => [reference, ids[index]]));
  }
  return new Map(await Promise.all(references.map(async (reference) => [reference, await imageId(ctx, reference)] as const)));
}

interface Batch {
  readonly references: Set<string>;
  readonly ids: Promise<Map<string, string | undefined>>;
}

/** What is about to be asked for, by who asks. */
const batches = new WeakMap<Runner, Batch>();

/** As {@link imageId}. Those that are asked for at the same moment are asked for together. */
async function imageIdTogether(ctx: Pick<Context, 'runner'>, reference: string): Promise<string | undefined> {
  let batch = batches.get(ctx.runner);
  if (batch === undefined) {
    const references = new Set<string>();
    const ask = async (): Promise<Map<string, string | undefined>> => {
      await new Promise((resolve) => setImmediate(resolve));
      batches.delete(ctx.runner);
      return imageIds(ctx, [...references]);
    };
    batch = { references, ids: ask() };
    batches.set(ctx.runner, batch);
  }
  batch.references.add(reference);
  return (await batch.ids).get(reference);
}

/** An image in the Docker engine as a product: the name must still stand for the image that was made. */
export function dockerImage(reference: string): Product {
  return {
    name: reference,
    // An engine that does not run has no image either.
    fingerprint: (ctx) => imageIdTogether(ctx, reference).catch(() => undefined),
  };
}
