// Charts by uPlot, loaded only where there is one. Beside each stands the same as a table, for those who cannot see it.

import { h, put } from '../dom.js';

/** What is counted has no halves. */
const COUNTS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].flatMap((ten) => [ten, 2 * ten, 5 * ten]);

/** @type {Promise<any> | null} */
let library = null;

/** The library and its style, once. */
function load() {
  library ??= import('../vendor/uplot.js').then((module) => {
    document.head.append(
      h('link', { rel: 'stylesheet', href: new URL('../vendor/uplot.css', import.meta.url).href }),
    );
    return module.default;
  });
  return library;
}

/** @typedef {{ name: string, color: string, values: (number | null)[] }} Series `color` is a variable of console.css */

/**
 * Bars over labels or over time.
 * @param {{ title: string, x: { name: string, values: number[], isTime?: boolean, say: (value: number) => string }, series: Series[], mark?: number, signal: AbortSignal }} options
 *   `mark` is a place on the x axis that is to be seen, such as a bound
 */
export function barChart({ title, x, series, mark, signal }) {
  const canvas = h('div', { class: 'chart', 'aria-hidden': 'true' });
  const color = (/** @type {string} */ name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  /** @type {any} */
  let chart = null;
  const size = () => ({ width: Math.max(240, canvas.clientWidth), height: 220 });
  const draw = async () => {
    let uPlot;
    try {
      uPlot = await load();
    } catch {
      put(
        canvas,
        h('p', { class: 'muted' }, 'The chart cannot be drawn; its numbers are in the table below.'),
      );
      return;
    }
    if (signal.aborted || !canvas.isConnected) return;
    chart?.destroy();
    const axis = {
      stroke: color('--muted'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { stroke: color('--line'), width: 1 },
      font: `12px ${color('--sans')}`,
    };
    // Bars stand upon each other: each series is drawn to the sum of those below it, the tallest first.
    const sums = series.map((_, upTo) =>
      x.values.map((_, at) =>
        series.slice(0, upTo + 1).reduce((sum, { values }) => sum + (values[at] ?? 0), 0),
      ),
    );
    const drawn = series.map((one, at) => ({ one, values: sums[at] })).reverse();
    chart = new uPlot(
      {
        ...size(),
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: x.isTime === true },
          y: {
            range: (
              /** @type {unknown} */ _chart,
              /** @type {number} */ _low,
              /** @type {number} */ high,
            ) => [0, Math.max(1, high)],
          },
        },
        axes: [
          {
            ...axis,
            values: (/** @type {unknown} */ _chart, /** @type {number[]} */ ticks) =>
              ticks.map(x.isTime ? clock : x.say),
          },
          { ...axis, size: 56, incrs: COUNTS },
        ],
        series: [
          {},
          ...drawn.map(({ one }) => ({
            label: one.name,
            fill: color(one.color),
            stroke: color(one.color),
            width: 0,
            points: { show: false },
            paths: uPlot.paths.bars({ size: [0.8, 48], align: x.isTime ? 1 : -1 }),
          })),
        ],
        hooks: {
          draw: mark === undefined ? [] : [(/** @type {any} */ plot) => line(plot, mark, color('--bad'))],
        },
      },
      [x.values, ...drawn.map(({ values }) => values)],
      canvas,
    );
  };
  const resized = new ResizeObserver(() => chart?.setSize(size()));
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', draw, { signal });
  signal.addEventListener('abort', () => {
    resized.disconnect();
    chart?.destroy();
  });
  // Its width is known once it stands in the page.
  requestAnimationFrame(() => {
    resized.observe(canvas);
    draw();
  });
  return h(
    'figure',
    { class: 'figure' },
    h(
      'figcaption',
      { class: 'legend' },
      series.map(({ name, color }) => h('span', { class: `key ${color.slice(2)}` }, name)),
    ),
    canvas,
    h('details', { class: 'small' }, h('summary', null, 'As a table'), table(title, x, series)),
  );
}

/** Midnight as its date, other times as the clock has them. @param {number} seconds */
function clock(seconds) {
  const at = new Date(seconds * 1000);
  const isMidnight = at.getHours() === 0 && at.getMinutes() === 0;
  return isMidnight
    ? at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
    : at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

/** A line across the chart. @param {any} plot @param {number} at @param {string} color */
function line(plot, at, color) {
  const { ctx, bbox } = plot;
  const left = Math.round(plot.valToPos(at, 'x', true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = 2;
  ctx.setLineDash([6, 4]);
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

/** @param {string} title @param {{ name: string, values: number[], say: (value: number) => string }} x @param {Series[]} series */
function table(title, x, series) {
  const rows = x.values
    .map((value, at) => ({ value, at }))
    .filter(({ at }) => series.some(({ values }) => values[at]));
  return h(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title },
    h(
      'table',
      null,
      h('caption', { class: 'hidden-visually' }, title),
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          h('th', { scope: 'col' }, x.name),
          series.map(({ name }) => h('th', { scope: 'col' }, name)),
        ),
      ),
      h(
        'tbody',
        null,
        rows.map(({ value, at }) =>
          h(
            'tr',
            null,
            h('th', { scope: 'row' }, x.say(value)),
            series.map(({ values }) => h('td', null, String(values[at] ?? 0))),
          ),
        ),
      ),
    ),
  );
}
