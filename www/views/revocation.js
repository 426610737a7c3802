// How well revocation works: the list, propagation times compared with the bound, and pending writes to KV.

import { get } from '../api.js';
import { counted } from '../counted.js';
import { h } from '../dom.js';
import { reload } from '../router.js';
import { exact, time } from '../time.js';
import { barChart } from '../ui/chart.js';
import { fact, facts } from '../ui/facts.js';
import { pageHead } from '../ui/head.js';
import { table } from '../ui/table.js';
import { STATUS_WARNINGS } from './attention.js';
import { configuration } from './configuration.js';

/** @import { Configuration, Status } from '../types.d.ts' */

/** @param {import('../router.js').Place} place */
export async function view({ signal }) {
  const [status, { push_seconds }] = /** @type {[Status, Configuration]} */ (
    await Promise.all([get('/status', signal), configuration(signal)])
  );
  const bytes = (/** @type {number} */ count) =>
    count < 10_000 ? `${count} bytes` : `${(count / 1000).toFixed(1)} kB`;
  return h(
    'div',
    null,
    pageHead(
      'Revocation',
      status.bound.guaranteed
        ? 'A token that is revoked, disabled or ended is refused everywhere within ' +
            `${status.bound.seconds} seconds of the acknowledgement. That is guaranteed.`
        : 'ON_UNKNOWN is admit: a location without a current list admits tokens that may be revoked. ' +
            `Changes usually take effect within ${status.bound.seconds} seconds, but nothing is guaranteed.`,
      h('div', { class: 'buttons' }, h('button', { type: 'button', on: { click: reload } }, 'Reload')),
    ),
    status.warnings.length > 0 &&
      h(
        'section',
        { class: 'box warn banner', 'aria-label': 'Needs attention' },
        h(
          'ul',
          null,
          status.warnings.map((code) => h('li', null, STATUS_WARNINGS[code] ?? code)),
        ),
      ),
    h(
      'section',
      { class: 'card stack' },
      h('h2', null, 'How long a change takes'),
      times(status, push_seconds),
      arrivals(status, signal),
    ),
    h('section', { class: 'card' }, h('h2', null, 'Locations'), locations(status)),
    h(
      'div',
      { class: 'tiles' },
      tile('List', [
        fact('Number', status.list.number.join('.')),
        fact('Names', counted(status.list.entries, 'token')),
        fact('Size', bytes(status.list.bytes)),
        fact('Base', `${status.list.base.number.join('.')}, ${bytes(status.list.base.bytes)}`),
        fact('Written to KV', time(status.heartbeat.published_at)),
        fact('Last traffic', time(status.heartbeat.traffic_at)),
        fact('Last report', time(status.heartbeat.heard_at)),
      ]),
      tile('Pending writes to KV', [
        fact('Writes', String(status.outbox.pending)),
        fact('Oldest', time(status.outbox.oldest_at, 'none')),
        fact('Failed', `${status.outbox.failures} since the registry started`),
      ]),
      webhooks(status),
      tile('Registry', [
        fact(
          'Load',
          `${(status.load.share * 100).toFixed(1)} % of ${status.load.limit_per_second} calls a second`,
        ),
        fact('Waiting calls', `${status.load.held_calls} of ${status.load.held_calls_limit}`),
        fact(
          'Tokens',
          `${status.tokens.active} active, ${status.tokens.disabled} disabled, ` +
            `${status.tokens.revoked} revoked, ${status.tokens.expired} expired`,
        ),
        ...(status.rate_classes.without_addresses.length > 0
          ? [fact('No caller address at', status.rate_classes.without_addresses.join(', '))]
          : []),
        fact('Restored from a backup', status.restored_at ? exact(status.restored_at) : 'never'),
      ]),
    ),
  );
}

/**
 * The usual time, the measured one and the guaranteed one, apart.
 * @param {Status} status
 * @param {number} pushSeconds
 */
