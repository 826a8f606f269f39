import { availableParallelism, totalmem } from 'node:os';

/** What bounds the work that this machine can do at a time. */
export interface Machine {
  /** Cores that this process may use. */
  readonly cores: number;
  /** Bytes of memory, of the machine or of the control group that this process is in. */
  readonly memory: number;
}

/** A compiler or a linker of a large Go program takes up to this much memory, bytes. */
const COMPILER = 1.5 * 1024 ** 3;
/** What one place stands for: a build of average size, bytes. */
const PLACE = 2.5 * 1024 ** 3;
/** One heavy step beside a light one: while the one links, on one core, the other compiles. */
const FEWEST = 3;

/** The machine that this process runs on. */
export function thisMachine(): Machine {
  // 0 and huge values say that there is no limit (process.constrainedMemory).
  const limit = process.constrainedMemory();
  return { cores: availableParallelism(), memory: limit > 0 ? Math.min(limit, totalmem()) : totalmem() };
}

/**
 * Places for steps at work (a step takes as many as its weight says). A heavy step keeps some four cores busy on its own: two
 * cores have three places, eight have five. Where memory is short there are fewer, for each build wants its share at the same time.
 */
export function placesFor({ cores, memory }: Machine): number {
  const byCores = Math.max(FEWEST, 1 + Math.floor(cores / 2));
  return Math.max(2, Math.min(byCores, Math.floor(memory / PLACE)));
}

/** Compilers that one Go build may run side by side (`go build -p`): as many as cores, fewer where memory is short. */
export function compilersFor({ cores, memory }: Machine): number {
  return Math.max(1, Math.min(cores, Math.floor(memory / COMPILER)));
}
