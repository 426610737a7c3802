// A banner with what needs attention: warnings of the registry's status, open notices, and tokens that end
// soon. Empty when there is nothing.

import { get, query } from '../api.js';
import { h, put } from '../dom.js';
import { may, who } from '../who.js';
import { countingIs } from './last_used.js';

/** @import { Notice, Page, Status, Token } from '../types.d.ts' */

/** What each warning of GET /status means. @type {Record<string, string>} */
export const STATUS_WARNINGS = {
  registry_load:
    'The registry’s load is at half of its capacity or more: calls a second, or calls that wait. ' +
    'Set RELAYS or raise the bound.',
  unguaranteed:
    'ON_UNKNOWN is admit: a location without a current list admits tokens that may be revoked, so no ' +
    'revocation is guaranteed.',
  kv_unwritten:
    'A write to KV has been pending for longer than the bound. Locations ask the registry meanwhile. ' +
    'Check KV’s health.',
  restored:
    'The registry was restored from a backup in the last week. Tokens may have been disabled: check them.',
  rate_class_missing:
    'Some tokens have a rate class that is no longer configured, so they are not limited. ' +
    'Add the class to RATES again, or edit the tokens.',
  client_address_missing:
    'Requests do not have the header that CLIENT_IP_HEADER names, so callers’ addresses are unknown and ' +
    'all callers share one limit. Make the proxy in front set that header, or name the header that it sets.',
  admin_api_on_every_host:
    'CONTROL_HOSTS is not set: the admin API answers on every public host. ' +
    'Give the admin API a host of its own.',
  origins_not_named:
    'Some tokens work from any site or are in report mode, and have the audience of a route to which ' +
    'pages may send cookies. That route refuses them. Give them a list of origins, or remove the audience.',
  reports_missing:
    'Requests are counted, but for three minutes no location has asked for a list or reported. ' +
    'Locations may not reach the registry and are served from KV: changes arrive late. ' +
    'Check the registry’s log and the network.',
  bootstrap_key:
    'The key of ADMIN_KEY is still valid, and it never ends. Make an owner’s key for each person with ' +
    'Admin keys, sign in with one, delete the key ADMIN_KEY there, and take ADMIN_KEY out of the secrets.',
  admin_key_without_end:
    'An admin key of an earlier release never ends. Make another in its place, and delete it.',
  quotas_not_counted:
    'Some tokens have a quota, and no usage shards are bound, so nothing is counted and no quota is used ' +
    'up. Bind USAGE, or take the quotas away.',
  webhook_undelivered: 'A webhook could not be delivered. Check the receiver and WEBHOOK_URL.',
};

/** To whoever signed in with the key of ADMIN_KEY. */
const OWN_KEY =
  'You are signed in with the key of ADMIN_KEY. It never ends, and the audit log cannot tell who used it.';

const SOON_SECONDS = 7 * 86_400;
const DAY_MS = 86_400_000;
/** Notices that call for action. @type {Record<string, string>} */
const TOLD = {
  'token.rotation_held': 'due to end, but kept because the successor is not in use',
  'token.predecessor_still_used': 'about to end and still in use',
  'token.successor_unfetched': 'replaced, but a job or page has not fetched the successor',
  'token.quota_exceeded': 'refused until its quota’s next period',
  'token.refused_origins': 'refused increasingly from sites that are not listed',
};

/** The counts read every row of the registry, so ask at most once a minute. */
const ASKED_EVERY_MS = 60_000;
/** @type {{ at: number, status: Status, ending: Page<Token>, notices: Page<Notice> } | null} */
let last = null;

/** The banner. It loads after the page, which does not wait for it. @param {AbortSignal} signal */
export function attention(signal) {
  const place = h('div');
  ask(signal).then(
    (found) => put(place, banner(found)),
    () => {
      // The view itself reports the error; a second message would not help.
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
  countingIs(status.usage.counting);
  last = { at: Date.now(), status, ending, notices };
  return last;
}

/** @param {{ status: Status, ending: Page<Token>, notices: Page<Notice> }} found */
function banner({ status, ending, notices }) {
  const count = ending.items.length;
  const items = status.warnings.map((code) =>
    h(
      'li',
      null,
      code === 'bootstrap_key' && who()?.bootstrap
        ? OWN_KEY
        : (STATUS_WARNINGS[code] ?? code.replaceAll('_', ' ')),
      ' ',
      code === 'bootstrap_key' && may('owner')
        ? h('a', { href: '#/keys?new=owner' }, 'Make an owner’s key')
        : h('a', { href: '#/revocation' }, 'Look'),
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
        `Changes take longer to arrive than the bound of ${status.bound.seconds} s; ` +
          'locations without a current list refuse requests. ',
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
