import type { Context } from '../core/context.js';
import { replace } from '../core/files.js';
import type { JsonObject } from '../core/json.js';
import { distribution } from '../host/distribution.js';

/** Static, so that it runs in images that hold nothing else. */
const COMPILER = ['gcc', '-Os', '-Wall', '-static'] as const;

/** Compiles one C file into a program that needs no library. */
export async function compileStatic(ctx: Context, source: string, target: string, flags: readonly string[] = []): Promise<void> {
  const [gcc, ...always] = COMPILER;
  await replace(target, async (temporary) => {
    await ctx.runner.run(gcc, [...always, ...flags, '-o', temporary, source]);
  });
}

/** What decides the bytes of {@link compileStatic}'s program beside its source, for the key of a step: the compiler comes with the system. */
export async function compilation(flags: readonly string[] = []): Promise<JsonObject> {
  return { compiler: [...COMPILER, ...flags], system: (await distribution()).name };
}
