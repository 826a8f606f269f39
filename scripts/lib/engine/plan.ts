import type { Context } from '../core/context.js';
import { type Freshness, freshness } from './freshness.js';
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

/** Works out what must run for the goals, and why. Changes nothing. */
export async function plan(goals: readonly Step[], ctx: Context): Promise<PlanEntry[]> {
  const keys = new Map<Step, string>();
  const keyOf = (need: Step): string => keys.get(need) ?? '';
  const entries: PlanEntry[] = [];
  for (const step of inOrder(goals)) {
    const entry = { step, ...(await freshness(step, ctx, keyOf)) };
    keys.set(step, entry.key);
    entries.push(entry);
  }
  return entries;
}
