import { InterruptedError, renderError, ToolkitError } from './errors.js';

/** Signals that stop a run, and the exit codes that shells have for them: 128 and the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof SIGNALS;

/** A signal so soon after the first is the same one: Ctrl-C reaches a run from the terminal and through npm. Milliseconds. */
const SAME_MS = 1000;

/** What is used of the process. */
export interface SignalledProcess {
  on(signal: Signal, heard: () => void): unknown;
  exit(code: number): void;
}

/** What stops a run. */
export interface Stops {
  /** Stops it: commands are ended, and everything is put right. */
  readonly stop: AbortController;
  /** Ends it, and the commands that put things right with it. */
  readonly atOnce: AbortController;
}

/**
 * Lets the first signal stop a run, and the second end the process at once, for what puts things right may hang.
 * @param say tells a person
 */
export function stopOnSignals(on: SignalledProcess, { stop, atOnce }: Stops, now: () => number, say: (text: string) => void): void {
  let first: number | undefined;
  const hear = (signal: Signal): void => {
    if (first === undefined) {
      first = now();
      stop.abort(new InterruptedError(signal, SIGNALS[signal]));
    } else if (now() - first >= SAME_MS) {
      atOnce.abort();
      say(renderError(endedAtOnce(signal)));
      on.exit(SIGNALS[signal]);
    }
  };
  for (const signal of Object.keys(SIGNALS) as Signal[]) on.on(signal, () => hear(signal));
}

function endedAtOnce(signal: Signal): ToolkitError {
  return new ToolkitError(`ended at once by ${signal}, the second signal`, {
    details: ['What was being cleaned up may be left: containers and pods of tests, a container that stands still, half-made files.'],
    hint: 'See: npm run doctor; npm run cluster:status. The next run goes on from what is finished, and removes what is half-made.',
  });
}
