import type { Context } from './context.js';
import { messageOf, ToolkitError } from './errors.js';
import { table } from './table.js';

/** So many characters of what was seen fit into the table; all of it was said when it was proven. */
const WIDTH = 120;

/** One thing proven, with what was seen. */
export interface Proven {
  /** What holds, as a sentence. */
  readonly what: string;
  /** What was measured. */
  readonly seen: string;
  readonly seconds: number;
}

/** Collects what a run proves, says each as it is proven, and ends in a table. */
export class Proof {
  readonly proven: Proven[] = [];

  constructor(
    private readonly ctx: Pick<Context, 'clock' | 'say' | 'logs'>,
    private readonly title: string,
  ) {}

  /**
   * Does something and takes what it returns as evidence.
   * @param what the statement, as a sentence
   * @param act throws when it does not hold; returns what it saw
   * @throws ToolkitError that names the statement which does not hold
   */
  async show<T>(what: string, act: () => Promise<{ seen: string; value: T }>): Promise<T> {
    const start = this.ctx.clock.now();
    try {
      const { seen, value } = await act();
      const seconds = (this.ctx.clock.now() - start) / 1000;
      this.proven.push({ what, seen, seconds });
      this.ctx.say(`✔ ${what}: ${seen}`);
      return value;
    } catch (error) {
      this.ctx.say(`✖ ${what}`);
      const known = error instanceof ToolkitError ? error : undefined;
      throw new ToolkitError(`${this.title}: does not hold: ${what}`, {
        details: [messageOf(error), ...(known?.details ?? [])],
        hint: known?.hint ?? 'Look at the cluster: npm run cluster:status; npm run cluster:logs',
        log: known?.log ?? this.ctx.logs,
        cause: error,
      });
    }
  }

  /** The table of all that was proven. */
  table(): string {
    return table(
      ['proven', 'seen', 'seconds'],
      this.proven.map(({ what, seen, seconds }) => [what, shorten(seen), seconds.toFixed(2)]),
    );
  }
}

function shorten(text: string): string {
  return text.length > WIDTH ? `${text.slice(0, WIDTH - 1)}…` : text;
}

/** Fails unless two values are the same. */
export function expectSame(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new ToolkitError(`${what}: expected ${String(expected)}, found ${String(actual)}`);
}
