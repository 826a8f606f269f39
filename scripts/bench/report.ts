import { table } from '../lib/cli/table.js';
import { median } from '../lib/core/median.js';
import { SIZE_NAMES, type Size } from '../workloads/ballast.js';
import { type Figure, ratio } from './figures.js';

const LARGEST: Size = '1 GiB';

/** How a checkpoint is made: by `runc checkpoint --leave-running` alone, by containerd without patches, by ours. `pause`: none is made, runc pauses and resumes. */
export type Way = 'runc' | 'stock' | 'ours' | 'pause';
/** Those that make checkpoints, as they are called in reports. */
export const WAYS = { runc: 'runc alone', stock: 'stock containerd', ours: 'ours' } as const satisfies Partial<Record<Way, string>>;

/** One measurement, seconds. */
export interface Sample {
  readonly way: Way;
  readonly size: Size;
  /** From the request to its answer. */
  readonly call: number;
  /** The longest time that the process did not run, by its own clock. */
  readonly frozen: number;
}
/** What is measured of a sample. */
export type Measure = 'call' | 'frozen';

/** The values of one way and size. */
export function valuesOf(samples: readonly Sample[], way: Way, size: Size, measure: Measure): number[] {
  return samples.filter((one) => one.way === way && one.size === size).map((one) => one[measure]);
}

const middle = (samples: readonly Sample[], way: Way, size: Size, measure: Measure): number =>
  median(valuesOf(samples, way, size, measure));

/** What is to be reached: the pause close to CRIU's own at every size; much shorter and quicker than without the patches at the largest. */
export function figuresOf(samples: readonly Sample[]): Figure[] {
  const figure = (measure: Measure, size: Size, way: 'runc' | 'stock', goal: number): Figure => ({
    name: `${measure === 'frozen' ? 'stands still' : 'call'}, ${size}`,
    measured: valuesOf(samples, 'ours', size, measure),
    against: WAYS[way],
    baseline: valuesOf(samples, way, size, measure),
    goal,
  });
  return [
    ...SIZE_NAMES.map((size) => figure('frozen', size, 'runc', 1.3)),
    figure('frozen', LARGEST, 'stock', 1 / 3),
    figure('call', LARGEST, 'runc', 3),
    figure('call', LARGEST, 'stock', 1 / 2),
  ];
}

/** Medians as tables, and where the time goes. */
export function reportOf(samples: readonly Sample[]): string {
  const ways = Object.keys(WAYS) as Array<keyof typeof WAYS>;
  const medians = (title: string, measure: Measure): string =>
    table(
      [title, ...ways.map((way) => `${WAYS[way]}, s`), 'ours / runc', 'stock / ours'],
      SIZE_NAMES.map((size) => {
        const [runc = 0, stock = 0, ours = 0] = ways.map((way) => middle(samples, way, size, measure));
        return [size, ...[runc, stock, ours].map((value) => value.toFixed(3)), (ours / runc).toFixed(2), (stock / ours).toFixed(2)];
      }),
    );
  const parts = table(
    ['where ours spends its time, s', 'dump (runc alone)', 'pause and resume', 'diff and the rest', 'before and after'],
    SIZE_NAMES.map((size) => {
      const dump = middle(samples, 'runc', size, 'frozen');
      const frozen = middle(samples, 'ours', size, 'frozen');
      const pause = middle(samples, 'pause', size, 'frozen');
      const call = middle(samples, 'ours', size, 'call');
      return [size, ...[dump, pause, frozen - dump - pause, call - frozen].map((value) => value.toFixed(3))];
    }),
  );
  const missed = figuresOf(samples)
    .filter((figure) => ratio(figure) > figure.goal)
    .map((figure) => `missed: ${figure.name} against ${figure.against}: ${ratio(figure).toFixed(2)}, not ${figure.goal.toFixed(2)}`);
  return [
    medians('stands still', 'frozen'),
    medians('call', 'call'),
    parts,
    'The first three stand still, measured apart: the container of a dump by runc alone, and one that runc only pauses and resumes.',
    'Before and after: the way through kubelet and containerd, and the archive, which is written while the container runs again.',
    ...missed,
  ].join('\n');
}
