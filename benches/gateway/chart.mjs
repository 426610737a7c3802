// Draws what a request costs as one SVG: a bar for each way, as processor time.

import * as echarts from 'echarts';

const SIZE = { width: 860, height: 300 };
const OURS = '#0b6e4f';
const OTHERS = '#6b7a90';

/** @param {{ title: string, rows: Array<{ label: string, cpu_us: number, share: number }> }} compared */
export function chart({ title, measure, rows }, machine) {
  const drawing = echarts.init(null, null, { renderer: 'svg', ssr: true, ...SIZE });
  const shown = rows.toReversed();
  drawing.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    title: {
      text: `Processor time of a request: ${title}`,
      subtext: `µs, medians; in brackets the share of the ${measure}. Local workerd on ${machine.processor}`,
      left: 'center',
      textStyle: { fontSize: 15 },
    },
    grid: { left: 300, right: 110, top: 64, bottom: 28 },
    xAxis: { type: 'value', min: 0 },
    yAxis: { type: 'category', data: shown.map(({ label }) => label), axisTick: { show: false } },
    series: [
      {
        type: 'bar',
        barWidth: 20,
        data: shown.map(({ label, cpu_us, share }) => ({
          value: cpu_us,
          itemStyle: { color: label.startsWith('Wayleave') ? OURS : OTHERS },
          label: { show: true, position: 'right', formatter: `${cpu_us} (${share.toFixed(2)})` },
        })),
      },
    ],
  });
  const svg = drawing.renderToSVGString();
  drawing.dispose();
  return svg;
}
