// One token: its settings and history, the actions on it, and, after a change, by when that change holds.

import { get, post } from '../api.js';
import { h } from '../dom.js';
import { reload, to } from '../router.js';
import { date, duration, exact, fromLocalInput, relative, time, toLocalInput } from '../time.js';
import { badge, place, stateBadge, warningText } from '../ui/badge.js';
import { openDialog } from '../ui/dialog.js';
import { fact, facts } from '../ui/facts.js';
import { field, fieldValue, form } from '../ui/form.js';
import { pageHead } from '../ui/head.js';
import { announce } from '../ui/notice.js';
import { may } from '../who.js';
import { eventList } from './event_list.js';
import { planWords } from './plan.js';
import { receipt } from './receipt.js';
import { tokenActions } from './token_actions.js';
import { attempt } from './token_calls.js';
import { usageSection } from './usage.js';

/** @import { Event, Page, Token } from '../types.d.ts' */
/** @import { Place } from '../router.js' */

/** No countdown for a change that has held for longer than this. */
const RECENT_MS = 10 * 60_000;

/** @param {Place} place */
export async function view({ path: [, id], signal }) {
  const address = `/tokens/${encodeURIComponent(id ?? '')}`;
  const [token, events] = await Promise.all([
    /** @type {Promise<Token>} */ (get(address, signal)),
    /** @type {Promise<Page<Event>>} */ (
      get(`/events?token=${encodeURIComponent(id ?? '')}&limit=10`, signal)
    ),
  ]);
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
    change(token, signal),
    h(
      'div',
      { class: 'columns' },
      h('div', null, usageSection(token.id, signal), settings(token), history(token, events)),
      h('div', null, life(token)),
    ),
  );
}

/** @param {Token} token */
function buttons(token) {
  const actions = tokenActions(token);
  return (
    actions.length > 0 &&
    h(
      'div',
      { class: 'buttons' },
      // A button that is disabled stays in the order of the tab key, so that everybody gets its reason.
      actions.map(({ label, act, danger, why }) =>
        h(
          'button',
          {
            type: 'button',
            class: danger && 'danger',
            'aria-disabled': why ? 'true' : null,
            'aria-describedby': why ? 'why-not' : null,
            title: why,
            on: { click: () => !why && act() },
          },
          label,
        ),
      ),
    )
  );
}

/** Why an action on the token is not possible. @param {Token} token */
function whyNot(token) {
  const why = tokenActions(token).find((action) => action.why)?.why;
  return why && h('p', { class: 'muted small', id: 'why-not' }, why);
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

/** The countdown of a recent change. @param {Token} token @param {AbortSignal} signal */
function change(token, signal) {
  if (!token.effective_by || Date.now() - Date.parse(token.effective_by) > RECENT_MS) return null;
  const what = {
    revoked: 'refused everywhere',
    disabled: 'refused everywhere',
    active: 'admitted again everywhere',
    expired: 'refused everywhere',
  }[token.state];
  return receipt(token.id, token.effective_by, what, signal);
}

/** @param {string[]} items */
const list = (items) =>
  h(
    'ul',
    null,
    items.map((item) => h('li', null, h('code', null, item))),
  );

/** @param {Token} token */
function settings(token) {
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'settings' },
    h('h2', { id: 'settings' }, 'Settings'),
    facts(
      fact('Works from', token.origins === 'any' ? badge('Every site', 'warn') : list(token.origins)),
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
      token.auto_rotate &&
        fact('Rotates automatically', `${duration(token.auto_rotate.before_expiry_seconds)} before its end`),
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

/** @param {Token} token */
function life(token) {
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
      fact('Last used', time(token.last_used_at, 'not known')),
      token.rotation && live && fact('Rotation', planWords(token)),
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

/**
 * The planned end: an operator's or a rotation's. `true` when a rotation will end the token at a time not yet
 * known.
 * @param {Token} token
 * @returns {string | true | undefined}
 */
function plannedEnd({ ends_at: end, rotation }) {
  return (
    end ?? rotation?.planned_end ?? (rotation && rotation.revoke_old.when !== 'never' ? true : undefined)
  );
}

/** @param {Token} token */
async function endDialog(token) {
  const planned = plannedEnd(token);
  await openDialog(planned ? 'Move or cancel the end' : 'Set an earlier end', (close) => {
    const at = h('input', {
      type: 'datetime-local',
      required: true,
      value: toLocalInput(
        typeof planned === 'string' ? planned : new Date(Date.now() + 7 * 86_400_000).toISOString(),
      ),
      max: toLocalInput(token.expires_at),
    });
    const force = h('input', { type: 'checkbox', name: 'force' });
    return [
      h(
        'p',
        null,
        'The gateway ends it automatically, to the second. ' +
          `It may not be later than its expiry, ${exact(token.expires_at)}.`,
      ),
      form(
        {
          submit: planned ? 'Move the end' : 'Set the end',
          cancel: close,
          more: planned
            ? [
                h(
                  'button',
                  {
                    type: 'button',
                    on: {
                      click: () => {
                        close();
                        attempt(() => end(token, null, false));
                      },
                    },
                  },
                  'Cancel the end',
                ),
              ]
            : [],
          send: async (form) => {
            await end(token, fromLocalInput(fieldValue(form, 'at')) ?? '', force.checked);
            close();
          },
        },
        field({ name: 'at', label: 'Ends at', hint: 'In this machine’s time zone.', control: at }),
        h(
          'div',
          { class: 'choice' },
          h(
            'label',
            null,
            force,
            h('span', null, 'End it even if no other token of the family is active until then'),
          ),
        ),
      ),
    ];
  });
}

/** @param {Token} token @param {string | null} at @param {boolean} force */
async function end(token, at, force) {
  await post(`/tokens/${token.id}/end`, { at, ...(force && { force }) });
  announce(at === null ? 'The planned end is cancelled.' : `It ends ${relative(at)}.`);
  reload();
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
