// Draws the distribution of the time from revocation to refusal everywhere as one SVG. Each bound has a panel
// with the share of revocations that had arrived everywhere after so many seconds, from simulation and from
// workerd. Apache ECharts renders it without a browser.

import * as echarts from 'echarts';
import { seconds, summary } from './statistics.mjs';

export const CAPTION = 'simulated and local workerd, not measured on Cloudflare';

const SIZE = { width: 960, height: 436 };
const SOURCES = [
  { source: 'simulation, no push', name: 'simulation, no push', color: '#6b7a90', dash: 'dashed' },
  { source: 'workerd, no push', name: 'local workerd, no push', color: '#a05a00', dash: 'solid' },
  { source: 'workerd', name: 'local workerd, push', color: '#0b6e4f', dash: 'solid' },
];
const PANELS = { left: 60, gap: 46, top: 84, bottom: 134, right: 24 };

/** @param {Array<{ bound: number, source: string, samples_ms: number[] }>} runs */
export function chart(runs) {
  const bounds = [...new Set(runs.map(({ bound }) => bound))].sort((a, b) => b - a);
  const width = (SIZE.width - PANELS.left - PANELS.right - PANELS.gap * (bounds.length - 1)) / bounds.length;
  const lefts = bounds.map((_, at) => PANELS.left + at * (width + PANELS.gap));
  const drawing = echarts.init(null, null, { renderer: 'svg', ssr: true, ...SIZE });
  drawing.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    title: titles(runs, bounds, (at) => lefts[at] + width / 2),
    legend: { top: 32, itemGap: 28, itemStyle: { opacity: 0 }, data: SOURCES.map(({ name }) => name) },
    grid: bounds.map((_, at) => ({ left: lefts[at], width, top: PANELS.top, bottom: PANELS.bottom })),
    xAxis: bounds.map((bound, at) => ({
      type: 'value',
      gridIndex: at,
      min: 0,
      max: bound,
      axisLabel: { formatter: '{value} s' },
    })),
    yAxis: bounds.map((_, at) => ({
      type: 'value',
      gridIndex: at,
      min: 0,
      max: 100,
      axisLabel: { formatter: '{value} %', show: at === 0 },
    })),
    series: bounds.flatMap((bound, at) => lines(runs, bound, at)),
  });
  const svg = drawing.renderToSVGString();
  drawing.dispose();
  return svg;
}

/** The chart's own titles, and one over each panel, whose figures stand below it. */
function titles(runs, bounds, middle) {
  return [
    {
      text: "From a revocation's acknowledgement to refused at every location",
      left: 'center',
      top: 8,
      textStyle: { fontSize: 16 },
    },
    {
      text: `${CAPTION}; red: the bound`,
      left: 'center',
      bottom: 6,
      textStyle: { fontSize: 12, fontWeight: 'normal', color: '#555' },
    },
    ...bounds.map((bound, at) => ({
      text: `B = ${bound} s${bound >= 60 ? ', KV cached for 30 s' : ', no KV'}`,
      left: middle(at),
      textAlign: 'center',
      top: 58,
      textStyle: { fontSize: 13 },
      subtext: SOURCES.map(({ source, name }) =>
        figures(
          name,
          runs.find((run) => run.bound === bound && run.source === source),
        ),
      ).join('\n'),
      itemGap: SIZE.height - PANELS.bottom - 36,
      subtextStyle: { fontSize: 11, color: '#333', lineHeight: 15 },
    })),
  ];
}

/** The lines of one panel: one for each source. */
function lines(runs, bound, panel) {
  return SOURCES.map(({ source, name, color, dash }) => ({
    name,
    type: 'line',
    step: 'end',
    symbol: 'none',
    xAxisIndex: panel,
    yAxisIndex: panel,
    color,
    lineStyle: { color, width: 2, type: dash },
    data: arrived(runs.find((run) => run.bound === bound && run.source === source)?.samples_ms ?? []),
    // The bound, at the right edge of the panel.
    markLine: {
      silent: true,
      symbol: 'none',
      label: { show: false },
      lineStyle: { color: '#c0392b', type: 'solid' },
      data: [{ xAxis: bound }],
    },
  }));
}

/** [seconds, percent arrived by then], one step for each sample, thinned to at most 500 steps. */
function arrived(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const points = sorted.map((ms, at) => [ms / 1_000, (100 * (at + 1)) / sorted.length]);
  const every = Math.max(1, Math.floor(points.length / 500));
  return [[0, 0], ...points.filter((_, at) => at % every === 0 || at === points.length - 1)];
}

function figures(name, run) {
  if (run === undefined) return '';
  const { p50_ms, p99_ms, max_ms } = summary(run.samples_ms);
  return `${name}: p50 ${seconds(p50_ms)}, p99 ${seconds(p99_ms)}, max ${seconds(max_ms)} s`;
}
