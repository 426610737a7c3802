// Charts drawn by uPlot, which loads with the first chart. A table beside each shows the same data for screen
// readers.

import { h, put } from '../dom.js';

/** Steps of the count axis, in whole numbers. */
const COUNTS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].flatMap((ten) => [ten, 2 * ten, 5 * ten]);

/** @type {Promise<any> | null} */
let library = null;

/** Loads the library and its style sheet once. */
function load() {
  library ??= import('../vendor/uplot.js').then((module) => {
    document.head.append(
      h('link', { rel: 'stylesheet', href: new URL('../vendor/uplot.css', import.meta.url).href }),
    );
    return module.default;
  });
  return library;
}

/**
 * @typedef {{ name: string, color: string, values: (number | null)[] }} Series `color` is a variable of
 *   console.css
 */

/**
 * `step` is the length of a bar. A bar over time begins at its value; one of another kind ends there.
 * @typedef {{ name: string, values: number[], step: number, isTime?: boolean, say: (value: number) => string
 *   }} Axis
 */

/**
 * Bars over categories or over time.
 * @param {{ title: string, x: Axis, series: Series[], mark?: number, signal: AbortSignal }} options `mark` is
 *   a place on the x axis to be marked with a line, such as the bound
 */
export function barChart({ title, x, series, mark, signal }) {
  const canvas = h('div', { class: 'chart', 'aria-hidden': 'true' });
  const tip = h('div', { class: 'tip', hidden: true });
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
    const drawn = stacked(x, series);
    const options = optionsOf(uPlot, x, drawn, mark);
    chart = new uPlot(
      { ...size(), ...options, hooks: { ...options.hooks, setCursor: [follow] } },
      [x.values, ...drawn.map(({ values }) => values)],
      canvas,
    );
    canvas.append(tip);
  };
  /** Says what the bar at the pointer stands for. @param {any} plot */
  function follow(plot) {
    const { left } = plot.cursor;
    const at = left < 0 ? -1 : barAt(x, plot.posToVal(left, 'x'));
    tip.hidden = at === -1;
    if (tip.hidden) return;
    put(
      tip,
      h('p', null, x.say(x.values[at])),
      series.map(({ name, values }) => h('p', null, `${(values[at] ?? 0).toLocaleString('en')} ${name}`)),
    );
    const room = canvas.clientWidth - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(room, plot.bbox.left / devicePixelRatio + left + 12))}px`;
  }
  const resized = new ResizeObserver(() => chart?.setSize(size()));
  addEventListener('themechange', draw, { signal });
  signal.addEventListener('abort', () => {
    resized.disconnect();
    chart?.destroy();
  });
  // The width is known only once the chart is in the page.
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
    h('details', { class: 'small' }, h('summary', null, 'Show as a table'), table(title, x, series)),
  );
}

/** @param {string} name of a variable of console.css */
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** @typedef {{ one: Series, values: number[] }} Drawn a series, and up to where its bars are drawn */

/**
 * Each series is drawn up to its sum with the series before it, the tallest first.
 * @param {Axis} x
 * @param {Series[]} series
 * @returns {Drawn[]}
 */
function stacked(x, series) {
  const sums = series.map((_, upTo) =>
    x.values.map((_, at) =>
      series.slice(0, upTo + 1).reduce((sum, { values }) => sum + (values[at] ?? 0), 0),
    ),
  );
  return series.map((one, at) => ({ one, values: sums[at] })).reverse();
}

/**
 * What uPlot is told, but for the size.
 * @param {any} uPlot
 * @param {Axis} x
 * @param {Drawn[]} drawn
 * @param {number | undefined} mark
 */
function optionsOf(uPlot, x, drawn, mark) {
  const axis = {
    stroke: color('--muted'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1 },
    font: `12px ${color('--sans')}`,
  };
  return {
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: Boolean(x.isTime), range: () => span(x) },
      y: {
        range: (/** @type {unknown} */ _chart, /** @type {number} */ _low, /** @type {number} */ high) => [
          0,
          Math.max(1, high),
        ],
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
  };
}

/**
 * From the start of the first bar to the end of the last: uPlot by itself leaves no room for a bar beside its
 * value.
 * @param {Axis} x
 * @returns {[number, number]}
 */
function span({ values, step, isTime }) {
  const [first, last] = [values[0] ?? 0, values.at(-1) ?? 0];
  return isTime ? [first, last + step] : [first - step, last];
}

/** The bar in which a place on the x axis lies, or -1. @param {Axis} x @param {number} value */
function barAt({ values, step, isTime }, value) {
  return values.findIndex((start) =>
    isTime ? value >= start && value < start + step : value <= start && value > start - step,
  );
}

/** Midnight as a date, other times as hours and minutes. @param {number} seconds */
function clock(seconds) {
  const at = new Date(seconds * 1000);
  const isMidnight = at.getHours() === 0 && at.getMinutes() === 0;
  return isMidnight
    ? at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
    : at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

/**
 * Draws a vertical line across the chart.
 * @param {any} plot
 * @param {number} at
 * @param {string} color
 */
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

/**
 * @param {string} title
 * @param {{ name: string, values: number[], say: (value: number) => string }} x
 * @param {Series[]} series
 */
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
