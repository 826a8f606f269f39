import type { EChartsOption } from 'echarts';

const HEIGHT = 420;

/** A logarithmic axis of milliseconds. Bars begin at 1 on such an axis, so that must lie below its end. */
export const millisecondsAxis = { type: 'log', min: 50, max: 10_000 } as const;

/** Draws a chart with a legend on top as an SVG picture. @param names of what its colours stand for */
export async function drawChart(width: number, names: readonly string[], options: EChartsOption): Promise<string> {
  // Large, and needed by nothing else.
  const echarts = await import('echarts');
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    // Room for fonts that are wider than is reckoned with here.
    legend: { top: 8, itemGap: 50, data: [...names] },
    ...options,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
