// Audit events as text: who did what, and what it changed.

import { h } from '../dom.js';
import { to } from '../router.js';
import { exact, relative } from '../time.js';

/** @import { Event } from '../types.d.ts' */

/** @type {Record<string, string>} */
const ACTIONS = {
  'token.created': 'created',
  'token.revealed': 'viewed the text of',
  'token.edited': 'edited',
  'token.revoked': 'revoked',
  'token.disabled': 'disabled',
  'token.enabled': 'enabled',
  'token.end_set': 'set the end of',
  'token.end_cancelled': 'cancelled the end of',
  'token.restored': 'disabled after a restore',
  'signing_key.activated': 'activated a signing key',
  'signing_key.retired': 'retired a signing key',
  'registry.restored': 'was restored from a backup',
  'admin_key.created': 'created an admin key',
  'admin_key.deleted': 'deleted an admin key',
  'admin_key.bootstrapped': 'took ADMIN_KEY as the first owner',
  'session.opened': 'signed in',
  'session.closed': 'signed out',
};

/**
 * @param {Event[]} events
 * @param {{ of?: string }} [options] `of`: the token whose page it is, which need not be named
 */
export function eventList(events, { of } = {}) {
  if (events.length === 0) return h('p', { class: 'muted' }, 'No events.');
  return h(
    'ol',
    { class: 'events' },
    events.map((event) =>
      h(
        'li',
        null,
        h(
          'p',
          null,
          h('strong', null, event.actor),
          ` ${ACTIONS[event.action] ?? event.action} `,
          event.token && event.token !== of && h('a', { href: to(['token', event.token]) }, event.token),
          event.token && event.token === of && 'it',
        ),
        h(
          'p',
          { class: 'muted small' },
          h('time', { datetime: event.at, title: relative(event.at) }, exact(event.at)),
        ),
        changes(event),
      ),
    ),
  );
}

/** The changes of an event, field by field. @param {Event} event */
function changes({ before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  if (names.length === 0) return null;
  return h(
    'details',
    { class: 'small' },
    h('summary', null, names.length === 1 ? names[0] : `${names.length} fields`),
    h(
      'dl',
      { class: 'change' },
      names.flatMap((name) => [
        h('dt', null, name),
        h(
          'dd',
          null,
          before && name in before && h('del', null, text(before[name])),
          before && name in before && after && name in after && ' → ',
          after && name in after && h('ins', null, text(after[name])),
        ),
      ]),
    ),
  );
}

/** @param {unknown} value */
const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
