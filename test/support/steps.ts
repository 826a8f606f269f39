import path from 'node:path';
import type { Context } from '../../scripts/lib/core/context.js';
import { achieve } from '../../scripts/lib/engine/engine.js';
import { freshness, writeStamp } from '../../scripts/lib/engine/freshness.js';
import type { Reporter } from '../../scripts/lib/engine/reporter.js';
import type { RunReport } from '../../scripts/lib/engine/run.js';
import { file, type Step, type StepContext, step } from '../../scripts/lib/engine/step.js';
import { put, stepContext } from './context.js';

/** Where a step of {@link makes} puts its product. */
export function productOf(ctx: Pick<Context, 'paths'>, { id }: Pick<Step, 'id'>): string {
  return path.join(ctx.paths.build, id);
}

/** A step that writes one file, after what `work` does. */
export function makes(
  id: string,
  {
    work,
    ...rest
  }: Partial<Pick<Step, 'needs' | 'inputs' | 'options' | 'weight' | 'uses' | 'seconds'>> & { work?: (ctx: StepContext) => unknown } = {},
): Step {
  return step({
    id,
    title: `the ${id}`,
    ...rest,
    produces: ({ paths }) => [file(productOf({ paths }, { id }))],
    async run(ctx) {
      await work?.(ctx);
      await put(productOf(ctx, { id }), id);
    },
  });
}

const keyOf = ({ id }: Step): string => `key of ${id}`;

/** Runs a step by itself, and records that it is done. */
export async function runAlone(step: Step, ctx: Context): Promise<void> {
  const before = await freshness(step, ctx, keyOf);
  await step.run(stepContext(ctx));
  await writeStamp(step, ctx, before, 1);
}

/** Why a step must run after {@link runAlone}; undefined when it need not. */
export async function reasonToRun(step: Step, ctx: Context): Promise<string | undefined> {
  return (await freshness(step, ctx, keyOf)).reason;
}

/** A reporter that keeps what it was told, as `started a`. */
export function recordingReporter(): Reporter & { readonly events: string[] } {
  const events: string[] = [];
  return {
    events,
    begin: ({ course }) => events.push(`begin ${course.order().map(({ id }) => id)}`),
    waits: ({ id }, waitsFor) => {
      if (waitsFor !== 'places') events.push(`waits ${id}: ${waitsFor.thing} of ${waitsFor.by.title}`);
    },
    started: ({ id }, reason) => events.push(`started ${id}: ${reason}`),
    progress: ({ id }, line) => events.push(`progress ${id}: ${line}`),
    finished: ({ id }, seconds) => events.push(`finished ${id} ${seconds}`),
    failed: ({ id }, error) => events.push(`failed ${id}: ${error instanceof Error ? error.message : error}`),
    end: async () => {
      events.push('end');
    },
  };
}

/** A gate that someone opens later. */
export function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** Places of a machine with two cores. */
export const PLACES = 3;

/** Brings goals about, on such a machine. */
export const run = (goals: readonly Step[], ctx: Context): Promise<RunReport> => achieve(goals, ctx, recordingReporter(), PLACES);
