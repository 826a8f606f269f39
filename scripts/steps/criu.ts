import { existsSync, readFileSync } from 'node:fs';
import { cp, rename } from 'node:fs/promises';
import { availableParallelism, release } from 'node:os';
import path from 'node:path';
import { buildImage } from '../lib/build/docker-image.js';
import { inPlainFolder } from '../lib/build/plain-folder.js';
import { fetchTree, readSources } from '../lib/build/sources.js';
import { linkOrCopy, replace, writeAtomically } from '../lib/core/files.js';
import type { RunOptions, RunResult } from '../lib/core/runner.js';
import { asRoot } from '../lib/core/sudo.js';
import { file, type StepContext, step } from '../lib/engine/step.js';
import { applyPatches, readSeries } from '../lib/forks/fork.js';
import { distribution, osReleaseField } from '../lib/host/distribution.js';
import { buildPackages, packagesFor } from './build-packages.js';
import { dockerEngine } from './docker-engine.js';
import { nodeSuite, rootFilesystem, rootFilesystemTar } from './root-filesystem.js';

/** os-release(5). */
const OS_RELEASE = '/etc/os-release';

/** True where programs built on this machine run in the nodes as they are: it has the userland of the nodes. */
export function isNodeUserland(osRelease: string): boolean {
  return osReleaseField(osRelease, 'ID') === 'debian' && osReleaseField(osRelease, 'VERSION_CODENAME') === nodeSuite;
}

/** What CRIU is built with in the userland of the nodes. */
const PACKAGES = ['build-essential', 'pkg-config', ...packagesFor.CRIU];

// The steps are data: which of them a machine has is told when they are made.
const osRelease = existsSync(OS_RELEASE) ? readFileSync(OS_RELEASE, 'utf8') : '';
const sameUserland = isNodeUserland(osRelease);

/** Where CRIU lies on the host: dockerd finds it through its PATH, sudo's included. */
export const hostCriu = '/usr/local/sbin/criu';

/** CRIU's source, verified and as it came. */
export const criuSource = step({
  id: 'criu-source',
  title: 'source of CRIU',
  seconds: 10,
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

/** How CRIU is built: newer compilers and libraries warn of what older releases do, and that is no reason to fail. */
const MAKE = ['WERROR=0', 'criu'];

/** CRIU, patched and built for this machine. */
export const criu = step({
  id: 'criu',
  title: 'CRIU',
  seconds: 40,
  needs: [criuSource],
  inputs: ['images/criu/patches'],
  // Built by this system's compiler, against its libraries.
  options: async () => ({ make: MAKE, system: (await distribution()).name }),
  produces: ({ paths }) => [file(hostProgram(paths.build))],
  async run(ctx) {
    await inPlainFolder(path.join(ctx.paths.src, 'criu'), async (tree) => {
      await layOutPatched(ctx, tree);
      await ctx.runner.run('make', ['-j', String(availableParallelism()), ...MAKE], {
        cwd: tree,
        failure: 'CRIU does not build',
        hint: 'npm run setup installs the packages that it needs.',
      });
      await replace(hostProgram(ctx.paths.build), async (temporary) => {
        await ctx.runner.run('install', ['-m', '0755', path.join(tree, 'criu', 'criu'), temporary]);
      });
    });
  },
});

/** Where the CRIU of this machine lies when it is built. */
const hostProgram = (build: string): string => path.join(build, 'criu');

/** Where what `criu check --all` says about this machine is kept: its warnings are features that dumps here have to do without. */
export const criuReport = (build: string): string => path.join(build, 'criu-check.txt');

/** Proves that this kernel can checkpoint, before anything is built for long; asked again when the kernel is another one. */
export const criuCheck = step({
  id: 'criu-check',
  title: 'criu check',
  early: true,
  asRoot: true,
  needs: [criu],
  options: () => ({ kernel: release() }),
  produces: ({ paths }) => [file(criuReport(paths.build))],
  async run(ctx) {
    const check = (args: readonly string[], options: RunOptions): Promise<RunResult> => {
      const [program, rest] = asRoot(hostProgram(ctx.paths.build), ['check', ...args]);
      return ctx.runner.run(program, rest, options);
    };
    await check([], {
      failure: 'this kernel lacks what CRIU needs',
      hint: 'See the output above; https://criu.org/Linux_kernel lists the kernel options.',
    });
    // Its exit code tells whether every feature is there: none is missed by what is done here.
    const { stdout, stderr } = await check(['--all'], { accept: true });
    await writeAtomically(criuReport(ctx.paths.build), `${[stdout, stderr].filter(Boolean).join('\n')}\n`);
  },
});

/** CRIU for the nodes: this machine's, where it has the userland of the nodes; else built in that userland, for other libraries. */
export const criuForNodes = step({
  id: 'criu-for-nodes',
  title: 'CRIU for the nodes',
  seconds: sameUserland ? 1 : 60,
  needs: sameUserland ? [criu] : [criuSource, rootFilesystem, dockerEngine],
  uses: sameUserland ? [] : ['docker'],
  inputs: ['images/criu/Dockerfile', 'images/criu/patches'],
  options: () => ({ sameUserland, make: MAKE, ...(sameUserland ? {} : { packages: PACKAGES }) }),
  produces: ({ paths }) => [file(nodeCriu(paths.build))],
  async run(ctx) {
    const target = nodeCriu(ctx.paths.build);
    await replace(target, async (temporary) => {
      if (sameUserland) await linkOrCopy(hostProgram(ctx.paths.build), temporary);
      else await buildInNodeUserland(ctx, temporary);
    });
  },
});

/** Where the CRIU of the nodes lies. */
export const nodeCriu = (build: string): string => path.join(build, 'criu-for-nodes');

async function buildInNodeUserland(ctx: StepContext, target: string): Promise<void> {
  const tree = path.join(ctx.paths.tmp, 'criu-for-nodes');
  const output = `${tree}.output`;
  await layOutPatched(ctx, tree);
  await buildImage(ctx, 'criu-for-nodes', {
    dockerfile: ctx.paths.inRoot('images', 'criu', 'Dockerfile'),
    files: { 'root-filesystem.tar': rootFilesystemTar(ctx.paths.build), criu: tree },
    args: { PACKAGES: PACKAGES.join(' '), MAKE: MAKE.join(' ') },
    output,
    fetches: true,
  });
  await rename(path.join(output, 'criu'), target);
}

/** CRIU where the host's Docker engine finds it. */
export const criuOnHost = step({
  id: 'criu-on-host',
  title: 'CRIU for Docker on the host',
  asRoot: true,
  needs: [criu, criuCheck],
  produces: () => [file(hostCriu)],
  async run(ctx) {
    const [program, args] = asRoot('install', ['-D', '-m', '0755', hostProgram(ctx.paths.build), hostCriu]);
    await ctx.runner.run(program, args, { failure: `CRIU could not be installed as ${hostCriu}` });
  },
});