function times({ propagation, bound }, pushSeconds) {
  const { samples, p50_ms, p99_ms, max_ms } = propagation;
  const measured =
    samples === 0
      ? ['–', 'nothing yet: a change or a probe is measured at each location that has traffic']
      : [
          seconds(p50_ms),
          `half of ${samples} arrivals; 99 of 100 within ${seconds(p99_ms)}, the longest ${seconds(max_ms)}`,
        ];
  const usual =
    pushSeconds > 0
      ? ['under 1 s', 'changes are pushed to locations with traffic; quiet ones ask first']
      : [
          `about ${Math.round(bound.seconds / 2)} s`,
          'PUSH_SECONDS is 0: each location looks for changes itself',
        ];
  const guaranteed = bound.guaranteed
    ? [`${bound.seconds} s`, 'the bound, also for a location that hears nothing from the registry']
    : ['none', 'ON_UNKNOWN is admit'];
  const rows = Object.entries({ Usual: usual, 'Measured here': measured, Guaranteed: guaranteed });
  return h(
    'dl',
    { class: 'numbers' },
    rows.map(([name, [value, why]]) =>
      h('div', null, h('dt', null, name), h('dd', null, value, h('small', { class: 'block' }, why))),
    ),
  );
}

/** @param {number | null} ms */
function seconds(ms) {
  if (ms === null) return '–';
  return ms < 1_000 ? `${(ms / 1_000).toFixed(2)} s` : `${(ms / 1_000).toFixed(1)} s`;
}

/** @param {Status} status @param {AbortSignal} signal */
function arrivals({ propagation, bound }, signal) {
  return propagation.samples > 0 && histogram(propagation, bound, signal);
}

/**
 * Propagation times compared with the bound: a bar beyond the line took longer than the bound.
 * @param {Status['propagation']} propagation
 * @param {Status['bound']} bound
 * @param {AbortSignal} signal
 */
function histogram({ histogram: parts }, bound, signal) {
  const width = bound.seconds / Math.max(1, parts.length - 1);
  return barChart({
    title: 'Changes that reached locations, by how long they took',
    x: {
      name: 'Seconds',
      values: parts.map((_, at) => (at + 1) * width),
      step: width,
      say: (value) => (value > bound.seconds ? 'longer' : `${Math.round(value * 10) / 10} s`),
    },
    series: [
      {
        name: 'Changes that arrived; the line marks the bound',
        color: '--accent',
        values: parts.map(({ count }) => count),
      },
    ],
    mark: bound.seconds,
    signal,
  });
}

/** @param {Status} status */
function locations({ locations }) {
  if (locations.length === 0)
    return h(
      'p',
      { class: 'muted' },
      'No location has reported its list in the last hour. Locations report while they have traffic.',
    );
  return table(
    'Locations',
    [
      { name: 'Location', cell: (location) => h('code', null, location.id) },
      { name: 'Oldest list', cell: (location) => location.list_number.join('.') },
      {
        name: 'Isolates up to date',
        cell: ({ isolates, isolates_holding }) => `${isolates_holding} of ${isolates}`,
      },
      { name: 'Reported', cell: (location) => time(location.at) },
    ],
    locations,
  );
}

/** @param {Status} status */
function webhooks({ webhook }) {
  if (!webhook.configured)
    return h(
      'section',
      { class: 'card' },
      h('h2', null, 'Webhooks'),
      h('p', { class: 'muted' }, 'WEBHOOK_URL is not set: notices are kept for 90 days, but not sent.'),
    );
  return tile('Webhooks', [
    fact(
      'Pending',
      webhook.pending === 0
        ? 'none'
        : h('span', null, `${webhook.pending}, the oldest `, time(webhook.oldest_at)),
    ),
    fact('Last delivered', time(webhook.succeeded_at)),
    fact(
      'Last failure',
      h(
        'span',
        null,
        time(webhook.failed_at),
        webhook.failed_at && webhook.error && `, ${webhook.error.replaceAll('_', ' ')}`,
      ),
    ),
    fact('Failed', String(webhook.failures)),
    fact(
      'Given up',
      h(
        'span',
        null,
        String(webhook.given_up),
        webhook.given_up_at && h('span', null, ', last ', time(webhook.given_up_at)),
      ),
    ),
  ]);
}

/** @param {string} title @param {HTMLElement[][]} rows */
const tile = (title, rows) => h('section', { class: 'card' }, h('h2', null, title), facts(...rows));
