// Audit events as text: who did what, and what it changed.

import { h } from '../dom.js';
import { to } from '../router.js';
import { exact, relative } from '../time.js';
import { difference } from './difference.js';

/** @import { Event } from '../types.d.ts' */

/**
 * What the actor did. `~` is the place of the token; without one it comes last.
 * @type {Record<string, string>}
 */
export const ACTIONS = {
  'token.created': 'created',
  'token.revealed': 'viewed the text of',
  'token.edited': 'edited',
  'token.rotated': 'rotated',
  'token.first_used': 'saw the first use of',
  'token.revoked': 'revoked',
  'token.disabled': 'disabled',
  'token.enabled': 'enabled',
  'token.end_set': 'set the end of',
  'token.end_cancelled': 'cancelled the end of',
  'token.rotation_held': 'put off the end of',
  'token.rotation_cancelled': 'cancelled the end that a rotation planned for',
  'token.quota_exceeded': 'found the quota of ~ used up',
  'token.licensed': 'took the end of a licence over to',
  'token.restored': 'disabled ~ after a restore',
  'licence.set': 'set the end of a licence',
  'licence.taken_back': 'took back the end of a licence',
  'owner.switched_off': 'switched off an owner',
  'owner.switched_on': 'switched on an owner',
  'signing_key.activated': 'activated a signing key',
  'signing_key.retired': 'retired a signing key',
  'registry.restored': 'was restored from a backup',
  'webhook.tested': 'tried the receiver of webhooks',
  'admin_key.created': 'created an admin key',
  'admin_key.deleted': 'deleted an admin key',
  'admin_key.bootstrapped': 'created an owner’s key from ADMIN_KEY',
  'session.opened': 'signed in',
  'session.closed': 'signed out',
};

/** An action before and after the token; one of a later release as it is named. @param {string} action */
export function actionWords(action) {
  const words = ACTIONS[action] ?? action.replace(/^token\./, '').replaceAll(/[._]/g, ' ');
  const [before, after = ''] = words.split('~');
  return [before.trim(), after.trim()];
}

/**
 * @param {Event[]} events
 * @param {{ of?: string, toActor?: (actor: string) => string }} [options] `of`: the token whose page it is,
 *   which need not be named; `toActor`: the address of what an actor did
 */
export function eventList(events, { of, toActor } = {}) {
  if (events.length === 0) return h('p', { class: 'muted' }, 'No events.');
  return h(
    'ol',
    { class: 'events' },
    events.map((event) => entry(event, of, toActor)),
  );
}

/**
 * @param {Event} event
 * @param {string | undefined} of
 * @param {((actor: string) => string) | undefined} toActor
 */
function entry(event, of, toActor) {
  const [before, after] = actionWords(event.action);
  const token =
    event.token &&
    (event.token === of
      ? 'it'
      : h(
          'a',
          { href: to(['token', event.token]), title: event.token },
          event.label ? `“${event.label}”` : event.token,
        ));
  const actor = h('strong', null, event.actor);
  return h(
    'li',
    null,
    h(
      'p',
      null,
      toActor ? h('a', { href: toActor(event.actor), class: 'actor' }, actor) : actor,
      ` ${before} `,
      token,
      after && ` ${after}`,
    ),
    h(
      'p',
      { class: 'muted small' },
      h('time', { datetime: event.at, title: relative(event.at) }, exact(event.at)),
    ),
    difference(event),
  );
}
