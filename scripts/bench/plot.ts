import { median } from '../lib/core/median.js';
import { SIZE_NAMES } from '../workloads/ballast.js';
import { drawChart, millisecondsAxis } from './chart.js';
import { type Measure, type Sample, valuesOf, WAYS } from './report.js';

const WIDTH = 960;
/** Colours that can be told apart by those who do not see red or green (Okabe and Ito). */
const COLOURS = ['#999999', '#d55e00', '#0072b2'];
const PANELS: ReadonlyArray<readonly [measure: Measure, title: string, left: string]> = [
  ['frozen', 'the container stands still, milliseconds', '6%'],
  ['call', 'the whole call, milliseconds', '55%'],
];

/** Draws the medians of a measurement as an SVG picture: one panel for the pause, one for the whole call. */
export async function plotOf(samples: readonly Sample[]): Promise<string> {
  const ways = Object.entries(WAYS) as Array<[keyof typeof WAYS, string]>;
  const names = ways.map(([, name]) => name);
  return drawChart(WIDTH, names, {
    color: COLOURS,
    title: PANELS.map(([, text, left]) => ({ text, left, top: 40, textStyle: { fontSize: 14 } })),
    grid: PANELS.map(([, , left]) => ({ left, width: '41%', top: 80, bottom: 30 })),
    xAxis: PANELS.map((_, gridIndex) => ({ type: 'category', gridIndex, data: SIZE_NAMES, axisTick: { show: false } })),
    yAxis: PANELS.map((_, gridIndex) => ({ ...millisecondsAxis, gridIndex })),
    series: PANELS.flatMap(([measure], index) =>
      ways.map(([way, name]) => ({
        name,
        type: 'bar',
        xAxisIndex: index,
        yAxisIndex: index,
        data: SIZE_NAMES.map((size) => Math.round(median(valuesOf(samples, way, size, measure)) * 1000)),
        label: { show: true, position: 'top', fontSize: 10 },
      })),
    ),
  });
}
