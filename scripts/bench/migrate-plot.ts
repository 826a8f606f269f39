import { median } from '../lib/core/median.js';
import { drawChart, millisecondsAxis } from './chart.js';
import { downtimes, type MigrationSample, MOVED_SIZES } from './migrate-report.js';

const WIDTH = 640;
/** Colours that can be told apart by those who do not see red or green (Okabe and Ito). */
const COLOURS = ['#999999', '#0072b2'];
const WAYS = { raw: 'runc alone, on one node', ours: 'kubectl checkpoint migrate, to another node' } as const;

/** Draws the median downtimes of migrations as an SVG picture. */
export async function plotMigrationsOf(samples: readonly MigrationSample[]): Promise<string> {
  const ways = Object.entries(WAYS) as Array<[keyof typeof WAYS, string]>;
  const names = ways.map(([, name]) => name);
  return drawChart(WIDTH, names, {
    color: COLOURS,
    title: { text: 'the process stands still, milliseconds', left: '8%', top: 40, textStyle: { fontSize: 14 } },
    grid: { left: '8%', width: '88%', top: 80, bottom: 30 },
    xAxis: { type: 'category', data: MOVED_SIZES, axisTick: { show: false } },
    yAxis: millisecondsAxis,
    series: ways.map(([way, name]) => ({
      name,
      type: 'bar',
      data: MOVED_SIZES.map((size) => Math.round(median(downtimes(samples, way, size)) * 1000)),
      label: { show: true, position: 'top', fontSize: 10 },
    })),
  });
}
