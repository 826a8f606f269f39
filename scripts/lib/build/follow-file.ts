import { stat } from 'node:fs/promises';
import { formatBytes } from '../core/bytes.js';
import type { Context } from '../core/context.js';
import type { Tell } from './go-progress.js';

/** Between two looks, milliseconds. */
const LOOK_MS = 1000;

/**
 * Does something that makes a file grow, and tells how far it is by the file's size. Where nobody listens it is just done.
 * @param total size that the file will have, bytes; undefined while that is not known
 */
export async function followFile<T>(
  ctx: Pick<Context, 'clock'> & { readonly progress?: Tell },
  file: string,
  total: () => Promise<number | undefined>,
  work: () => Promise<T>,
): Promise<T> {
  const { progress } = ctx;
  if (progress === undefined) return await work();
  const done = new AbortController();
  const look = async (): Promise<void> => {
    const [all, { size }] = await Promise.all([total(), stat(file).catch(() => ({ size: 0 }))]);
    if (done.signal.aborted || size === 0) return;
    if (all === undefined || all <= 0) progress(0, formatBytes(size));
    else progress(size / all, `${formatBytes(Math.min(size, all))} of ${formatBytes(all)}`);
  };
  const watch = async (): Promise<void> => {
    while (!done.signal.aborted) {
      await ctx.clock.sleep(LOOK_MS, done.signal);
      await look();
    }
  };
  const watching = watch().catch(() => undefined);
  try {
    return await work();
  } finally {
    done.abort();
    await watching;
  }
}

/**
 * The size of what is being downloaded, by the headers that curl keeps of every answer (`--dump-header`): the last one counts, for
 * those before are redirections (RFC 9110, 8.6 Content-Length).
 */
export function contentLength(headers: string): number | undefined {
  const last = headers.split(/^HTTP\//m).at(-1) ?? '';
  const length = /^content-length:\s*(\d+)\s*$/im.exec(last)?.[1];
  return length === undefined ? undefined : Number(length);
}
