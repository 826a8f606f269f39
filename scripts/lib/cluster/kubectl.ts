import path from 'node:path';
import type * as z from 'zod';
import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import type { RunOptions, RunResult } from '../core/runner.js';

/** The kubeconfig context that kind writes for a cluster. */
export function kubeContext(clusterName: string): string {
  return `kind-${clusterName}`;
}

/** Runs the built kubectl against the toolkit's cluster. The KUBECONFIG of the user holds. */
export function kubectl(ctx: Context, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return ctx.runner.run(path.join(ctx.paths.bin, 'kubectl'), ['--context', kubeContext(ctx.options.clusterName), ...args], options);
}

/** Runs kubectl and reads its JSON. @throws ToolkitError when it is not what the schema says */
export async function kubectlJson<T>(ctx: Context, args: readonly string[], schema: z.ZodType<T>, options: RunOptions = {}): Promise<T> {
  const { stdout } = await kubectl(ctx, [...args, '--output', 'json'], options);
  const parsed = schema.safeParse(JSON.parse(stdout));
  if (!parsed.success)
    throw new ToolkitError(`kubectl ${args.join(' ')} answered something else than expected`, { details: [parsed.error.message] });
  return parsed.data;
}
