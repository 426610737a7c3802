// A family: its tokens as an indented list of successors, which token to copy, and the planned end of the old
// one.

import { get } from '../api.js';
import { counted } from '../counted.js';
import { h, put } from '../dom.js';
import { to } from '../router.js';
import { time } from '../time.js';
import { badge, stateBadge } from '../ui/badge.js';
import { fact, facts } from '../ui/facts.js';
import { pageHead } from '../ui/head.js';
import { menuButton } from '../ui/menu.js';
import { may } from '../who.js';
import { lastUsed } from './last_used.js';
import { refusedWords } from './outcomes.js';
import { planWords } from './plan.js';
import { isRecent, receipt } from './receipt.js';
import { revokeDialog } from './revoke_dialog.js';
import { stopDialog } from './stop_dialog.js';
import { tokenActions } from './token_actions.js';
import { originList, usageOf } from './usage.js';

/** @import { Family, Token, TokenTraffic, UsageCounts } from '../types.d.ts' */

/** @param {import('../router.js').Place} place */
export async function view({ path: [, id], signal }) {
  const family = /** @type {Family} */ (await get(`/families/${encodeURIComponent(id ?? '')}`, signal));
  const shown = visible(family);
  const newest = family.tokens[0];
  const hidden = family.total - shown.length;
  return h(
    'div',
    null,
    h('p', { class: 'crumbs' }, h('a', { href: '#/tokens' }, 'Tokens')),
    pageHead(
      `Family of “${newest?.label ?? family.id}”`,
      h('code', null, family.id),
      family.active.length > 0 &&
        may('operator') &&
        h(
          'div',
          { class: 'buttons' },
          h(
            'button',
            { type: 'button', class: 'danger', on: { click: () => stopDialog(family.id) } },
            'Revoke the family …',
          ),
        ),
    ),
    stopped(family, signal),
    family.active.length === 2 && sideBySide(family, signal),
    consumers(family),
    h(
      'section',
      { class: 'card' },
      h('h2', null, 'Lineage'),
      tree(shown, family),
      hidden > 0 &&
        h(
          'p',
          { class: 'muted small' },
          `${counted(hidden, 'more token')} that ended earlier ${hidden === 1 ? 'is' : 'are'} not shown. `,
          h('a', { href: to(['audit'], { family: family.id }) }, 'See the audit log'),
        ),
    ),
  );
}

/**
 * The countdown after an emergency stop, to the latest of its receipts. Protected tokens may have stayed.
 * @param {Family} family
 * @param {AbortSignal} signal
 */
function stopped({ tokens }, signal) {
  const isOver = (/** @type {Token} */ { state }) => state === 'revoked' || state === 'expired';
  const last = tokens
    .filter(({ state, effective_by: by }) => state === 'revoked' && isRecent(by))
    .sort((one, other) => Date.parse(other.effective_by ?? '') - Date.parse(one.effective_by ?? ''))[0];
  if (!last?.effective_by) return null;
  const whose = tokens.every(isOver)
    ? 'Every token of the family is'
    : 'The revoked tokens of the family are';
  return receipt(last.id, last.effective_by, 'refused everywhere', signal, whose);
}

/** Which jobs and pages fetched which token of the family. @param {Family} family */
function consumers({ consumers, current }) {
  return (
    consumers.length > 0 &&
    h(
      'section',
      { class: 'card' },
      h('h2', null, 'Fetched by'),
      h(
        'ul',
        { class: 'plain' },
        consumers.map(({ by, token, at }) =>
          h(
            'li',
            null,
            h('code', null, by),
            ' has ',
            h('a', { href: to(['token', token]) }, token),
            ', fetched ',
            time(at),
            ' ',
            token !== current && badge('Not the current one', 'warn'),
          ),
        ),
      ),
    )
  );
}

/**
 * The tokens to show, oldest first: as in the API, at most two active ones and the last three revoked ones.
 * @param {Family} family
 */
function visible({ active, revoked, tokens, current }) {
  const named = new Set([...active, ...revoked, current, tokens[0]?.id]);
  return tokens.filter(({ id }) => named.has(id)).reverse();
}

