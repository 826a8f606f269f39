import { UsageError } from '../lib/core/errors.js';
import { type BoxCase, type CaseName, cases } from './cases.js';
import { type BoxSystem, systems } from './systems.js';

/** A box to run: a system and what is special about it. */
export interface Box {
  /** `debian:13`, `debian:13+apt-lock` */
  readonly name: string;
  readonly system: BoxSystem;
  readonly case: BoxCase & { readonly name: CaseName };
}

/** Every box that there is, those of a system together. */
export function allBoxes(): Box[] {
  return systems.flatMap((system) =>
    cases.filter((one: BoxCase) => one.excludes?.(system) === undefined).map((one) => ({ name: nameOf(system, one), system, case: one })),
  );
}

/** The boxes that run when none is named. */
export function defaultBoxes(): Box[] {
  return allBoxes().filter(({ system, case: one }) => one.byDefault(system));
}

/**
 * The boxes that words of the command line name, each once and in their order; without words the default ones.
 * @throws UsageError when there is no such system or case, or that system has no box of that case
 */
export function chosenBoxes(words: readonly string[]): Box[] {
  if (words.length === 0) return defaultBoxes();
  const chosen = new Map<string, Box>();
  for (const word of words) chosen.set(word, boxOf(word));
  return [...chosen.values()];
}

function boxOf(word: string): Box {
  const hint = 'npm run test:boxes -- --list   shows all.';
  const [systemName = '', caseName = '', ...more] = word.split('+');
  const system = systems.find(({ name }) => name === systemName);
  if (system === undefined)
    throw new UsageError(`there is no box ${word}: unknown system ${systemName || '(none)'}`, {
      details: [`systems: ${systems.map(({ name }) => name).join(', ')}`],
      hint,
    });
  const one = cases.find(({ name }) => name === caseName);
  if (one === undefined || more.length > 0 || word.endsWith('+'))
    throw new UsageError(`there is no box ${word}: ${more.length > 0 ? 'one case at a time' : `unknown case ${caseName || '(none)'}`}`, {
      details: [`cases: ${cases.flatMap(({ name }) => (name === '' ? [] : [name])).join(', ')}`],
      hint,
    });
  const why = (one as BoxCase).excludes?.(system);
  if (why !== undefined) throw new UsageError(`there is no box ${word}: ${why}`, { hint });
  return { name: nameOf(system, one), system, case: one };
}

function nameOf(system: BoxSystem, { name }: BoxCase): string {
  return name === '' ? system.name : `${system.name}+${name}`;
}
