// After a change: by when it holds everywhere, counted down, and which locations have said that they know it.

import { get, post } from '../api.js';
import { h, put } from '../dom.js';
import { exact, relative } from '../time.js';
import { may } from '../who.js';

/** @import { ListNumber, Probe } from '../types.d.ts' */

const TICK_MS = 1000;
const ASK_MS = 5000;
/** Locations that have no traffic tell nothing: at some point waiting helps nobody. */
const WATCHED_AFTER_MS = 30_000;

/**
 * Follows a change until some time after it holds. `told` is where the token's latest change stands.
 * @param {string} id @param {string} effectiveBy @param {string} what as in "refused everywhere" @param {AbortSignal} signal
 */
export function receipt(id, effectiveBy, what, signal) {
  const count = h('p', { class: 'count', role: 'timer', 'aria-live': 'off' });
  const words = h('p', { role: 'status' });
  const locations = h('div');
  const done = Date.parse(effectiveBy);
  let asked = 0;
  const timer = setInterval(tick, TICK_MS);
  signal.addEventListener('abort', () => clearInterval(timer));
  tick();
  if (may('operator')) post(`/tokens/${id}/probe`, {}, { signal }).catch(() => {});

  function tick() {
    const left = done - Date.now();
    put(count, left > 0 ? `${Math.ceil(left / 1000)} s` : 'Everywhere');
    const text =
      left > 0
        ? `Until it is ${what}, at the latest ${exact(effectiveBy)}.`
        : `It is ${what} since ${exact(effectiveBy)} at the latest.`;
    if (words.textContent !== text) put(words, text);
    if (Date.now() - asked >= ASK_MS) ask();
    if (left < -WATCHED_AFTER_MS) clearInterval(timer);
  }
  async function ask() {
    asked = Date.now();
    try {
      const probe = /** @type {Probe} */ (await get(`/tokens/${id}/probe`, signal));
      put(locations, said(probe));
    } catch {
      if (!signal.aborted)
        put(
          locations,
          h(
            'p',
            { class: 'muted' },
            'Which locations know of it cannot be told at the moment. The time above holds all the same.',
          ),
        );
    }
  }
  return h(
    'section',
    { class: 'card stack receipt', 'aria-label': 'When it holds' },
    h('h2', null, 'When it holds'),
    count,
    words,
    locations,
  );
}

/** @param {Probe} probe */
function said(probe) {
  if (probe.locations.length === 0) {
    return h(
      'p',
      { class: 'muted' },
      probe.idle
        ? 'No location has had traffic for ten minutes: none holds a list that would let it in.'
        : 'No location has told yet.',
    );
  }
  const know = probe.locations.filter((location) => !isBefore(location.list_number, probe.list_number));
  return [
    h('p', null, `${know.length} of ${probe.locations.length} locations with traffic have confirmed.`),
    h(
      'ul',
      { class: 'rules' },
      probe.locations.map((location) => {
        const knows = know.includes(location);
        return h(
          'li',
          null,
          h('span', { class: `badge ${knows ? 'good' : 'plain'}` }, knows ? 'confirmed' : 'not yet'),
          h('code', null, location.id),
          h('span', { class: 'muted' }, `said so ${relative(location.at)}`),
        );
      }),
    ),
  ];
}

/** @param {ListNumber} a @param {ListNumber} b */
const isBefore = ([epochA, a], [epochB, b]) => epochA < epochB || (epochA === epochB && a < b);
