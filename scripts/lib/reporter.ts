import { type DefaultRenderer, Listr, type ListrTaskWrapper, type SimpleRenderer } from 'listr2';
import type { Clock } from './context.js';
import type { Waiting } from './engine/places.js';
import { messageOf } from './errors.js';
import type { Step } from './step.js';

/** Shows what the engine does. */
export interface Reporter {
  begin(entries: ReadonlyArray<{ readonly step: Step; readonly reason: string | undefined }>): void;
  /** A step could begin, were it not for this. Told again whenever it is looked at. */
  waits(step: Step, waitsFor: Waiting): void;
  started(step: Step, reason: string): void;
  progress(step: Step, line: string): void;
  finished(step: Step, seconds: number): void;
  failed(step: Step, error: unknown): void;
  end(): Promise<void>;
}

/** What a step waits for, after "waits for". */
export function describeWaiting(waitsFor: Waiting): string {
  return waitsFor === 'places' ? 'a place' : `${waitsFor.thing}, in use by ${waitsFor.by.title}`;
}

/** Lines with the time of day, for logs and CI. */
export function plainReporter(write: (line: string) => void, clock: Clock): Reporter {
  const line = (text: string): void => write(`${new Date(clock.now()).toISOString().slice(11, 19)} ${text}`);
  const told = new Map<Step, string>();
  return {
    waits(step, waitsFor) {
      // Places are always short; who holds a thing is worth a line, once.
      if (waitsFor === 'places' || told.get(step) === waitsFor.by.title) return;
      told.set(step, waitsFor.by.title);
      line(`… ${step.title} waits for ${describeWaiting(waitsFor)}`);
    },
    begin(entries) {
      const stale = entries.filter((entry) => entry.reason !== undefined).length;
      line(`${stale} of ${entries.length} steps to do`);
    },
    started: (step, reason) => line(`▶ ${step.title} (${reason})`),
    progress: () => undefined,
    finished: (step, seconds) => line(`✔ ${step.title} ${seconds.toFixed(1)} s`),
    failed: (step, error) => line(`✖ ${step.title}: ${messageOf(error)}`),
    end: async () => undefined,
  };
}

interface Row {
  readonly wrapper: Promise<ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SimpleRenderer>>;
  readonly settle: { done: () => void; skip: () => void; fail: (error: Error) => void };
}

/** A live list on a terminal: one row a step that is to be done, with elapsed time and its last line of output. */
export function listReporter(clock: Clock): Reporter {
  const rows = new Map<string, Row>();
  const began = new Map<Step, number>();
  const list = new Listr<unknown, 'default', 'simple'>([], {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    rendererOptions: { collapseErrors: true, collapseSubtasks: false, formatOutput: 'truncate' },
  });
  let running: Promise<unknown> = Promise.resolve();
  const withRow = (step: Step, act: (row: Row) => void): void => {
    const row = rows.get(step.id);
    if (row !== undefined) act(row);
  };
  const title = (step: Step, text: string): void =>
    withRow(step, (row) => {
      void row.wrapper.then((task) => {
        task.title = text;
      });
    });
  // Steps that wait for others look it; the time of those at work is theirs alone.
  const tick = (): void => {
    for (const [step, start] of began) title(step, `${step.title} ${Math.round((clock.now() - start) / 1000)} s`);
  };
  let ticking: NodeJS.Timeout | undefined;
  const show = (step: Step, line: string): void =>
    withRow(step, (row) => {
      void row.wrapper.then((task) => {
        task.output = line;
      });
    });
  const add = (step: Step): void => {
    let giveWrapper: (wrapper: Awaited<Row['wrapper']>) => void = () => undefined;
    let settle: Row['settle'] = { done: () => undefined, skip: () => undefined, fail: () => undefined };
    const wrapper = new Promise<Awaited<Row['wrapper']>>((resolve) => {
      giveWrapper = resolve;
    });
    const outcome = new Promise<'done' | 'skip'>((resolve, reject) => {
      settle = { done: () => resolve('done'), skip: () => resolve('skip'), fail: reject };
    });
    list.add({
      title: `${step.title} (waits)`,
      task: async (_, task) => {
        giveWrapper(task);
        if ((await outcome) === 'skip') task.skip(step.title);
      },
    });
    rows.set(step.id, { wrapper, settle });
  };
  return {
    begin(entries) {
      for (const { step, reason } of entries) if (reason !== undefined) add(step);
      running = list.run();
      ticking = setInterval(tick, 1000);
    },
    waits: (step, waitsFor) => title(step, `${step.title} (waits for ${describeWaiting(waitsFor)})`),
    started(step, reason) {
      began.set(step, clock.now());
      title(step, step.title);
      show(step, reason);
    },
    progress: show,
    finished(step, seconds) {
      began.delete(step);
      title(step, `${step.title} ${seconds.toFixed(1)} s`);
      withRow(step, (row) => row.settle.done());
    },
    failed(step, error) {
      began.delete(step);
      title(step, step.title);
      withRow(step, (row) => row.settle.fail(error instanceof Error ? error : new Error(String(error))));
    },
    async end() {
      clearInterval(ticking);
      for (const row of rows.values()) row.settle.skip();
      await running;
    },
  };
}
