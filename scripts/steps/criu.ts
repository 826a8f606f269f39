import { cpus } from 'node:os';
import path from 'node:path';
import { replace } from '../lib/files.js';
import { applyPatches, readSeries } from '../lib/fork.js';
import { asRoot } from '../lib/runner.js';
import { fetchTree, readSources } from '../lib/sources.js';
import { file, step } from '../lib/step.js';
import { buildPackages } from './build-packages.js';

/** Where CRIU lies on the host: dockerd finds it through its PATH, sudo's included. */
export const hostCriu = '/usr/local/sbin/criu';

/** CRIU, patched and built. */
export const criu = step({
  id: 'criu',
  title: 'CRIU',
  needs: [buildPackages],
  inputs: ['images/criu'],
  produces: ({ paths }) => [file(path.join(paths.build, 'criu'))],
  weight: 2,
  async run(ctx) {
    const folder = ctx.paths.inRoot('images', 'criu');
    const sources = await readSources(path.join(folder, 'source.yaml'));
    const tree = path.join(ctx.paths.src, 'criu');
    await fetchTree(ctx, sources, tree);
    await applyPatches(ctx, tree, await readSeries(path.join(folder, 'patches')));
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

/** CRIU where the host's Docker engine finds it. */
export const criuOnHost = step({
  id: 'criu-on-host',
  title: 'CRIU for Docker on the host',
  needs: [criu],
  produces: () => [file(hostCriu)],
  async run(ctx) {
    const [program, args] = asRoot('install', ['-D', '-m', '0755', path.join(ctx.paths.build, 'criu'), hostCriu]);
    await ctx.runner.run(program, args);
    const [check, checkArgs] = asRoot(hostCriu, ['check']);
    await ctx.runner.run(check, checkArgs, { failure: 'criu check fails' });
  },
});
