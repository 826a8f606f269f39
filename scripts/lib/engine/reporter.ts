import type { Clock } from '../core/context.js';
import { messageOf } from '../core/errors.js';
import type { Course } from './course.js';
import type { Waiting } from './places.js';
import type { Step } from './step.js';
import { describeStep, describeWaiting, describeWhole } from './words.js';

/** Shows what the engine does. */
export interface Reporter {
  /** @param begun all steps, how many of them are to do, and where the run is from here on */
  begin(begun: { readonly steps: readonly Step[]; readonly toDo: number; readonly course: Course }): void;
  /** A step could begin, were it not for this. Told again whenever it is looked at. */
  waits(step: Step, waitsFor: Waiting): void;
  started(step: Step, reason: string): void;
  /** The last line of its output. */
  progress(step: Step, line: string): void;
  finished(step: Step, seconds: number): void;
  failed(step: Step, error: unknown): void;
  end(): Promise<void>;
}

/** Between two lines that say that work goes on, milliseconds. CI systems end what is silent for ten minutes. */
const ALIVE_MS = 60_000;

/** Calls something again and again. @returns what stops it */
export type Repeat = (act: () => void, ms: number) => () => void;

const repeatInTime: Repeat = (act, ms) => {
  const timer = setInterval(act, ms);
  return () => clearInterval(timer);
};

/** Lines with the time of day, for logs and CI: one for each event, and one a minute for what is at work. */
export function plainReporter(write: (line: string) => void, clock: Clock, repeat: Repeat = repeatInTime): Reporter {
  const line = (text: string): void => write(`${new Date(clock.now()).toISOString().slice(11, 19)} ${text}`);
  const told = new Map<Step, string>();
  let stop = (): void => undefined;
  return {
    begin({ steps, toDo, course }) {
      line(`${toDo} of ${steps.length} steps to do`);
      stop = repeat(() => line(`… ${describeWhole(course)}; at work: ${course.atWork().map(describeStep).join('; ')}`), ALIVE_MS);
    },
    waits(step, waitsFor) {
      // Places are always short; that somebody holds a thing is worth a line, once.
      if (waitsFor === 'places' || told.get(step) === waitsFor.thing) return;
      told.set(step, waitsFor.thing);
      line(`… ${step.title} waits for ${describeWaiting(waitsFor)}`);
    },
    started: (step, reason) => line(`▶ ${step.title} (${reason})`),
    progress: () => undefined,
    finished: (step, seconds) => line(`✔ ${step.title} ${seconds.toFixed(1)} s`),
    failed: (step, error) => line(`✖ ${step.title}: ${messageOf(error)}`),
    async end() {
      stop();
    },
  };
}
