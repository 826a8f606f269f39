import { EOL } from 'node:os';
import { type DefaultRenderer, Listr, type ListrTaskWrapper, type SimpleRenderer } from 'listr2';
import type { Course } from './course.js';
import type { Reporter } from './reporter.js';
import type { Step } from './step.js';
import { describeQueue, describeStep, describeWhole } from './words.js';

type Wrapper = ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SimpleRenderer>;

/** A title that takes no line; an empty one would count as none. */
const HIDDEN = ' ';

/** A task of the list whose title, output and end come from outside. */
class Row {
  private settle: { end: () => void; fail: (error: Error) => void } = { end: () => undefined, fail: () => undefined };
  private giveWrapper: (wrapper: Wrapper) => void = () => undefined;
  private readonly wrapper = new Promise<Wrapper>((resolve) => {
    this.giveWrapper = resolve;
  });
  private readonly ended = new Promise<void>((resolve, reject) => {
    this.settle = { end: resolve, fail: reject };
  });

  /** @param title without any, the output is shown below the list */
  addTo(list: Listr<unknown, 'default', 'simple'>, title?: string): this {
    list.add({
      ...(title === undefined ? {} : { title }),
      task: async (_, task) => {
        this.giveWrapper(task);
        await this.ended;
      },
    });
    return this;
  }

  title(text: string): void {
    void this.wrapper.then((task) => {
      task.title = text;
    });
  }

  output(text: string): void {
    void this.wrapper.then((task) => {
      task.output = text;
    });
  }

  end(): void {
    this.settle.end();
  }

  fail(error: unknown): void {
    this.settle.fail(error instanceof Error ? error : new Error(String(error)));
  }
}

/**
 * A live list on a terminal: a row for each step that is or was at work, with how far it is and its last line of output; below
 * them how far the whole is, and who waits for what.
 */
export function listReporter(): Reporter {
  return new LiveList();
}

class LiveList implements Reporter {
  private readonly rows = new Map<Step, Row>();
  private readonly below = new Row();
  private readonly list = new Listr<unknown, 'default', 'simple'>([], {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    rendererOptions: { collapseErrors: true, collapseSubtasks: false, formatOutput: 'truncate' },
  });
  private running: Promise<unknown> = Promise.resolve();
  private ticking: NodeJS.Timeout | undefined;

  begin({ course, steps }: { readonly course: Course; readonly steps: readonly Step[] }): void {
    // In the order in which they begin, so that those at work stand together above the line for the whole. Steps that were
    // found done before may turn out not to be: they have rows too, which are not seen unless they begin.
    for (const step of new Set([...course.order(), ...steps])) this.rows.set(step, new Row().addTo(this.list, HIDDEN));
    this.below.addTo(this.list);
    this.running = this.list.run();
    this.ticking = setInterval(() => this.tick(course), 1000);
  }

  private tick(course: Course): void {
    for (const state of course.atWork()) this.rows.get(state.step)?.title(describeStep(state));
    this.below.output([describeWhole(course), describeQueue(course)].filter((line) => line !== undefined).join(EOL));
  }

  /** Shown with the next tick. */
  waits(): void {}

  started(step: Step, reason: string): void {
    this.rows.get(step)?.title(step.title);
    this.rows.get(step)?.output(reason);
  }

  progress(step: Step, line: string): void {
    this.rows.get(step)?.output(line);
  }

  finished(step: Step, seconds: number): void {
    this.rows.get(step)?.title(`${step.title} ${seconds.toFixed(1)} s`);
    this.rows.get(step)?.end();
  }

  failed(step: Step, error: unknown): void {
    this.rows.get(step)?.title(step.title);
    this.rows.get(step)?.fail(error);
  }

  async end(): Promise<void> {
    clearInterval(this.ticking);
    for (const row of [...this.rows.values(), this.below]) row.end();
    await this.running;
  }
}
