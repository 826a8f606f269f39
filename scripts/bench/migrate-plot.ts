import { median } from '../lib/core/median.js';
import { downtimes, type MigrationSample, MOVED_SIZES } from './migrate-report.js';

const [WIDTH, HEIGHT] = [640, 420];
/** Ends of the axis, milliseconds. Bars begin at 1 on a logarithmic axis, so that must lie below it. */
const [LEAST, MOST] = [50, 10_000];
/** Colours that can be told apart by those who do not see red or green (Okabe and Ito). */
const COLOURS = ['#999999', '#0072b2'];
const WAYS = { raw: 'runc alone, on one node', ours: 'kubectl checkpoint migrate, to another node' } as const;

/** Draws the median downtimes of migrations as an SVG picture. */
export async function plotMigrationsOf(samples: readonly MigrationSample[]): Promise<string> {
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
    title: { text: 'the process stands still, milliseconds', left: '8%', top: 40, textStyle: { fontSize: 14 } },
    grid: { left: '8%', width: '88%', top: 80, bottom: 30 },
    xAxis: { type: 'category', data: MOVED_SIZES, axisTick: { show: false } },
    yAxis: { type: 'log', min: LEAST, max: MOST },
    series: ways.map(([way, name]) => ({
      name,
      type: 'bar',
      data: MOVED_SIZES.map((size) => Math.round(median(downtimes(samples, way, size)) * 1000)),
      label: { show: true, position: 'top', fontSize: 10 },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
