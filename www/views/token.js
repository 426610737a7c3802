// One token: its settings and history, the actions on it, and, after a change, by when that change holds.

import { get } from '../api.js';
import { h, put } from '../dom.js';
import { to } from '../router.js';
import { date, exact, time } from '../time.js';
import { badge, place, stateBadge, warningText } from '../ui/badge.js';
import { fact, facts } from '../ui/facts.js';
import { pageHead } from '../ui/head.js';
import { menuButton } from '../ui/menu.js';
import { site } from '../ui/site.js';
import { may } from '../who.js';
import { configuration } from './configuration.js';
import { created } from './create.js';
import { endDialog, plannedEnd } from './end_dialog.js';
import { eventList } from './event_list.js';
import { firstRequest, isAwaited } from './first_request.js';
import { take } from './just_made.js';
import { lastUsed } from './last_used.js';
import { latestChange } from './latest_change.js';
import { autoRotateWords, planWords } from './plan.js';
import { tokenActions } from './token_actions.js';
import { usageSection } from './usage.js';
import { useIt } from './use_it.js';

/** @import { Configuration, Event, Page, Token } from '../types.d.ts' */
/** @import { Place } from '../router.js' */

/** @param {Place} place */
export async function view({ path: [, id], signal }) {
  const made = take(id);
  if (made && !made.predecessor) return created(made, await configuration(signal), signal);
  const address = `/tokens/${encodeURIComponent(id ?? '')}`;
  const [token, events, settings] = await Promise.all([
    /** @type {Promise<Token>} */ (get(address, signal)),
    /** @type {Promise<Page<Event>>} */ (
      get(`/events?token=${encodeURIComponent(id ?? '')}&limit=10`, signal)
    ),
    configuration(signal),
  ]);
  const used = h('span', null, lastUsed(token.last_used_at));
  const use = usageSection(token, signal, ({ last_used_at: at }) =>
    put(used, lastUsed(token.last_used_at, at)),
  );
  return h(
    'div',
    null,
    h('p', { class: 'crumbs' }, h('a', { href: '#/tokens' }, 'Tokens')),
    pageHead(
      token.label,
      [
        stateBadge(token.state),
        ' ',
        place(token),
        ' ',
        token.protected && badge('Protected'),
        ' ',
        h('code', null, token.fingerprint),
      ],
      buttons(token),
    ),
    whyNot(token),
    told(token),
    latestChange(token, events.items, signal),
    isAwaited(token) && firstRequest(token, signal),
    // After a rotation: the code that takes the place of the old one's.
    made && useIt(token, settings, made.token),
    h(
      'div',
      { class: 'columns' },
      h('div', { class: 'aside' }, life(token, used)),
      h('div', null, use, policy(token), !made && toPaste(token, settings), history(token, events)),
    ),
  );
}

/** The main actions as buttons, the others in a menu. @param {Token} token */
function buttons(token) {
  const actions = tokenActions(token);
  const main = actions.filter(({ isMain }) => isMain);
  const first = main.find(({ why, danger }) => !why && !danger);
  return (
    actions.length > 0 &&
    h(
      'div',
      { class: 'buttons' },
      // A button that is disabled stays in the order of the tab key, so that everybody gets its reason.
      main.map((action) => {
        const { label, act, danger, why } = action;
        const kind = danger ? 'danger' : action === first && 'primary';
        return h(
          'button',
          {
            type: 'button',
            class: !why && kind,
            'aria-disabled': why ? 'true' : null,
            'aria-describedby': why ? 'why-not' : null,
            title: why,
            on: { click: () => !why && act() },
          },
          label,
        );
      }),
      menuButton(
        `More actions for ${token.label}`,
        actions.filter(({ isMain }) => !isMain),
      ),
    )
  );
}

/** Why an action on the token is not possible. @param {Token} token */
function whyNot(token) {
  if (!may('operator'))
    return h('p', { class: 'muted small', id: 'why-not' }, 'Your role may look at tokens, not change them.');
  const action = tokenActions(token).find(({ isMain, why }) => isMain && why);
  if (action === undefined) return null;
  const { label, why, see } = action;
  return h(
    'p',
    { class: 'small why-not', id: 'why-not' },
    h('strong', null, label.replace(' …', '')),
    ` is not possible: ${why} `,
    see && [see.words, ' ', h('a', { href: to(['token', see.token]) }, see.token)],
  );
}

/** @param {Token} token */
function told(token) {
  if (token.state === 'revoked' || token.state === 'expired' || token.warnings.length === 0) return null;
  return h(
    'section',
    { class: 'box warn banner', 'aria-label': 'Warnings' },
    h(
      'ul',
      null,
      token.warnings.map((code) => h('li', null, warningText(code))),
    ),
  );
}

const code = (/** @type {string} */ text) => h('code', null, text);

/** @param {string[]} items @param {(item: string) => HTMLElement} show */
const list = (items, show = code) =>
  h(
    'ul',
    null,
    items.map((item) => h('li', null, show(item))),
  );

/**
 * Code for a token that works, now or once it is enabled.
 * @param {Token} token
 * @param {Configuration} settings
 */
const toPaste = (token, settings) =>
  (token.state === 'active' || token.state === 'disabled') && useIt(token, settings);

