import { median } from '../lib/core/median.js';
import { SIZE_NAMES } from '../workloads/ballast.js';
import { type Measure, type Sample, valuesOf, WAYS } from './report.js';

const [WIDTH, HEIGHT] = [960, 420];
/** Ends of the axis, milliseconds. Bars begin at 1 on a logarithmic axis, so that must lie below it. */
const [LEAST, MOST] = [50, 10_000];
/** Colours that can be told apart by those who do not see red or green (Okabe and Ito). */
const COLOURS = ['#999999', '#d55e00', '#0072b2'];
const PANELS: ReadonlyArray<readonly [measure: Measure, title: string, left: string]> = [
  ['frozen', 'the container stands still, milliseconds', '6%'],
  ['call', 'the whole call, milliseconds', '55%'],
];

/** Draws the medians of a measurement as an SVG picture: one panel for the pause, one for the whole call. */
export async function plotOf(samples: readonly Sample[]): Promise<string> {
  // Large, and needed by nothing else.
  const echarts = await import('echarts');
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  const ways = Object.entries(WAYS) as Array<[keyof typeof WAYS, string]>;
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    color: COLOURS,
    // Room for fonts that are wider than is reckoned with here.
    legend: { top: 8, itemGap: 50, data: ways.map(([, name]) => name) },
    title: PANELS.map(([, text, left]) => ({ text, left, top: 40, textStyle: { fontSize: 14 } })),
    grid: PANELS.map(([, , left]) => ({ left, width: '41%', top: 80, bottom: 30 })),
    xAxis: PANELS.map((_, gridIndex) => ({ type: 'category', gridIndex, data: SIZE_NAMES, axisTick: { show: false } })),
    yAxis: PANELS.map((_, gridIndex) => ({ type: 'log', gridIndex, min: LEAST, max: MOST })),
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
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
