import { cp, mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from './context.js';
import { linkOrCopy } from './image-archive.js';
import type { StepContext } from './step.js';

export interface ImageBuild {
  readonly dockerfile: string;
  /** Source path by path in the context; folders are copied whole. */
  readonly files: Readonly<Record<string, string>>;
  readonly args?: Readonly<Record<string, string>>;
  /** A folder for the files of the last stage: no image is made then. */
  readonly output?: string;
}

/** Builds an image from files laid into a build context of its own. */
export async function buildImage(ctx: StepContext, tag: string, { dockerfile, files, args = {}, output }: ImageBuild): Promise<void> {
  const context = path.join(ctx.paths.tmp, `image-${tag.replaceAll(/[/:]/g, '-')}`);
  await mkdir(context, { recursive: true });
  try {
    for (const [name, source] of Object.entries(files)) await place(source, path.join(context, name));
    const buildArgs = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
    const result = output === undefined ? ['--tag', tag] : ['--output', `type=local,dest=${output}`];
    await ctx.runner.run('docker', ['build', '--progress=plain', '--pull=false', '--file', dockerfile, ...buildArgs, ...result, context], {
      env: { DOCKER_BUILDKIT: '1' },
      failure: `docker could not build ${tag}`,
      hint: 'The Dockerfiles need BuildKit (package docker-buildx, or docker-buildx-plugin).',
    });
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function place(source: string, target: string): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  if ((await stat(source)).isDirectory()) await cp(source, target, { recursive: true, verbatimSymlinks: true });
  else await linkOrCopy(source, target);
}

/** ID of an image in the engine (`sha256:…`), or undefined. */
export async function imageId(ctx: Pick<Context, 'runner'>, reference: string): Promise<string | undefined> {
  const { stdout, exitCode } = await ctx.runner.run('docker', ['image', 'inspect', '--format', '{{.Id}}', reference], { accept: true });
  return exitCode === 0 ? stdout : undefined;
}
