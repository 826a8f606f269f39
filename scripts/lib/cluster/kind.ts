import path from 'node:path';
import type { Context } from '../core/context.js';
import type { RunOptions, RunResult } from '../core/runner.js';

/** Runs the built kind. @throws CommandError as the runner does */
export function runKind(
  { runner, paths }: Pick<Context, 'runner' | 'paths'>,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return runner.run(path.join(paths.bin, 'kind'), args, options);
}
