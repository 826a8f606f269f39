import path from 'node:path';
import { replace } from '../lib/files.js';
import { goCommand, oldestGo } from '../lib/go.js';
import { fetchFile, readSources } from '../lib/sources.js';
import { step } from '../lib/step.js';
import { buildPackages } from './build-packages.js';

/** The Go command. Pins choose their compilers by themselves (GOTOOLCHAIN); any Go that can fetch those will do. */
export const goToolchain = step({
  id: 'go-toolchain',
  title: 'Go',
  seconds: 20,
  needs: [buildPackages],
  async check(ctx) {
    return (await goCommand(ctx)) === undefined ? `no Go ${oldestGo} or newer on PATH` : undefined;
  },
  async run(ctx) {
    const archive = await fetchFile(ctx, await readSources(ctx.paths.inRoot('kubernetes', 'go.yaml')));
    await replace(path.join(ctx.paths.cache, 'go'), async (temporary) => {
      await ctx.runner.run('mkdir', [temporary]);
      await ctx.runner.run('tar', ['-xzf', archive, '--strip-components=1', '-C', temporary]);
    });
  },
});
