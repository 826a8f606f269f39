import { formatBytes } from '../core/bytes.js';
import type { Context } from '../core/context.js';

/** Redrawing more often than this only costs, milliseconds. */
const REDRAW_MS = 100;
/** What is smaller is there before anyone wonders, bytes. */
const LARGE_BYTES = 16 * 1024 * 1024;

/** Shows how far a transfer has got. */
export interface Progress {
  (bytes: number): void;
  /** Takes the line away again. */
  end(): void;
}

/**
 * One line on the terminal that is redrawn while something large arrives; silent elsewhere and in CI.
 * @param total bytes that will arrive
 */
export function transferProgress(
  ctx: Pick<Context, 'clock' | 'env'>,
  what: string,
  total: number,
  terminal: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr,
): Progress {
  const shown = terminal.isTTY === true && total >= LARGE_BYTES && ((ctx.env['CI'] ?? '') === '' || ctx.env['CI'] === 'false');
  const start = ctx.clock.now();
  let last = Number.NEGATIVE_INFINITY;
  const draw = (bytes: number): void => {
    const now = ctx.clock.now();
    if (!shown || now - last < REDRAW_MS) return;
    last = now;
    const seconds = (now - start) / 1000;
    const speed = seconds > 0.5 ? `, ${formatBytes(bytes / seconds)}/s` : '';
    const percent = Math.min(100, Math.floor((bytes / total) * 100));
    terminal.write(`\r\x1b[2K${what}: ${percent} % of ${formatBytes(total)}${speed}`);
  };
  return Object.assign(draw, {
    end: () => {
      if (shown && last !== Number.NEGATIVE_INFINITY) terminal.write('\r\x1b[2K');
    },
  });
}
