// Waits for the first request with a new token: "Waiting …" turns green when it came, and says what was wrong
// when it was refused.

import { get, query } from '../api.js';
import { h, put } from '../dom.js';
import { to } from '../router.js';
import { time } from '../time.js';
import { refresh } from './refresher.js';
import { adviceOn, allowLink, nameOf, siteName } from './refusal_words.js';
import { usageOf } from './usage.js';

/** @import { Refusal, RefusalPage, Token, TokenUsage } from '../types.d.ts' */

/** An isolate sends news after 5 s, so the answer is on the page within about 8 s. */
const SOON_MS = 3_000,
  LATER_MS = 15_000;
/** People try a new page within minutes. After that it asks seldom, and then no more. */
const SOON_FOR_MS = 3 * 60_000,
  LATER_FOR_MS = 30 * 60_000;
/** A token that is older is not waited for. */
const NEW_MS = 86_400_000;

/** Whether a first request with the token is waited for. @param {Token} token */
export const isAwaited = (token) =>
  token.state === 'active' && !token.last_used_at && Date.now() - Date.parse(token.created_at) < NEW_MS;

/** @param {Token} token @param {AbortSignal} signal */
export function firstRequest(token, signal) {
  const state = h('div', { role: 'status', class: 'first-request waiting' }, waiting());
  let began = Date.now();
  let isOver = false;
  let shown = '';
  const ask = async () => {
    try {
      const [usage, refusals] = await Promise.all([
        usageOf(token.id, signal, { step: 'minute' }),
        /** @type {Promise<RefusalPage>} */ (get(`/refusals${query({ token: token.id, limit: 1 })}`, signal)),
      ]);
      draw(usage, refusals.items[0] ?? null);
    } catch {
      // It asks again. The page itself says when Wayleave does not answer.
    }
  };
  /** Draws what has changed, since screen readers read every change. */
  const draw = (/** @type {TokenUsage} */ usage, /** @type {Refusal | null} */ refusal) => {
    const next = JSON.stringify([usage.first_used_at, usage.counting, refusal, usage.totals.refused]);
    if (next === shown) return;
    shown = next;
    isOver = usage.first_used_at !== undefined || !usage.counting;
    const refused = refusal ?? refusedBy(usage, token.id);
    state.className = `first-request ${usage.first_used_at ? 'came' : refused ? 'refused' : 'waiting'}`;
    put(
      state,
      ...(!usage.counting
        ? [h('p', null, 'Use is not counted in this deployment, so its first request is not seen.')]
        : usage.first_used_at
          ? came(usage)
          : refused
            ? wasRefused(refused)
            : waiting()),
    );
  };
  const wait = () => {
    const past = Date.now() - began;
    if (isOver) return null;
    if (past < SOON_FOR_MS) return SOON_MS;
    if (past < LATER_FOR_MS) return LATER_MS;
    put(state, rested());
    return null;
  };
  const rested = () =>
    h(
      'p',
      null,
      'No request has come in half an hour. ',
      h(
        'button',
        {
          type: 'button',
          on: {
            click: () => {
              began = Date.now();
              shown = '';
              put(state, waiting());
              next();
            },
          },
        },
        'Go on waiting',
      ),
    );
  const { next } = refresh(ask, wait, signal);
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'first-request' },
    h('h2', { id: 'first-request' }, 'First request'),
    state,
  );
}

function waiting() {
  return [
    h(
      'p',
      null,
      h('span', { class: 'dot', 'aria-hidden': 'true' }),
      h('strong', null, 'Waiting for the first request …'),
    ),
    h(
      'p',
      { class: 'muted small' },
      'Open your page, or run the command. It shows here within seconds, or half a minute at a busy ' +
        'location, whether it is admitted or refused.',
    ),
  ];
}

/** @param {TokenUsage} usage */
function came(usage) {
  const site = usage.origins.allowed[0]?.origin ?? null;
  return [
    h(
      'p',
      null,
      h('span', { class: 'dot', 'aria-hidden': 'true' }),
      h('strong', null, 'It works. '),
      'The first request was admitted ',
      time(usage.first_used_at),
      ...(site === null ? ['.'] : [', from ', siteName(site), '.']),
    ),
  ];
}

/** @param {Refusal} refusal */
function wasRefused(refusal) {
  return [
    h(
      'p',
      null,
      h('span', { class: 'dot', 'aria-hidden': 'true' }),
      h('strong', null, `A request was refused: ${nameOf(refusal.code).toLowerCase()}. `),
      ...(refusal.site === null ? [] : ['It came from ', siteName(refusal.site), '. ']),
      h('code', { class: 'muted' }, refusal.code),
    ),
    h('p', null, adviceOn(refusal.code), ' ', allowLink(refusal)),
    h(
      'p',
      { class: 'muted small' },
      'Still waiting for one that is admitted. ',
      h('a', { href: to(['refusals'], { token: refusal.token ?? '' }) }, 'All refusals of this token'),
    ),
  ];
}

/**
 * A refusal by its count alone, where no refusals are kept.
 * @param {TokenUsage} usage
 * @param {string} token
 * @returns {Refusal | null}
 */
function refusedBy(usage, token) {
  const code = Object.entries(usage.totals.refused).find(([, count]) => count > 0)?.[0];
  if (code === undefined) return null;
  const site = code === 'origin_not_allowed' ? (usage.origins.refused[0]?.origin ?? null) : null;
  return { at: usage.to, code, token, site, method: '', path: '', location: '', requests: 1 };
}
