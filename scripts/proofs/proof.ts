import { type Context, secondsSince } from '../lib/core/context.js';
import { messageOf, ToolkitError } from '../lib/core/errors.js';

/** One thing proven, with what was seen. */
export interface Proven {
  /** What holds, as a sentence. */
  readonly what: string;
  /** What was measured. */
  readonly seen: string;
  readonly seconds: number;
}

/** Collects what a run proves, and says each as it is proven: once, with the time that it took. */
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
      const seconds = secondsSince(this.ctx.clock, start);
      this.proven.push({ what, seen, seconds });
      this.ctx.say(`✔ ${what}: ${seen} (${seconds.toFixed(2)} s)`);
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

  /** How much was proven, for the line at the end: `11 statements proven in 18.2 s`. */
  summary(): string {
    const { length } = this.proven;
    const seconds = this.proven.reduce((sum, proven) => sum + proven.seconds, 0);
    return `${length} statement${length === 1 ? '' : 's'} proven in ${seconds.toFixed(1)} s`;
  }
}
