import { chmod, cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { buildImage, dockerImage } from '../lib/build/docker-image.js';
import { moduleFolder, readPin } from '../lib/build/go.js';
import { componentProgram } from '../lib/build/go-component.js';
import type { Context } from '../lib/core/context.js';
import { imageNames } from '../lib/core/options.js';
import { step } from '../lib/engine/step.js';
import { forks } from '../lib/forks/fork.js';
import { cniPlugins } from './cni-plugins.js';
import { containerd } from './containerd.js';
import { criuForNodes, nodeCriu } from './criu.js';
import { dockerEngine } from './docker-engine.js';
import { goToolchain } from './go-toolchain.js';
import { rootFilesystem, rootFilesystemTar } from './root-filesystem.js';
import { runc } from './runc.js';

/** The programs of components, by folder in the build's context (see the Dockerfile) and the step that makes them. */
const PROGRAMS = {
  bin: { containerd: ['containerd', 'ctr', 'containerd-shim-runc-v2'] },
  sbin: { runc: ['runc'] },
  cni: { 'cni-plugins': ['bridge', 'loopback', 'ptp', 'portmap', 'host-local'] },
};

/** The image that node images are built on. */
export const baseImage = step({
  id: 'base-image',
  title: 'base image',
  seconds: 6,
  uses: ['docker'],
  needs: [dockerEngine, goToolchain, rootFilesystem, containerd, runc, cniPlugins, criuForNodes],
  inputs: ['images/base/Dockerfile', 'images/base/files', `${forks.kind.folder}/go.mod`],
  options: ({ options }) => ({ instance: options.instance, programs: PROGRAMS }),
  produces: ({ options }) => [dockerImage(imageNames(options).base)],
  async run(ctx) {
    const kindFiles = await layOutKindFiles(ctx);
    const programs = Object.entries(PROGRAMS).flatMap(([folder, components]) =>
      Object.entries(components).flatMap(([id, names]) => names.map((name) => [`${folder}/${name}`, componentProgram(ctx, id, name)])),
    );
    await buildImage(ctx, imageNames(ctx.options).base, {
      dockerfile: ctx.paths.inRoot('images', 'base', 'Dockerfile'),
      files: {
        'root-filesystem.tar': rootFilesystemTar(ctx.paths.build),
        'kind-files': kindFiles,
        files: ctx.paths.inRoot('images', 'base', 'files'),
        'sbin/criu': nodeCriu(ctx.paths.build),
        ...Object.fromEntries(programs),
      },
    });
    await rm(kindFiles, { recursive: true, force: true });
  },
});

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
