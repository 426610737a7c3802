// After a change: a countdown until it holds everywhere, and the locations that have confirmed it. A location
// has, when all of its isolates that were heard from in the last minute hold the change. The change holds
// within the bound after its acknowledgement, and the countdown is of that bound. `effective_by` adds the
// clock skew (docs/bound.md, "Receipts").

import { get, post } from '../api.js';
import { serverNow } from '../clock.js';
import { h, put } from '../dom.js';
import { duration, exact, relative } from '../time.js';
import { may } from '../who.js';

/** @import { Probe, Status } from '../types.d.ts' */

const TICK_MS = 1000;
const ASK_MS = 1000;
/** `CLOCK_SKEW_MS` of src/limits/. A test compares the two. */
const SKEW_MS = 2_000;
/** Polling stops this long after the change holds: a location without traffic reports nothing. */
const WATCHED_AFTER_MS = 30_000;

/** No countdown for a change that has held for longer than this. */
const RECENT_MS = 10 * 60_000;

/** Whether a change is recent enough to be followed. @param {string | null | undefined} at */
export const isRecent = (at) =>
  Boolean(at) && serverNow() - Date.parse(/** @type {string} */ (at)) <= RECENT_MS;

/**
 * Follows a change until some time after it holds.
 * @param {string | null} id of the token; null when it is not about one: locations are then not asked
 * @param {string} effectiveBy
 * @param {string} what such as "refused everywhere"
 * @param {AbortSignal} signal
 * @param {string} [subject] whatever it is that is refused, or holds, with its verb
 */
export function receipt(id, effectiveBy, what, signal, subject = 'It is') {
  const count = h('p', { class: 'count', role: 'timer', 'aria-live': 'off' });
  const words = h('p', { role: 'status' });
  const locations = h('div');
  const by = Date.parse(effectiveBy);
  const done = by - SKEW_MS;
  let asked = 0;
  /** @type {{ bound_seconds: number, guaranteed: boolean } | null} */
  let promise = null;
  const timer = setInterval(tick, TICK_MS);
  signal.addEventListener('abort', () => clearInterval(timer));
  tick();
  if (id !== null && may('operator')) post(`/tokens/${id}/probe`, {}, { signal }).catch(() => {});

  function tick() {
    const left = done - serverNow();
    // Rounded down: effective_by was rounded up, and more than the bound would be wrong.
    put(count, left > 0 ? `${Math.max(1, Math.floor(left / 1000))} s` : 'Everywhere');
    const text =
      left > 0
        ? `${promised(promise, `${subject} ${what}`)} At the latest at ${exact(effectiveBy)}, ` +
          'which includes the allowed clock skew.'
        : `${subject} ${what}${serverNow() < by ? '' : ` since ${exact(effectiveBy)} at the latest`}.`;
    if (words.textContent !== text) put(words, text);
    if (Date.now() - asked >= ASK_MS) ask();
    if (left < -WATCHED_AFTER_MS) clearInterval(timer);
  }
  async function ask() {
    asked = Date.now();
    if (id === null) return askBound();
    try {
      const probe = /** @type {Probe} */ (await get(`/tokens/${id}/probe`, signal));
      promise = probe;
      put(locations, said(probe));
    } catch {
      if (!signal.aborted)
        put(
          locations,
          h(
            'p',
            { class: 'muted' },
            'Which locations have received the change is not known at the moment. ' +
              'The time above is guaranteed all the same.',
          ),
        );
    }
  }
  async function askBound() {
    if (promise !== null) return;
    try {
      const { bound } = /** @type {Status} */ (await get('/status', signal));
      promise = { bound_seconds: bound.seconds, guaranteed: bound.guaranteed };
    } catch {
      // It asks again. The time is guaranteed all the same.
    }
  }
  return h(
    'section',
    { class: 'card stack receipt', 'aria-label': 'When it takes effect' },
    h('h2', null, 'When it takes effect'),
    count,
    words,
    locations,
  );
}

/**
 * @param {{ bound_seconds: number, guaranteed: boolean } | null} promise null: not known yet
 * @param {string} what such as "It is refused everywhere"
 */
function promised(promise, what) {
  if (promise === null) return `${what} soon.`;
  const within = `${duration(promise.bound_seconds)} of the acknowledgement`;
  return promise.guaranteed
    ? `${what} within ${within}.`
    : `${what} within ${within} as a rule; ON_UNKNOWN is admit, so nothing is guaranteed.`;
}

/** @param {Probe} probe */
function said(probe) {
  if (probe.locations.length === 0) {
    return h(
      'p',
      { class: 'muted' },
      probe.idle
        ? 'No location has had traffic for ten minutes, so none holds a list with which it would admit ' +
            'the token.'
        : 'No location has reported yet.',
    );
  }
  const know = probe.locations.filter(({ isolates, isolates_holding }) => isolates_holding === isolates);
  return [
    h('p', null, `${know.length} of ${probe.locations.length} locations with traffic have confirmed.`),
    know.length === probe.locations.length &&
      typeof probe.took_ms === 'number' &&
      h('p', null, `It arrived wherever there is traffic after ${(probe.took_ms / 1000).toFixed(1)} s.`),
    h(
      'ul',
      { class: 'rules' },
      probe.locations.map((location) => {
        const knows = know.includes(location);
        const { isolates, isolates_holding: holding } = location;
        return h(
          'li',
          null,
          h('span', { class: `badge ${knows ? 'good' : 'plain'}` }, knows ? 'confirmed' : 'not yet'),
          h('code', null, location.id),
          h(
            'span',
            { class: 'muted' },
            `${holding} of ${isolates} isolates, reported ${relative(location.at)}`,
          ),
        );
      }),
    ),
  ];
}
