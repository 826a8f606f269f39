import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { task } from '../lib/cli/task.js';
import type { Context } from '../lib/core/context.js';
import { CommandError, UsageError } from '../lib/core/errors.js';

const PROJECTS = ['unit', 'e2e', 'boxes'];
/** Those that run when none is named: a box takes as long as all others together. */
const BY_DEFAULT = ['unit', 'e2e'];

const report = z.looseObject({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  success: z.boolean(),
});

export default task({
  name: 'test',
  summary: 'Type check, lint, unit tests, and the e2e tests on a real engine and cluster.',
  flags: {
    project: { type: 'string', value: 'NAME,…', help: `only these tests: ${PROJECTS.join(', ')} (default: ${BY_DEFAULT.join(',')})` },
  },
  manual: [
    'The e2e tests use the cluster of this instance and leave it up. The last line is the count: N passed, N failed. Exit code 1 when',
    'something failed, or nothing passed.',
  ],
  words: '[FILE…]',
  async run({ flags, words, ctx, print, printJson }) {
    const chosen = flags.project?.split(',') ?? BY_DEFAULT;
    const unknown = chosen.find((name) => !PROJECTS.includes(name));
    if (unknown !== undefined) throw new UsageError(`--project: ${unknown} is none of ${PROJECTS.join(', ')}`);
    let failedChecks = 0;
    for (const [program, ...args] of [['tsc'], ['biome', 'check', '--error-on-warnings', '.']] as const)
      if (!(await passes(ctx, program, args))) failedChecks++;

    const output = path.join(ctx.logs, 'vitest.json');
    const projects = chosen.flatMap((name) => ['--project', name]);
    const green = await passes(ctx, 'vitest', [
      'run',
      ...projects,
      '--reporter=verbose',
      '--reporter=json',
      `--outputFile.json=${output}`,
      ...words,
    ]);
    const counts = report.parse(JSON.parse(await readFile(output, 'utf8')));
    await rm(output);
    const passed = counts.numPassedTests;
    // A file that does not load has no tests to count, and is a failure all the same.
    const failed = counts.numFailedTests + failedChecks + (!green && counts.numFailedTests === 0 ? 1 : 0);
    const skipped = counts.numPendingTests + counts.numTodoTests;
    printJson({ passed, failed, skipped });
    print(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
    return failed === 0 && passed > 0 ? 0 : 1;
  },
});

/** Runs one of the npm packages' programs on the terminal. */
async function passes(ctx: Context, program: string, args: readonly string[]): Promise<boolean> {
  try {
    await ctx.runner.run(ctx.paths.inRoot('node_modules', '.bin', program), args, { cwd: ctx.paths.root, interactive: true });
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.commandExitCode !== undefined) return false;
    throw error;
  }
}
