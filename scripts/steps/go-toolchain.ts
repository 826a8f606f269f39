import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { goCommand, oldestGo } from '../lib/build/go.js';
import { fetchFile, readSources } from '../lib/build/sources.js';
import type { Context } from '../lib/core/context.js';
import { replace } from '../lib/core/files.js';
import { step } from '../lib/engine/step.js';
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
      await mkdir(temporary);
      if (await isZip(archive)) await unpackModule(ctx, archive, temporary);
      else await ctx.runner.run('tar', ['-xzf', archive, '--strip-components=1', '-C', temporary]);
    });
  },
});

/** Zip files start with a local file header (APPNOTE.TXT 4.3.7). */
async function isZip(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString('latin1') === 'PK\u0003\u0004';
  } finally {
    await handle.close();
  }
}

/**
 * Unpacks a toolchain that came as a module, as the go command does it (cmd/go/internal/toolchain): all lies below a folder named by
 * the module, modes are lost, and each go.mod is called _go.mod because a module must not hold another.
 */
async function unpackModule({ runner }: Context, archive: string, target: string): Promise<void> {
  // The build packages bring Python, and no unzip.
  await runner.run('python3', ['-m', 'zipfile', '-e', archive, target]);
  const script = `cd "$1" && mv golang.org/toolchain@*/* . && rm -r golang.org && chmod -R a+x bin pkg/tool && find . -name _go.mod -execdir mv {} go.mod \\;`;
  await runner.run('sh', ['-euc', script, 'sh', target]);
}
