// The first page: what is requested and refused over all tokens, what ends soon, what is under way, and how
// long changes take.

import { get, query } from '../api.js';
import { h, put } from '../dom.js';
import { latest } from '../latest.js';
import { to } from '../router.js';
import { duration, time } from '../time.js';
import { fact, facts } from '../ui/facts.js';
import { failure } from '../ui/failure.js';
import { pageHead } from '../ui/head.js';
import { may } from '../who.js';
import { attention } from './attention.js';
import { endings, SHOWN_DAYS } from './endings.js';
import { guide } from './guide.js';
import { planWords } from './plan.js';
import { allowLink, siteName } from './refusal_words.js';
import { tokenNames } from './token_names.js';
import { figures, STEPS } from './usage.js';

/** @import { AllUsage, Page, Status, Token } from '../types.d.ts' */

const DAY_SECONDS = 86_400;
const SITES = 8;
/** Changes under way that are shown, and endings that are counted by day. */
const CHANGES = 8,
  ENDINGS = 100;

/** @param {import('../router.js').Place} place */
export async function view({ signal }) {
  const any = /** @type {Page<Token>} */ (await get('/tokens?limit=1', signal));
  const isNew = any.items.length === 0;
  return h(
    'div',
    null,
    pageHead(
      'Home',
      null,
      may('operator') &&
        !isNew &&
        h('div', { class: 'buttons' }, h('a', { class: 'button primary', href: '#/new' }, 'New token')),
    ),
    attention(signal),
    isNew
      ? guide()
      : [
          requests(signal),
          h(
            'div',
            { class: 'columns even home' },
            later('Ends ahead', () => ahead(signal), signal),
            h(
              'div',
              null,
              later('Under way', () => underWay(signal), signal),
              later('How long changes take', () => propagation(signal), signal),
            ),
          ),
        ],
  );
}

/**
 * A section that loads by itself: the page does not wait for it, nor fail with it.
 * @param {string} title
 * @param {() => Promise<import('../dom.js').Child | import('../dom.js').Child[]>} load
 * @param {AbortSignal} signal
 */
function later(title, load, signal) {
  const content = h('div', { class: 'stack' });
  const ask = async () => {
    try {
      put(content, await load());
    } catch (error) {
      if (!signal.aborted) put(content, failure(error, ask));
    }
  };
  ask();
  return h('section', { class: 'card', 'aria-label': title }, h('h2', null, title), content);
}

/** @param {AbortSignal} signal */
function requests(signal) {
  const content = h('div', { class: 'stack', 'aria-live': 'polite' });
  const step = h(
    'select',
    { 'aria-label': 'Time', on: { change: ask } },
    Object.entries(STEPS).map(([value, { label }]) =>
      h('option', { value, selected: value === 'hour' }, label),
    ),
  );
  const next = latest(signal);
  ask();
  async function ask() {
    const asked = next();
    try {
      const usage = /** @type {AllUsage} */ (await get(`/usage${query({ step: step.value })}`, asked));
      put(content, used(usage, signal));
    } catch (error) {
      if (!asked.aborted) put(content, failure(error, ask));
    }
  }
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'all-use' },
    h('div', { class: 'card-head' }, h('h2', { id: 'all-use' }, 'Requests of all tokens'), step),
    content,
  );
}

/** @param {AllUsage} usage @param {AbortSignal} signal */
function used(usage, signal) {
  if (!usage.counting)
    return h('p', { class: 'muted' }, 'Use is not counted here, because no usage shards are bound.');
  if (usage.totals.requests === 0) return h('p', { class: 'muted' }, 'No requests in this time.');
  const [numbers, chart] = figures(usage, signal);
  return [numbers, overTime(chart), h('h3', null, 'Sites refused most'), ...refusedSites(usage, signal)];
}

/**
 * The chart, drawn when it is opened: the first page does not load the library for it.
 * @param {() => Node} chart
 */
function overTime(chart) {
  const details = h('details', null, h('summary', null, 'Over time'));
  details.addEventListener('toggle', () => details.append(chart()), { once: true });
  return details;
}

/** @param {AllUsage} usage @param {AbortSignal} signal */
function refusedSites({ refused_sites: sites }, signal) {
  const names = tokenNames(signal);
  if (sites.length === 0) return [h('p', { class: 'muted small' }, 'None.')];
  return [
    h(
      'ul',
      { class: 'origins refused-sites' },
      sites.slice(0, SITES).map(({ origin, token, requests }) =>
        h(
          'li',
          null,
          h(
            'span',
            null,
            origin === 'null'
              ? siteName(origin)
              : h('a', { href: to(['refusals'], { site: origin }) }, siteName(origin)),
            h('span', { class: 'muted' }, ' with '),
            names(token).flatMap((name, at) => [at > 0 && ' ', name]),
          ),
          h('span', { class: 'muted' }, requests.toLocaleString('en')),
          allowLink({ code: 'origin_not_allowed', token, site: origin }),
        ),
      ),
    ),
    h('p', { class: 'small' }, h('a', { href: '#/refusals' }, 'All recent refusals')),
  ];
}

/** @param {AbortSignal} signal */
async function ahead(signal) {
  const page = /** @type {Page<Token>} */ (
    await get(
      `/tokens${query({ expiring_within_seconds: SHOWN_DAYS * DAY_SECONDS, sort: 'ends', limit: ENDINGS })}`,
      signal,
    )
  );
  return endings(page);
}

/** Rotations whose old token still works. @param {AbortSignal} signal */
async function underWay(signal) {
  const page = /** @type {Page<Token>} */ (
    await get(`/tokens${query({ state: 'active', has_successor: true, limit: CHANGES })}`, signal)
  );
  if (page.items.length === 0) return h('p', { class: 'muted' }, 'No rotation is under way.');
  return [
    h(
      'ul',
      { class: 'under-way' },
      page.items.map((token) =>
        h(
          'li',
          null,
          h('a', { href: to(['family', token.family]) }, token.label),
          ' is being replaced. ',
          token.rotation ? planWords(token) : 'Its end is not planned.',
        ),
      ),
    ),
    page.next_cursor !== null &&
      h('p', null, h('a', { href: '#/tokens?state=active&has_successor=true' }, 'Show all')),
  ];
}

/** @param {AbortSignal} signal */
async function propagation(signal) {
  const status = /** @type {Status} */ (await get('/status', signal));
  const { propagation: measured, bound, outbox } = status;
  const seconds = (/** @type {number | null} */ ms) =>
    ms === null ? h('span', { class: 'muted' }, 'not measured yet') : `${(ms / 1000).toFixed(1)} s`;
  return [
    facts(
      fact('Bound', `${duration(bound.seconds)}${bound.guaranteed ? '' : ', not guaranteed'}`),
      fact('Half of them', seconds(measured.p50_ms)),
      fact('99 of 100', seconds(measured.p99_ms)),
      fact('Pending writes to KV', String(outbox.pending)),
      fact('Last report', time(status.heartbeat.heard_at)),
    ),
    h(
      'p',
      { class: 'small' },
      h('a', { href: '#/revocation' }, 'All figures'),
      ' · ',
      h('a', { href: '#/settings' }, 'Settings'),
    ),
  ];
}
