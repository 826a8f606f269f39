import { median } from '../lib/core/median.js';

/** One figure of a benchmark: two things measured side by side in one run. */
export interface Figure {
  readonly name: string;
  /** What is measured, seconds, one a round. */
  readonly measured: readonly number[];
  /** What it is compared with, seconds, one a round. */
  readonly baseline: readonly number[];
  /** What the ratio of the medians should be at most. */
  readonly goal: number;
  /** How the baseline is meant. */
  readonly against: string;
}

/** Ratio of the medians. */
export function ratio({ measured, baseline }: Pick<Figure, 'measured' | 'baseline'>): number {
  return median(measured) / median(baseline);
}

/** What a benchmark came to. */
export interface Benchmark {
  readonly figures: readonly Figure[];
  /** Tables and explanations for people, beyond the figures. */
  readonly report?: string;
}