/** @param {Token[]} tokens oldest first @param {Family} family */
function tree(tokens, family) {
  const ids = new Set(tokens.map(({ id }) => id));
  const below = (/** @type {string | undefined} */ id) =>
    tokens.filter(
      (token) => (token.predecessor && ids.has(token.predecessor) ? token.predecessor : undefined) === id,
    );
  /** @param {string | undefined} id @returns {HTMLElement | false} */
  const branch = (id) => {
    const children = below(id);
    return (
      children.length > 0 &&
      h(
        'ul',
        { class: id === undefined && 'tree' },
        children.map((token) => h('li', null, entry(token, family), branch(token.id))),
      )
    );
  };
  return branch(undefined);
}

/** @param {Token} token @param {Family} family */
function entry(token, family) {
  const actions = tokenActions(token);
  return h(
    'div',
    { class: 'entry' },
    h(
      'div',
      null,
      h('a', { class: 'label', href: to(['token', token.id]) }, token.label),
      ' ',
      stateBadge(token.state),
      ' ',
      token.id === family.current && badge('Current', 'good'),
      h(
        'p',
        { class: 'muted small' },
        h('code', null, token.fingerprint),
        ' · created ',
        time(token.created_at),
        ' · last used ',
        lastUsed(token.last_used_at, trafficOf(family, token)?.last_used_at),
        token.revoked_reason && ` · ${token.revoked_reason}`,
      ),
      token.rotation && token.state === 'active' && h('p', { class: 'small' }, planWords(token)),
    ),
    actions.length > 0 && menuButton(`Actions for ${token.label}, ${token.id}`, actions),
  );
}

/**
 * When the token was first used. The shard that counts uses knows it before the registry does.
 * @param {Token} token
 * @param {TokenTraffic | undefined} traffic
 * @param {AbortSignal} signal
 */
function firstUsed({ id, first_used_at: at }, traffic, signal) {
  if (at || !traffic?.last_used_at) return lastUsed(at);
  const place = h('span', null, lastUsed(traffic.last_used_at));
  usageOf(id, signal).then(
    ({ first_used_at: first }) => put(place, lastUsed(first ?? traffic.last_used_at)),
    () => {
      // The last use was not before the first one.
    },
  );
  return place;
}

/** @param {UsageCounts} traffic */
function counts(traffic) {
  const number = (/** @type {number} */ count) => count.toLocaleString('en');
  const names = refusedWords(traffic);
  return (
    `${number(traffic.admitted)} admitted, ${number(traffic.requests - traffic.admitted)} refused` +
    (names === '' ? '' : ` (${names})`)
  );
}

/** @param {Family} family @param {Token} token */
const trafficOf = ({ traffic }, { id }) => traffic?.find((counted) => counted.id === id);

/**
 * The old and the new token side by side, to see whether the old one is still in use.
 * @param {Family} family
 * @param {AbortSignal} signal
 */
function sideBySide(family, signal) {
  const [fresh, old] = family.active.map((id) => family.tokens.find((token) => token.id === id));
  if (!fresh || !old) return null;
  /** @param {string} title @param {Token} token */
  const half = (title, token) => {
    const traffic = trafficOf(family, token);
    return h(
      'div',
      null,
      h('h3', null, title, ' ', token.id === family.current && badge('Current', 'good')),
      facts(
        fact('Token', h('a', { href: to(['token', token.id]) }, h('code', null, token.fingerprint))),
        fact('First used', firstUsed(token, traffic, signal)),
        fact('Last used', lastUsed(token.last_used_at, traffic?.last_used_at)),
        fact('Last 24 hours', traffic ? counts(traffic) : 'not known'),
        fact('Ends', token.rotation ? planWords(token) : time(token.ends_at ?? token.expires_at)),
      ),
      traffic && originList(traffic.origins.allowed, 'No site in the last two days.', 5),
    );
  };
  return h(
    'section',
    { class: 'card' },
    h('h2', null, 'Old and new'),
    h('div', { class: 'columns even' }, half('Old', old), half('New', fresh)),
    may('operator') &&
      !old.protected &&
      h(
        'div',
        { class: 'actions' },
        h(
          'button',
          { type: 'button', class: 'danger', on: { click: () => revokeDialog(old) } },
          'End the old one now',
        ),
      ),
  );
}
