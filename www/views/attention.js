// The banner: what needs attention, from the registry's status and the tokens that end soon. Nothing when nothing does.

import { get, query } from '../api.js';
import { h, put } from '../dom.js';

/** @import { Page, Status, Token } from '../types.d.ts' */

/** What a warning of the status means. @type {Record<string, string>} */
export const STATUS_WARNINGS = {
  registry_load: 'The registry gets half of the calls that it can carry, or more. Raise the bound or add the location cache.',
  unguaranteed: 'ON_UNKNOWN is admit: a location that cannot know lets tokens through, and no revocation is guaranteed.',
  kv_unwritten: 'A write to KV has been waiting for longer than the bound. Locations ask the registry meanwhile; look at KV’s health.',
  restored: 'The registry was put back from a backup in the last week. Tokens may have been disabled: look through them.',
  webhook_undelivered: 'A webhook could not be delivered. Check its receiver and WEBHOOK_URL.',
};

const SOON_SECONDS = 7 * 86_400;

/** Counting what there is reads every row: once a minute is enough. */
const ASKED_EVERY_MS = 60_000;
/** @type {{ at: number, status: Status, ending: Page<Token> } | null} */
let last = null;

/** The place of the banner: nothing waits for it. @param {AbortSignal} signal */
export function attention(signal) {
  const place = h('div');
  ask(signal).then(({ status, ending }) => put(place, banner(status, ending)), () => {
    // The page itself says what is wrong; a second word for it helps nobody.
  });
  return place;
}

/** @param {AbortSignal} signal */
async function ask(signal) {
  if (last !== null && Date.now() - last.at < ASKED_EVERY_MS) return last;
  const [status, ending] = await Promise.all([
    /** @type {Promise<Status>} */ (get('/status', signal)),
    /** @type {Promise<Page<Token>>} */ (get(`/tokens${query({ expiring_within_seconds: SOON_SECONDS, limit: 21 })}`, signal)),
  ]);
  return (last = { at: Date.now(), status, ending });
}

/** @param {Status} status @param {Page<Token>} ending */
function banner(status, ending) {
  const count = ending.items.length;
  const items = status.warnings.map((code) => h('li', null, STATUS_WARNINGS[code] ?? code.replaceAll('_', ' '), ' ', h('a', { href: '#/revocation' }, 'Look')));
  if (count > 0) {
    const text = count > 20 ? 'More than 20 tokens end' : count === 1 ? `“${ending.items[0].label}” ends` : `${count} tokens end`;
    items.push(h('li', null, `${text} within 7 days. `, h('a', { href: `#/tokens?expiring_within_seconds=${SOON_SECONDS}` }, count === 1 ? 'Show it' : 'Show them')));
  }
  return items.length > 0 && h('section', { class: 'box warn banner', 'aria-label': 'Needs attention' }, h('ul', null, items));
}
