import { readFile } from 'node:fs/promises';
import { expect, vi } from 'vitest';
import { CommandError } from '../../scripts/lib/core/errors.js';

/** How long what a command does may take to be seen, and how often it is looked at, milliseconds. */
export const PATIENCE = { timeout: 20_000, interval: 20 };

/** A script as a command. */
export const sh = (script: string): [string, string[]] => ['sh', ['-c', script]];

/** The error of a command that fails. */
export async function failureOf(run: Promise<unknown>): Promise<CommandError> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CommandError);
  return error as CommandError;
}

/** Whether a process runs. A zombie, which only awaits its parent, does not. */
export async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
}

/** The ID that a process has written into a file, once it has. */
export async function pidIn(file: string): Promise<number> {
  return await vi.waitFor(async () => {
    const pid = Number(await readFile(file, 'utf8'));
    expect(pid).toBeGreaterThan(0);
    return pid;
  }, PATIENCE);
}
