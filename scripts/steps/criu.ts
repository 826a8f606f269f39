import { cp, rename } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { distribution } from '../lib/apt.js';
import { buildImage } from '../lib/docker.js';
import { replace } from '../lib/files.js';
import { applyPatches, readSeries } from '../lib/fork.js';
import { linkOrCopy } from '../lib/image-archive.js';
import { asRoot } from '../lib/runner.js';
import { fetchTree, readSources } from '../lib/sources.js';
import { file, type StepContext, step } from '../lib/step.js';
import { buildPackages, packagesFor } from './build-packages.js';
import { dockerExperimental } from './docker-experimental.js';
import { nodeSuite, rootFilesystem, rootFilesystemTar } from './root-filesystem.js';

/** Where CRIU lies on the host: dockerd finds it through its PATH, sudo's included. */
export const hostCriu = '/usr/local/sbin/criu';

/** CRIU's source, verified and as it came. */
export const criuSource = step({
  id: 'criu-source',
  title: 'source of CRIU',
  needs: [buildPackages],
  inputs: ['images/criu/source.yaml'],
  produces: ({ paths }) => [file(path.join(paths.src, 'criu-source'))],
  async run(ctx) {
    await fetchTree(ctx, await readSources(ctx.paths.inRoot('images', 'criu', 'source.yaml')), path.join(ctx.paths.src, 'criu-source'));
  },
});

async function layOutPatched(ctx: StepContext, tree: string): Promise<void> {
  await replace(tree, (temporary) => cp(path.join(ctx.paths.src, 'criu-source'), temporary, { recursive: true, verbatimSymlinks: true }));
  await applyPatches(ctx, tree, await readSeries(ctx.paths.inRoot('images', 'criu', 'patches')));
}

/** CRIU, patched and built. */
export const criu = step({
  id: 'criu',
  title: 'CRIU',
  asRoot: true,
  needs: [criuSource],
  inputs: ['images/criu/patches'],
  produces: ({ paths }) => [file(path.join(paths.build, 'criu'))],
  weight: 2,
  async run(ctx) {
    const tree = path.join(ctx.paths.src, 'criu');
    await layOutPatched(ctx, tree);
    await ctx.runner.run('make', ['-j', String(cpus().length), 'criu'], {
      cwd: tree,
      failure: 'CRIU does not build',
      hint: 'npm run setup installs the packages that it needs.',
    });
    const [program, args] = asRoot(path.join(tree, 'criu', 'criu'), ['check']);
    await ctx.runner.run(program, args, {
      failure: 'this kernel lacks what CRIU needs',
      hint: 'See the output above; https://criu.org/Linux_kernel lists the kernel options.',
    });
    await replace(path.join(ctx.paths.build, 'criu'), async (temporary) => {
      await ctx.runner.run('install', ['-m', '0755', path.join(tree, 'criu', 'criu'), temporary]);
    });
  },
});

/** CRIU for the nodes: the host's, where the host has the userland of the nodes; else built in that userland, for other libraries. */
export const criuForNodes = step({
  id: 'criu-for-nodes',
  title: 'CRIU for the nodes',
  needs: [criu, rootFilesystem, dockerExperimental],
  inputs: ['images/criu/Dockerfile'],
  options: async () => ({ sameUserland: await hostHasNodeUserland() }),
  produces: ({ paths }) => [file(nodeCriu(paths.build))],
  async run(ctx) {
    const target = nodeCriu(ctx.paths.build);
    await replace(target, async (temporary) => {
      if (await hostHasNodeUserland()) await linkOrCopy(path.join(ctx.paths.build, 'criu'), temporary);
      else await buildInNodeUserland(ctx, temporary);
    });
  },
});

/** Where the CRIU of the nodes lies. */
export const nodeCriu = (build: string): string => path.join(build, 'criu-for-nodes');

async function hostHasNodeUserland(): Promise<boolean> {
  const { id, codename } = await distribution();
  return id === 'debian' && codename === nodeSuite;
}

async function buildInNodeUserland(ctx: StepContext, target: string): Promise<void> {
  const tree = path.join(ctx.paths.tmp, 'criu-for-nodes');
  const output = `${tree}.output`;
  await layOutPatched(ctx, tree);
  await buildImage(ctx, 'criu-for-nodes', {
    dockerfile: ctx.paths.inRoot('images', 'criu', 'Dockerfile'),
    files: { 'root-filesystem.tar': rootFilesystemTar(ctx.paths.build), criu: tree },
    args: { PACKAGES: ['build-essential', 'pkg-config', ...packagesFor.CRIU].join(' ') },
    output,
  });
  await rename(path.join(output, 'criu'), target);
}

/** CRIU where the host's Docker engine finds it. */
export const criuOnHost = step({
  id: 'criu-on-host',
  title: 'CRIU for Docker on the host',
  asRoot: true,
  needs: [criu],
  produces: () => [file(hostCriu)],
  async run(ctx) {
    const [program, args] = asRoot('install', ['-D', '-m', '0755', path.join(ctx.paths.build, 'criu'), hostCriu]);
    await ctx.runner.run(program, args);
    const [check, checkArgs] = asRoot(hostCriu, ['check']);
    await ctx.runner.run(check, checkArgs, { failure: 'criu check fails' });
  },
});