/** @param {Token} token */
function policy(token) {
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'settings' },
    h('h2', { id: 'settings' }, 'Settings'),
    facts(
      fact('Works from', token.origins === 'any' ? badge('Every site', 'warn') : list(token.origins, site)),
      fact('Sites not listed', token.origin_mode === 'report' ? 'are admitted and counted' : 'are refused'),
      fact('Requests without a site', token.missing_origin === 'allow' ? 'are admitted' : 'are refused'),
      fact('For', token.audiences.join(', ')),
      fact('Quota', quota(token)),
      fact('Rate', token.rate === null ? muted('no limit') : `class ${token.rate}`),
      token.methods && fact('Methods', token.methods.join(', ')),
      token.paths && fact('Paths', list(token.paths)),
      token.scope_mode === 'report' && fact('Other methods and paths', 'are admitted and counted'),
      token.claims && fact('Claims', h('code', null, JSON.stringify(token.claims))),
      token.distribute && fact('Distributed', 'pages on its sites may fetch the family’s current token'),
      token.auto_rotate && fact('Rotates automatically', autoRotateWords(token.auto_rotate)),
      fact('Owner', token.owner ?? muted('none')),
      fact('External id', token.external_id ?? muted('none')),
      token.metadata && fact('Metadata', h('code', null, JSON.stringify(token.metadata))),
      fact('Id', h('code', null, token.id)),
      fact('Family', h('a', { href: to(['family', token.family]) }, h('code', null, token.family))),
      token.predecessor &&
        fact('Replaces', h('a', { href: to(['token', token.predecessor]) }, token.predecessor)),
      token.successor &&
        fact('Replaced by', h('a', { href: to(['token', token.successor]) }, token.successor)),
      fact('Version', String(token.version)),
      fact('Created', h('span', null, date(token.created_at), ` with the key ${token.created_by}`)),
    ),
  );
}

/** @param {Token} token @param {HTMLElement} used when it was last used */
function life(token, used) {
  const over = token.revoked_at ?? token.ends_at;
  const live = token.state === 'active' || token.state === 'disabled';
  const planned = plannedEnd(token);
  return h(
    'section',
    { class: 'card stack', 'aria-labelledby': 'life' },
    h('h2', { id: 'life' }, 'Life'),
    lifeBar(token),
    facts(
      fact(
        'Expires',
        h(
          'span',
          null,
          time(token.expires_at),
          h('span', { class: 'under muted small' }, ` ${exact(token.expires_at)}`),
        ),
      ),
      fact('Last used', used),
      token.rotation && live && fact('Rotation', planWords(token)),
      token.licensed_until &&
        fact('Licensed until', h('a', { href: '#/licences' }, exact(token.licensed_until))),
      token.ends_at &&
        fact(
          'Planned end',
          h(
            'span',
            null,
            time(token.ends_at),
            h('span', { class: 'muted small' }, ` ${exact(token.ends_at)}`),
          ),
        ),
      token.revoked_at &&
        fact(
          'Revoked',
          h('span', null, time(token.revoked_at), token.revoked_reason && `, ${token.revoked_reason}`),
        ),
      token.effective_by && fact('In effect everywhere', exact(token.effective_by)),
    ),
    live &&
      may('operator') &&
      (!token.protected || planned !== undefined) &&
      h(
        'p',
        null,
        h(
          'button',
          { type: 'button', on: { click: () => endDialog(token) } },
          planned ? 'Move or cancel the end' : 'Set an earlier end',
        ),
      ),
    over === undefined &&
      live &&
      h(
        'p',
        { class: 'muted small' },
        'The expiry is signed into the token. An earlier end can be set, moved and cancelled.',
      ),
  );
}

/** How much of the time between creation and expiry has passed, as a bar. @param {Token} token */
function lifeBar(token) {
  const [from, until] = [Date.parse(token.created_at), Date.parse(token.expires_at)];
  const part = Math.min(
    1,
    Math.max(0, ((token.revoked_at ? Date.parse(token.revoked_at) : Date.now()) - from) / (until - from)),
  );
  const bar = h('span');
  bar.style.width = `${(part * 100).toFixed(1)}%`;
  return h(
    'div',
    null,
    h(
      'div',
      { class: 'life', role: 'img', 'aria-label': `${Math.round(part * 100)} % of its lifetime has passed` },
      bar,
    ),
    h(
      'div',
      { class: 'life-ends' },
      h('span', null, date(token.created_at)),
      h('span', null, date(token.expires_at)),
    ),
  );
}

/** @param {Token} token @param {Page<Event>} events */
function history(token, events) {
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'history' },
    h('h2', { id: 'history' }, 'History'),
    eventList(events.items, { of: token.id }),
    events.next_cursor !== null &&
      h('p', null, h('a', { href: to(['audit'], { token: token.id }) }, 'Show all events')),
  );
}

/** @param {string} text */
const muted = (text) => h('span', { class: 'muted' }, text);

/** @param {Token} token */
function quota({ quota, quota_use: use }) {
  if (quota === null) return muted('none');
  const allowed = `${quota.requests.toLocaleString('en')} requests per ${quota.per} (UTC)`;
  const whose = quota.counts === 'family' ? ', with its family' : '';
  if (use === undefined) return `${allowed}${whose}`;
  const used = `${use.used.toLocaleString('en')} of ${allowed}${whose}`;
  return use.exceeded
    ? h('span', null, badge('Used up', 'warn'), ` ${used}; refused until `, time(use.period_ends_at))
    : used;
}
