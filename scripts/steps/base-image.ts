import { chmod, cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { buildImage, dockerImage } from '../lib/build/docker-image.js';
import { moduleFolder, readPin } from '../lib/build/go.js';
import { componentProgram } from '../lib/build/go-component.js';
import type { Context } from '../lib/core/context.js';
import { once } from '../lib/core/once.js';
import { nodeImageNames } from '../lib/core/options.js';
import { type Step, type StepContext, step } from '../lib/engine/step.js';
import { forks } from '../lib/forks/fork.js';
import { cniPlugins } from './cni-plugins.js';
import { CONTAINERD_PROGRAMS, containerd, containerdOf } from './containerd.js';
import { criuForNodes, nodeCriu } from './criu.js';
import { dockerEngine } from './docker-engine.js';
import { goToolchain } from './go-toolchain.js';
import { rootFilesystem, rootFilesystemTar } from './root-filesystem.js';
import { runc } from './runc.js';

/** The programs of components, by folder in the build's context (see the Dockerfile) and the step that makes them. */
const programsWith = (runtime: Step): Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> => ({
  bin: { [runtime.id]: CONTAINERD_PROGRAMS },
  sbin: { runc: ['runc'] },
  cni: { 'cni-plugins': ['bridge', 'loopback', 'ptp', 'portmap', 'host-local'] },
});

/** What tells the images of nodes with this containerd from others; nothing for the one that is patched. */
export function variantOf(runtime: Step): string | undefined {
  return runtime === containerd ? undefined : runtime.id;
}

/** The image that node images are built on. @param folder of containerd's pin, in the checkout */
export const baseImageOf = once((folder: string): Step => {
  const runtime = containerdOf(folder);
  const variant = variantOf(runtime);
  const programs = programsWith(runtime);
  return step({
    id: variant === undefined ? 'base-image' : `base-image-${variant}`,
    title: variant === undefined ? 'base image' : `base image with ${variant}`,
    seconds: 6,
    uses: ['docker'],
    needs: [dockerEngine, goToolchain, rootFilesystem, runtime, runc, cniPlugins, criuForNodes],
    inputs: ['images/base/Dockerfile', 'images/base/files', `${forks.kind.folder}/go.mod`],
    options: ({ options }) => ({ instance: options.instance, programs }),
    produces: ({ options }) => [dockerImage(nodeImageNames(options, variant).base)],
    run: (ctx) => build(ctx, nodeImageNames(ctx.options, variant).base, programs),
  });
});

/** The base image with the containerd that is patched. */
export const baseImage = baseImageOf(forks.containerd.folder);

async function build(ctx: StepContext, tag: string, programs: ReturnType<typeof programsWith>): Promise<void> {
  const kindFiles = await layOutKindFiles(ctx);
  const files = Object.entries(programs).flatMap(([folder, components]) =>
    Object.entries(components).flatMap(([id, names]) => names.map((name) => [`${folder}/${name}`, componentProgram(ctx, id, name)])),
  );
  await buildImage(ctx, tag, {
    dockerfile: ctx.paths.inRoot('images', 'base', 'Dockerfile'),
    files: {
      'root-filesystem.tar': rootFilesystemTar(ctx.paths.build),
      'kind-files': kindFiles,
      files: ctx.paths.inRoot('images', 'base', 'files'),
      'sbin/criu': nodeCriu(ctx.paths.build),
      ...Object.fromEntries(files),
    },
  });
  await rm(kindFiles, { recursive: true, force: true });
}

/** Copies the files of kind's own base image out of the pinned module, writable. */
async function layOutKindFiles(ctx: Context): Promise<string> {
  const pin = await readPin(ctx.paths.inRoot(forks.kind.folder));
  const source = path.join(await moduleFolder(ctx, pin, forks.kind.module), 'images', 'base', 'files');
  const target = path.join(ctx.paths.tmp, 'kind-files');
  await mkdir(ctx.paths.tmp, { recursive: true });
  await rm(target, { recursive: true, force: true });
  await cp(source, target, { recursive: true, verbatimSymlinks: true });
  await chmod(target, 0o755);
  await ctx.runner.run('chmod', ['-R', 'u+w,a+rX', target]);
  return target;
}
