import { mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Context } from '../lib/core/context.js';
import { writeAtomically } from '../lib/core/files.js';
import { plotMigrationsOf } from './migrate-plot.js';
import type { MigrationSample } from './migrate-report.js';
import { plotOf } from './plot.js';
import type { Sample } from './report.js';

type Kept = Pick<Context, 'paths' | 'logs'>;

/**
 * Keeps measured checkpoints, with their picture, in the folder of the run's logs.
 * @param record also in docs/, for everyone to read
 * @returns the files that were written
 */
export async function keepTimes(ctx: Kept, samples: readonly Sample[], record: boolean): Promise<string[]> {
  return keep(ctx, 'checkpoint-times', samples, await plotOf(samples), record);
}

/** The same for measured migrations. */
export async function keepMigrations(ctx: Kept, samples: readonly MigrationSample[], record: boolean): Promise<string[]> {
  return keep(ctx, 'migration-times', samples, await plotMigrationsOf(samples), record);
}

async function keep(ctx: Kept, name: string, samples: readonly object[], picture: string, record: boolean): Promise<string[]> {
  const machine = { kernel: os.release().replace(/-.*$/, ''), processors: os.availableParallelism(), memory: os.totalmem() };
  const data = `${JSON.stringify({ machine, unit: 'seconds', samples }, undefined, 1)}\n`;
  const written: string[] = [];
  for (const folder of record ? [ctx.logs, ctx.paths.inRoot('docs')] : [ctx.logs]) {
    await mkdir(folder, { recursive: true });
    for (const [ending, content] of [
      ['json', data],
      ['svg', picture],
    ] as const) {
      const file = path.join(folder, `${name}.${ending}`);
      await writeAtomically(file, content);
      written.push(file);
    }
  }
  return written;
}
