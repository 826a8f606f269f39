import type { Claims } from './claim.js';

/** The stages of a migration, in their order. */
export const STAGES = ['prepared', 'frozen', 'dumped', 'handed over', 'restored', 'source removed'] as const;
export type Stage = (typeof STAGES)[number];

/** When a migration reached each of its stages, milliseconds since the epoch, and how long its processes stood still. */
export interface Timeline {
  readonly startedAt: number;
  /** Those that are known. */
  readonly stages: ReadonlyArray<{ readonly stage: Stage; readonly at: number }>;
  /** From the first freeze of a container to the last restore; undefined where the runtime did not tell. */
  readonly downtimeMs: number | undefined;
}

/** What the command itself saw. */
export interface Seen {
  readonly startedAt: number;
  /** When the target waited. */
  readonly preparedAt?: number | undefined;
  readonly removedAt: number;
}

/**
 * Puts together what the command saw and what the runtimes wrote into the claims. Their times are those of their nodes: between machines
 * whose clocks differ, so do they.
 */
export function timelineOf({ startedAt, preparedAt, removedAt }: Seen, claims: Claims | undefined): Timeline {
  const all = [...(claims?.values() ?? [])];
  const times = (key: 'pausedAt' | 'dumpedAt' | 'takenAt' | 'restoredAt'): number[] =>
    all.map((claim) => Date.parse(claim[key] ?? '')).filter((time) => !Number.isNaN(time));
  const first = (list: readonly number[]): number | undefined => (list.length === 0 ? undefined : Math.min(...list));
  const last = (list: readonly number[]): number | undefined => (list.length === 0 ? undefined : Math.max(...list));
  const known: ReadonlyArray<readonly [Stage, number | undefined]> = [
    ['prepared', preparedAt],
    ['frozen', first(times('pausedAt'))],
    ['dumped', last(times('dumpedAt'))],
    ['handed over', last(times('takenAt'))],
    ['restored', last(times('restoredAt'))],
    ['source removed', removedAt],
  ];
  const [frozen, restored] = [first(times('pausedAt')), last(times('restoredAt'))];
  return {
    startedAt,
    stages: known.flatMap(([stage, at]) => (at === undefined ? [] : [{ stage, at }])),
    downtimeMs: frozen === undefined || restored === undefined ? undefined : restored - frozen,
  };
}

/** Each stage with how long it took since the one before, milliseconds. */
export function durationsOf({ startedAt, stages }: Timeline): Array<{ stage: Stage; atMs: number; tookMs: number }> {
  return stages.map(({ stage, at }, index) => ({ stage, atMs: at - startedAt, tookMs: at - (stages[index - 1]?.at ?? startedAt) }));
}
