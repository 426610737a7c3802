// The banner: what needs attention, from the registry's status and the tokens that end soon. Nothing when nothing does.

import { get, query } from '../api.js';
import { h, put } from '../dom.js';

/** @import { Notice, Page, Status, Token } from '../types.d.ts' */

/** What a warning of the status means. @type {Record<string, string>} */
export const STATUS_WARNINGS = {
  registry_load:
    'The registry gets half of the calls that it can carry, or more. Raise the bound or add the location cache.',
  unguaranteed:
    'ON_UNKNOWN is admit: a location that cannot know lets tokens through, and no revocation is guaranteed.',
  kv_unwritten:
    'A write to KV has been waiting for longer than the bound. Locations ask the registry meanwhile; look at KV’s health.',
  restored:
    'The registry was put back from a backup in the last week. Tokens may have been disabled: look through them.',
  rate_class_missing:
    'Tokens are of a rate class that is not configured any more, and so are not limited. Put it back into RATES, or edit them.',
  webhook_undelivered: 'A webhook could not be delivered. Check its receiver and WEBHOOK_URL.',
};

const SOON_SECONDS = 7 * 86_400;
const DAY_MS = 86_400_000;
/** Notices that ask for something to be done. @type {Record<string, string>} */
const TOLD = {
  'token.rotation_held': 'due to end and held, since the successor is not in use',
  'token.predecessor_still_used': 'about to end and still in use',
  'token.refused_origins': 'refused more and more from sites that are not listed',
};

/** Counting what there is reads every row: once a minute is enough. */
const ASKED_EVERY_MS = 60_000;
/** @type {{ at: number, status: Status, ending: Page<Token>, notices: Page<Notice> } | null} */
let last = null;

/** The place of the banner: nothing waits for it. @param {AbortSignal} signal */
export function attention(signal) {
  const place = h('div');
  ask(signal).then(
    (found) => put(place, banner(found)),
    () => {
      // The page itself says what is wrong; a second word for it helps nobody.
    },
  );
  return place;
}

/** @param {AbortSignal} signal */
async function ask(signal) {
  if (last !== null && Date.now() - last.at < ASKED_EVERY_MS) return last;
  const [status, ending, notices] = await Promise.all([
    /** @type {Promise<Status>} */ (get('/status', signal)),
    /** @type {Promise<Page<Token>>} */ (
      get(
        `/tokens${query({ expiring_within_seconds: SOON_SECONDS, has_successor: false, limit: 21 })}`,
        signal,
      )
    ),
    /** @type {Promise<Page<Notice>>} */ (get('/notices?limit=20', signal)),
  ]);
  return (last = { at: Date.now(), status, ending, notices });
}

/** @param {{ status: Status, ending: Page<Token>, notices: Page<Notice> }} found */
function banner({ status, ending, notices }) {
  const count = ending.items.length;
  const items = status.warnings.map((code) =>
    h(
      'li',
      null,
      STATUS_WARNINGS[code] ?? code.replaceAll('_', ' '),
      ' ',
      h('a', { href: '#/revocation' }, 'Look'),
    ),
  );
  if (count > 0) {
    const text =
      count > 20
        ? 'More than 20 tokens end'
        : count === 1
          ? `“${ending.items[0].label}” ends`
          : `${count} tokens end`;
    items.push(
      h(
        'li',
        null,
        `${text} within 7 days without a successor. `,
        h(
          'a',
          { href: `#/tokens?expiring_within_seconds=${SOON_SECONDS}&has_successor=false` },
          count === 1 ? 'Show it' : 'Show them',
        ),
      ),
    );
  }
  const { p99_ms: slowest } = status.propagation;
  if (slowest !== null && slowest > status.bound.seconds * 1000) {
    items.push(
      h(
        'li',
        null,
        `Changes take longer to arrive than the bound of ${status.bound.seconds} s; locations that have not heard refuse. `,
        h('a', { href: '#/revocation' }, 'Look'),
      ),
    );
  }
  const yesterday = Date.now() - DAY_MS;
  for (const [type, words] of Object.entries(TOLD)) {
    const count = notices.items
      .filter((notice) => notice.type === type && Date.parse(notice.timestamp) > yesterday)
      .reduce((sum, { data }) => sum + data.tokens.length, 0);
    if (count > 0)
      items.push(
        h(
          'li',
          null,
          `${count === 1 ? '1 token' : `${count} tokens`} ${words}. `,
          h('a', { href: '#/notices' }, 'Look'),
        ),
      );
  }
  return (
    items.length > 0 &&
    h('section', { class: 'box warn banner', 'aria-label': 'Needs attention' }, h('ul', null, items))
  );
}
