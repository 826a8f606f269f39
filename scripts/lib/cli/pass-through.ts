import { existsSync } from 'node:fs';
import path from 'node:path';
import { CommandError } from '../core/errors.js';
import { bringAbout } from '../engine/bring-about.js';
import type { Step } from '../engine/step.js';
import { type Task, task } from './task.js';

/**
 * A task that hands its arguments to a program that a step builds, and the program's exit code back.
 * @param name the task's, and the program's
 * @param first arguments that go before those of the user
 */
export function passThrough(
  name: string,
  program: Step,
  { summary, manual, first = () => [] }: { summary: string; manual: readonly string[]; first?: (clusterName: string) => readonly string[] },
): Task {
  return task({
    name,
    summary,
    manual: [...manual, 'All arguments go to the program, flags included; the exit code is the program’s.'],
    flags: {},
    words: 'ARGUMENT…',
    passThrough: true,
    async run({ words, ctx }) {
      // Whatever was built last is what the cluster runs: not made anew for a look.
      if (!existsSync(path.join(ctx.paths.bin, name))) await bringAbout(ctx, [program]);
      try {
        await ctx.runner.run(path.join(ctx.paths.bin, name), [...first(ctx.options.clusterName), ...words], { interactive: true });
        return 0;
      } catch (error) {
        // It has said what is wrong by itself.
        if (error instanceof CommandError && error.commandExitCode !== undefined) return error.commandExitCode;
        throw error;
      }
    },
  });
}
