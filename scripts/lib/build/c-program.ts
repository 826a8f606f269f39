import type { Context } from '../core/context.js';
import { replace } from '../core/files.js';

/** Compiles one C file into a program that needs no library: it runs in images that hold nothing else. */
export async function compileStatic(ctx: Context, source: string, target: string, flags: readonly string[] = []): Promise<void> {
  await replace(target, async (temporary) => {
    await ctx.runner.run('gcc', ['-Os', '-Wall', '-static', ...flags, '-o', temporary, source]);
  });
}
