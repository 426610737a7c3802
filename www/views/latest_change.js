// The countdown of a token's latest change: by when it holds everywhere. The token names that time for
// changes of its state; the receipt of an edit or an end is asked for.

import { get } from '../api.js';
import { h, put } from '../dom.js';
import { isRecent, receipt } from './receipt.js';

/** @import { Event, Probe, Token } from '../types.d.ts' */

const STATES = {
  revoked: 'refused everywhere',
  disabled: 'refused everywhere',
  active: 'admitted again everywhere',
  expired: 'refused everywhere',
};
/** What holds then, and what it does. @type {Record<string, [string, string]>} */
const CHANGES = {
  'token.edited': ['The change', 'in effect everywhere'],
  'token.enabled': ['It', 'admitted again everywhere'],
  'token.end_set': ['The planned end', 'in effect everywhere'],
  'token.end_cancelled': ['The cancelled end', 'in effect everywhere'],
  'token.licensed': ['The end of the licence', 'in effect everywhere'],
};
/** Fields that no location looks at. */
const FOR_PEOPLE = ['label', 'owner', 'metadata', 'auto_rotate', 'protected'];

/** @param {Token} token @param {Event[]} events newest first @param {AbortSignal} signal */
export function latestChange(token, events, signal) {
  const edit = events.find(({ action }) => action in CHANGES || action === 'token.created');
  const isEdit = edit !== undefined && edit.action in CHANGES && isRecent(edit.at) && !isForPeople(edit);
  const place = h('div');
  const byState = token.effective_by;
  if (isEdit) showEdit(place, token, edit, signal);
  else if (byState && isRecent(byState)) put(place, receipt(token.id, byState, STATES[token.state], signal));
  showPredecessor(place, token, signal);
  return place;
}

/** Whether an edit changed only what no location looks at. @param {Event} event */
function isForPeople({ action, before, after }) {
  const names = Object.keys({ ...before, ...after });
  return action === 'token.edited' && names.every((name) => FOR_PEOPLE.includes(name));
}

/** @param {HTMLElement} place @param {Token} token @param {Event} edit @param {AbortSignal} signal */
async function showEdit(place, { id, state }, edit, signal) {
  try {
    const latest = /** @type {Probe} */ (await get(`/tokens/${id}/probe`, signal));
    if (Date.parse(latest.effective_by) < Date.parse(edit.at)) return;
    const [subject, what] = state === 'active' ? CHANGES[edit.action] : ['It', STATES[state]];
    put(place, receipt(id, latest.effective_by, what, signal, `${subject} is`));
  } catch {
    // The change is made. When it holds can be read on the page Revocation.
  }
}

/** After a rotation that ended the token before this one. */
async function showPredecessor(
  /** @type {HTMLElement} */ place,
  /** @type {Token} */ token,
  /** @type {AbortSignal} */ signal,
) {
  if (!token.predecessor || !isRecent(token.created_at)) return;
  try {
    const old = /** @type {Token} */ (await get(`/tokens/${token.predecessor}`, signal));
    if (old.state === 'revoked' && old.effective_by && isRecent(old.effective_by))
      place.append(receipt(old.id, old.effective_by, 'refused everywhere', signal, 'The one before it is'));
  } catch {
    // It may have left the registry.
  }
}
