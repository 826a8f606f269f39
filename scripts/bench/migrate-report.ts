import { table } from '../lib/cli/table.js';
import { median } from '../lib/core/median.js';
import { type Figure, ratio } from './figures.js';

/** What is migrated, MiB by its name, and what its downtime should be at most, as a multiple of raw's. */
export const MOVED = {
  small: { mebibytes: 0, goal: 2 },
  '256 MiB': { mebibytes: 256, goal: 1.3 },
  '1 GiB': { mebibytes: 1024, goal: 1 },
} as const;
export type MovedSize = keyof typeof MOVED;
export const MOVED_SIZES = Object.keys(MOVED) as MovedSize[];

/** The most memory that the command should take. */
export const MEMORY_GOAL_BYTES = 200 << 20;

/** One migration: by `runc checkpoint` and `runc restore` on one node, or by `kubectl checkpoint migrate`. */
export interface MigrationSample {
  readonly way: 'raw' | 'ours';
  readonly size: MovedSize;
  /** The longest time that the process did not run, by its own clock, seconds. */
  readonly frozen: number;
  /** Peak memory of the command, bytes. */
  readonly memoryBytes?: number;
  /** How long each stage took since the one before, seconds. */
  readonly stages?: Readonly<Record<string, number>>;
}

/** The downtimes of one way and size. */
export function downtimes(samples: readonly MigrationSample[], way: MigrationSample['way'], size: MovedSize): number[] {
  return samples.filter((one) => one.way === way && one.size === size).map(({ frozen }) => frozen);
}

/** What is to be reached. */
export function migrationFigures(samples: readonly MigrationSample[]): Figure[] {
  return MOVED_SIZES.map((size) => ({
    name: `downtime of a migration, ${size}`,
    measured: downtimes(samples, 'ours', size),
    against: 'runc checkpoint and runc restore, one node',
    baseline: downtimes(samples, 'raw', size),
    goal: MOVED[size].goal,
  }));
}

/** The stages in which the process stands still. */
const STILL = ['dumped', 'handed over', 'restored'];

/** Medians as a table, where the time goes, the memory of the command, and what was left. @param left what was left on the nodes, a line each */
export function migrationReport(samples: readonly MigrationSample[], left: readonly string[]): string {
  const rows = migrationFigures(samples).map((figure, index) => [
    MOVED_SIZES[index] ?? '',
    median(figure.baseline).toFixed(3),
    median(figure.measured).toFixed(3),
    ratio(figure).toFixed(2),
    figure.goal.toFixed(1),
  ]);
  const stage = (size: MovedSize, name: string): string => {
    const known = samples.flatMap((one) => (one.size === size && one.stages?.[name] !== undefined ? [one.stages[name]] : []));
    return known.length === 0 ? '?' : median(known).toFixed(3);
  };
  const stages = MOVED_SIZES.map((size) => [size, ...['prepared', 'frozen', ...STILL, 'source removed'].map((name) => stage(size, name))]);
  const peak = Math.max(0, ...samples.map(({ memoryBytes = 0 }) => memoryBytes));
  return [
    table(['downtime', 'raw, s', 'ours, s', 'ours / raw', 'goal'], rows),
    table(['ours, s', 'prepared', 'frozen', ...STILL, 'source removed'], stages),
    `The process stands still from frozen to restored: ${STILL.join(', ')}. Each is counted from the one before, by the clocks of command and runtime.`,
    `Peak memory of kubectl checkpoint migrate: ${Math.round(peak / 2 ** 20)} MiB, at most ${MEMORY_GOAL_BYTES / 2 ** 20}: ${peak <= MEMORY_GOAL_BYTES ? 'reached' : 'missed'}`,
    left.length === 0 ? 'Left on the nodes: nothing' : ['Left on the nodes:', ...left.map((line) => `  ${line}`)].join('\n'),
  ].join('\n');
}
