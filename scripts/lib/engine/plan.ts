import type { Context } from '../core/context.js';
import { type Freshness, keyOfStep, reasonToRun } from './freshness.js';
import type { Step } from './step.js';

/** One line of a plan. */
export interface PlanEntry extends Freshness {
  readonly step: Step;
}

/** All steps that the goals stand on, each after what it needs. @throws TypeError on a circle or two steps of one id */
export function inOrder(goals: readonly Step[]): Step[] {
  const done = new Map<string, Step>();
  const open = new Set<string>();
  const visit = (step: Step): void => {
    const known = done.get(step.id);
    if (known === step) return;
    if (known !== undefined) throw new TypeError(`two steps are called ${step.id}`);
    if (open.has(step.id)) throw new TypeError(`step ${step.id} needs itself`);
    open.add(step.id);
    for (const need of step.needs ?? []) visit(need);
    open.delete(step.id);
    done.set(step.id, step);
  };
  for (const goal of goals) visit(goal);
  return [...done.values()];
}

/** Works out what must run for the goals, and why: asks for all steps side by side. Changes nothing. */
export async function plan(goals: readonly Step[], ctx: Context): Promise<PlanEntry[]> {
  const keyed = new Map<Step, ReturnType<typeof keyOfStep>>();
  const keyAfterNeeds = async (step: Step): ReturnType<typeof keyOfStep> => {
    const keys = new Map<Step, string>();
    for (const need of step.needs ?? []) keys.set(need, (await keyed.get(need))?.key ?? '');
    return keyOfStep(step, ctx, (need) => keys.get(need) ?? '');
  };
  const steps = inOrder(goals);
  for (const step of steps) keyed.set(step, keyAfterNeeds(step));
  // What looks at the machine begins at once. Products are looked for all together: an engine is asked for its images in one go then.
  const allKeyed = Promise.allSettled(keyed.values());
  const entries = steps.map(async (step): Promise<PlanEntry> => {
    const known = keyed.get(step) ?? keyAfterNeeds(step);
    const reason = step.produces === undefined ? step.check?.(ctx) : allKeyed.then(async () => reasonToRun(step, ctx, await known));
    const [{ key, parts }, found] = await Promise.all([known, reason]);
    return { step, key, parts, reason: found };
  });
  // Of several failures the one is told that comes first in the order of the steps, whichever was quicker.
  for (const settled of await Promise.allSettled(entries)) if (settled.status === 'rejected') throw settled.reason;
  return Promise.all(entries);
}
