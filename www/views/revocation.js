// How well revocation works: the list, how long changes took to arrive against the bound, and what is still owed to KV.

import { get } from '../api.js';
import { h } from '../dom.js';
import { reload } from '../router.js';
import { exact, time } from '../time.js';
import { barChart } from '../ui/chart.js';
import { table } from '../ui/table.js';
import { STATUS_WARNINGS } from './attention.js';

/** @import { Status } from '../types.d.ts' */

/** @param {import('../router.js').Place} place */
export async function view({ signal }) {
  const status = /** @type {Status} */ (await get('/status', signal));
  const bytes = (/** @type {number} */ count) =>
    count < 10_000 ? `${count} bytes` : `${(count / 1000).toFixed(1)} kB`;
  return h(
    'div',
    null,
    h(
      'div',
      { class: 'head' },
      h(
        'div',
        null,
        h('h1', null, 'Revocation'),
        h(
          'p',
          null,
          status.bound.guaranteed
            ? `A token that is revoked, disabled or ended is refused everywhere within ${status.bound.seconds} seconds.`
            : `ON_UNKNOWN is admit: a location that cannot know lets tokens through. Changes usually hold within ${status.bound.seconds} seconds, but nothing is guaranteed.`,
        ),
      ),
      h('div', { class: 'buttons' }, h('button', { type: 'button', on: { click: reload } }, 'Look again')),
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
    h('section', { class: 'card' }, h('h2', null, 'How long changes took'), arrivals(status, signal)),
    h('section', { class: 'card' }, h('h2', null, 'Locations'), locations(status)),
    h(
      'div',
      { class: 'tiles' },
      tile('List', [
        fact('Number', status.list.number.join('.')),
        fact('Names', `${status.list.entries} tokens`),
        fact('Size', bytes(status.list.bytes)),
        fact('Base', `${status.list.base.number.join('.')}, ${bytes(status.list.base.bytes)}`),
        fact('Given to KV', time(status.heartbeat.published_at)),
        fact('Last traffic', time(status.heartbeat.traffic_at)),
      ]),
      tile('Owed to KV', [
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
        fact(
          'Tokens',
          `${status.tokens.active} active, ${status.tokens.disabled} disabled, ${status.tokens.revoked} revoked, ${status.tokens.expired} expired`,
        ),
        fact('Put back from a backup', status.restored_at ? exact(status.restored_at) : 'never'),
      ]),
    ),
  );
}

/** @param {Status} status @param {AbortSignal} signal */
function arrivals({ propagation, bound }, signal) {
  if (propagation.samples === 0)
    return h(
      'p',
      { class: 'muted' },
      'Nothing has been measured since the registry started. A change, or a probe, with traffic at a location is a measurement.',
    );
  const seconds = (/** @type {number | null} */ ms) => (ms === null ? '–' : `${(ms / 1000).toFixed(1)} s`);
  return h(
    'div',
    { class: 'stack' },
    histogram(propagation, bound, signal),
    h(
      'dl',
      { class: 'numbers' },
      [
        ['Half within', seconds(propagation.p50_ms)],
        ['99 of 100 within', seconds(propagation.p99_ms)],
        ['The longest', seconds(propagation.max_ms)],
        ['The bound', `${bound.seconds} s`],
        ['Measured', `${propagation.samples}`],
      ].map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))),
    ),
  );
}

/** Measured against the bound: what took longer stands beyond the line. @param {Status['propagation']} propagation @param {Status['bound']} bound @param {AbortSignal} signal */
function histogram({ histogram: parts }, bound, signal) {
  const width = bound.seconds / Math.max(1, parts.length - 1);
  return barChart({
    title: 'Arrivals of changes at locations, by how long they took',
    x: {
      name: 'Seconds',
      values: parts.map((_, at) => (at + 1) * width),
      say: (value) => (value > bound.seconds ? 'longer' : `${Math.round(value * 10) / 10} s`),
    },
    series: [
      {
        name: 'Arrivals of changes; the line is the bound',
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
      'No location has told in the last hour which list it holds. They do so while they have traffic.',
    );
  return table(
    'Locations',
    [
      { name: 'Location', cell: (location) => h('code', null, location.id) },
      { name: 'List', cell: (location) => location.list_number.join('.') },
      { name: 'Said so', cell: (location) => time(location.at) },
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
      h('p', { class: 'muted' }, 'WEBHOOK_URL is not set: notices are kept for 90 days, and sent to nobody.'),
    );
  return tile('Webhooks', [
    fact(
      'Still to be taken',
      webhook.pending === 0
        ? 'none'
        : h('span', null, `${webhook.pending}, the oldest `, time(webhook.oldest_at)),
    ),
    fact('Last taken', time(webhook.succeeded_at)),
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

/** @param {string} title @param {HTMLElement[][]} facts */
const tile = (title, facts) =>
  h('section', { class: 'card' }, h('h2', null, title), h('dl', { class: 'facts' }, facts.flat()));
/** @param {string} name @param {import('../dom.js').Child} value */
const fact = (name, value) => [h('dt', null, name), h('dd', null, value)];
