import { type EngineFacts, readEngineFacts } from '../docker-engine.js';
import type { Surroundings } from './check.js';

/** What the runner gives for a command that it had to end, where every exit code is accepted. */
const TIMED_OUT = 124;

/** The Docker engine as checks know it. */
export interface Engine extends EngineFacts {
  /** True when `docker` was asked and came to no end: nothing else that is said here counts then. */
  readonly hangs: boolean;
}

/** What the engine says of itself, asked once for all checks. */
export function engine(on: Surroundings): Promise<Engine> {
  return on.once('engine', async () => {
    let hangs = false;
    const facts = await readEngineFacts({
      env: on.env,
      runner: {
        run: async (file, args, options) => {
          const result = await on.runner.run(file, args, options);
          if (result.exitCode === TIMED_OUT) hangs = true;
          return result;
        },
      },
    });
    return { ...facts, hangs };
  });
}
