import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Context } from '../lib/context.js';
import { CommandError, UsageError } from '../lib/errors.js';
import { task } from '../lib/task.js';

const PROJECTS = ['unit', 'e2e'];

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
  flags: { project: { type: 'string', value: PROJECTS.join('|'), help: 'only these tests' } },
  words: 'FILE…',
  async run({ flags, words, ctx, print, printJson }) {
    if (flags.project !== undefined && !PROJECTS.includes(flags.project))
      throw new UsageError(`--project: ${flags.project} is none of ${PROJECTS.join(', ')}`);
    let failedChecks = 0;
    for (const [program, ...args] of [['tsc'], ['biome', 'check', '--error-on-warnings', '.']] as const)
      if (!(await passes(ctx, program, args))) failedChecks++;

    const output = path.join(ctx.logs, 'vitest.json');
    const projects = flags.project === undefined ? [] : ['--project', flags.project];
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
