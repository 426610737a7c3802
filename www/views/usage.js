// A token's usage: requests by outcome over time, and the sites that send them.

import { get, query } from '../api.js';
import { h, put } from '../dom.js';
import { latest } from '../latest.js';
import { to } from '../router.js';
import { exact } from '../time.js';
import { barChart } from '../ui/chart.js';
import { failure } from '../ui/failure.js';
import { site } from '../ui/site.js';
import { countingIs, lastUsed } from './last_used.js';
import { outcomeNumbers, outcomeSeries } from './outcomes.js';

/** @import { OriginCount, Token, TokenUsage, UsageCounts } from '../types.d.ts' */

/** @type {Record<string, { label: string, seconds: number, name: string }>} */
export const STEPS = {
  minute: { label: 'Last hour', seconds: 60, name: 'Minute' },
  hour: { label: 'Last 24 hours', seconds: 3600, name: 'Hour' },
  day: { label: 'Last 30 days', seconds: 86_400, name: 'Day' },
};

/**
 * What can be looked at, up to now: the usual range of a step, or so many days.
 * @type {{ step: string, days?: number }[]}
 */
const RANGES = [
  { step: 'minute' },
  { step: 'hour' },
  { step: 'hour', days: 7 },
  { step: 'day' },
  { step: 'day', days: 90 },
  { step: 'day', days: 365 },
];
const FIRST_RANGE = 1;
const DAY_MS = 86_400_000;

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @param {{ step: string, days?: number }} [range]
 */
export async function usageOf(id, signal, { step, days } = { step: 'hour' }) {
  const from = days && new Date(Date.now() - days * DAY_MS).toISOString();
  const usage = /** @type {TokenUsage} */ (await get(`/tokens/${id}/usage${query({ step, from })}`, signal));
  countingIs(usage.counting);
  return usage;
}

/**
 * The usage section of a token's page. It loads by itself, so the page does not wait for it.
 * @param {Token} token
 * @param {AbortSignal} signal
 * @param {(usage: TokenUsage) => void} [known] is told what was loaded
 */
export function usageSection({ id, origin_mode: mode }, signal, known) {
  const content = h('div', { class: 'stack', 'aria-live': 'polite' });
  const step = h(
    'select',
    { 'aria-label': 'Time', on: { change: ask } },
    RANGES.map(({ step, days }, at) =>
      h(
        'option',
        { value: String(at), selected: at === FIRST_RANGE },
        days === undefined ? STEPS[step].label : `Last ${days} days`,
      ),
    ),
  );
  const next = latest(signal);
  ask();
  async function ask() {
    const asked = next();
    try {
      const usage = await usageOf(id, asked, RANGES[Number(step.value)]);
      known?.(usage);
      put(content, shown(usage, mode, signal));
    } catch (error) {
      if (!asked.aborted) put(content, failure(error, ask));
    }
  }
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'use' },
    h('div', { class: 'card-head' }, h('h2', { id: 'use' }, 'Use'), step),
    content,
    h(
      'p',
      { class: 'small' },
      h('a', { href: to(['refusals'], { token: id }) }, 'Recent refusals of this token'),
    ),
  );
}

/**
 * The numbers of requests by outcome, and what makes their chart.
 * @param {Pick<TokenUsage, 'from' | 'to' | 'step' | 'totals' | 'periods'>} usage
 * @param {AbortSignal} signal
 * @returns {[HTMLElement, () => HTMLElement]}
 */
export function figures(usage, signal) {
  const { totals } = usage;
  const seconds = STEPS[usage.step].seconds;
  const [from, to] = [Date.parse(usage.from) / 1000, Date.parse(usage.to) / 1000];
  const times = Array.from(
    { length: Math.min(2000, Math.round((to - from) / seconds)) },
    (_, at) => from + at * seconds,
  );
  const at = new Map(usage.periods.map((period) => [Date.parse(period.at) / 1000, period]));
  const values = (/** @type {(counts: UsageCounts) => number} */ of) =>
    times.map((when) => {
      const period = at.get(when);
      return period ? of(period) : 0;
    });
  return [
    outcomeNumbers(totals),
    () =>
      barChart({
        title: 'Requests by outcome',
        x: {
          name: STEPS[usage.step].name,
          values: times,
          step: seconds,
          isTime: true,
          say: (when) => exact(new Date(when * 1000).toISOString()),
        },
        series: outcomeSeries(totals, values),
        signal,
      }),
  ];
}

/** @param {TokenUsage} usage @param {Token['origin_mode']} mode @param {AbortSignal} signal */
function shown(usage, mode, signal) {
  if (!usage.counting)
    return h(
      'p',
      { class: 'muted' },
      'Use is not counted in this deployment, because no usage shards are bound.',
    );
  if (usage.totals.requests === 0) {
    return h(
      'p',
      { class: 'muted' },
      'Not used in this time. Last used: ',
      lastUsed(usage.last_used_at),
      '.',
    );
  }
  const [numbers, chart] = figures(usage, signal);
  return [
    numbers,
    chart(),
    h(
      'div',
      { class: 'columns even' },
      h('div', null, h('h3', null, 'Sites admitted'), originList(usage.origins.allowed, 'None.')),
      h(
        'div',
        null,
        // Report mode admits them, and counts what it would refuse.
        h('h3', null, mode === 'report' ? 'Would be refused' : 'Sites refused'),
        originList(usage.origins.refused, 'None.'),
      ),
    ),
  ];
}

/** @param {OriginCount[]} origins @param {string} none @param {number} [most] */
export function originList(origins, none, most = 20) {
  if (origins.length === 0) return h('p', { class: 'muted small' }, none);
  return h(
    'ul',
    { class: 'origins' },
    origins
      .slice(0, most)
      .map(({ origin, requests }) =>
        h(
          'li',
          null,
          origin === 'null' ? h('span', null, 'a hidden origin') : site(origin),
          h('span', { class: 'muted' }, requests.toLocaleString('en')),
        ),
      ),
  );
}
