// A token's usage: requests by outcome over time, and the sites that send them.

import { get, query } from '../api.js';
import { h, put } from '../dom.js';
import { exact, time } from '../time.js';
import { barChart } from '../ui/chart.js';
import { failure } from '../ui/failure.js';

/** @import { TokenUsage, UsageCounts, OriginCount } from '../types.d.ts' */

/** @type {Record<string, { label: string, seconds: number, name: string }>} */
const STEPS = {
  minute: { label: 'Last hour', seconds: 60, name: 'Minute' },
  hour: { label: 'Last 24 hours', seconds: 3600, name: 'Hour' },
  day: { label: 'Last 30 days', seconds: 86_400, name: 'Day' },
};

/** @param {string} id @param {AbortSignal} [signal] @param {string} [step] @returns {Promise<TokenUsage>} */
export const usageOf = (id, signal, step = 'hour') => get(`/tokens/${id}/usage${query({ step })}`, signal);

/**
 * The usage section of a token's page. It loads by itself, so the page does not wait for it.
 * @param {string} id
 * @param {AbortSignal} signal
 */
export function usageSection(id, signal) {
  const content = h('div', { class: 'stack', 'aria-live': 'polite' });
  const step = h(
    'select',
    { 'aria-label': 'Time', on: { change: ask } },
    Object.entries(STEPS).map(([value, { label }]) =>
      h('option', { value, selected: value === 'hour' }, label),
    ),
  );
  ask();
  async function ask() {
    try {
      put(content, shown(await usageOf(id, signal, step.value), signal));
    } catch (error) {
      if (!signal.aborted) put(content, failure(error, ask));
    }
  }
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'use' },
    h('div', { class: 'card-head' }, h('h2', { id: 'use' }, 'Use'), step),
    content,
  );
}

/** @param {TokenUsage} usage @param {AbortSignal} signal */
function shown(usage, signal) {
  if (!usage.counting)
    return h(
      'p',
      { class: 'muted' },
      'Use is not counted in this deployment, because no usage shards are bound.',
    );
  const { totals } = usage;
  if (totals.requests === 0) {
    return h(
      'p',
      { class: 'muted' },
      'Not used in this time. ',
      usage.last_used_at ? h('span', null, 'Last used ', time(usage.last_used_at), '.') : 'No use is known.',
    );
  }
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
    h(
      'dl',
      { class: 'numbers' },
      [
        ['Requests', totals.requests],
        ['Admitted', totals.admitted],
        ['Refused by site', byOrigin(totals)],
        ['Refused otherwise', otherwise(totals)],
        ...(reported(totals) > 0 ? [['Would be refused', reported(totals)]] : []),
      ].map(([name, value]) =>
        h('div', null, h('dt', null, name), h('dd', null, Number(value).toLocaleString('en'))),
      ),
    ),
    barChart({
      title: 'Requests by outcome',
      x: {
        name: STEPS[usage.step].name,
        values: times,
        isTime: true,
        say: (when) => exact(new Date(when * 1000).toISOString()),
      },
      series: [
        { name: 'admitted', color: '--good', values: values((counts) => counts.admitted) },
        { name: 'refused by site', color: '--warn', values: values(byOrigin) },
        { name: 'refused otherwise', color: '--bad', values: values(otherwise) },
      ],
      signal,
    }),
    h(
      'div',
      { class: 'columns even' },
      h('div', null, h('h3', null, 'Sites admitted'), originList(usage.origins.allowed, 'None.')),
      h('div', null, h('h3', null, 'Sites refused'), originList(usage.origins.refused, 'None.')),
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
          h('code', null, origin === 'null' ? 'a hidden origin' : origin),
          h('span', { class: 'muted' }, requests.toLocaleString('en')),
        ),
      ),
  );
}

/** @param {UsageCounts} counts */
const reported = ({ reported }) => sum(reported);
/** @param {UsageCounts} counts */
const byOrigin = ({ refused }) => (refused.origin_missing ?? 0) + (refused.origin_not_allowed ?? 0);
/** @param {UsageCounts} counts */
const otherwise = (counts) => sum(counts.refused) - byOrigin(counts);
/** @param {Record<string, number>} counts */
const sum = (counts) => Object.values(counts).reduce((all, count) => all + count, 0);
