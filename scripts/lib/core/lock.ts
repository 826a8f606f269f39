import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import lockfile from 'proper-lockfile';
import type { Context } from './context.js';
import { readIfThere, writeAtomically } from './files.js';
import { isAlive } from './process.js';

/** How often a waiting run looks, milliseconds. */
const POLL_MS = 250;

/**
 * Takes a lock that holds across processes, waiting for its holder. The lock of a process that was killed is taken over.
 * @param file the name of the lock; its folder is created
 * @returns a function that gives it back
 */
export async function holdLock(file: string, ctx: Pick<Context, 'clock' | 'signal' | 'say'>): Promise<() => Promise<void>> {
  await mkdir(path.dirname(file), { recursive: true });
  const holder = `${file}.pid`;
  let told = false;
  for (;;) {
    ctx.signal.throwIfAborted();
    try {
      const release = await lockfile.lock(file, {
        realpath: false,
        stale: 60_000,
        update: 5_000,
        onCompromised: (error) => ctx.say(`the lock on ${path.basename(file)} was lost: ${error.message}`),
      });
      await writeAtomically(holder, `${process.pid}\n`);
      return async () => {
        await rm(holder, { force: true });
        await release();
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
    }
    const pid = Number(await readIfThere(holder));
    if (pid > 0 && !isAlive(pid)) {
      await rm(holder, { force: true });
      await rm(`${file}.lock`, { recursive: true, force: true });
      continue;
    }
    if (!told) ctx.say(`waiting for ${pid > 0 ? `process ${pid}` : 'another process'} that works on ${path.basename(file)}`);
    told = true;
    await ctx.clock.sleep(POLL_MS, ctx.signal);
  }
}
