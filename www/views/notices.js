// Notices of the last 90 days: what happened to which tokens, and whether the webhook receiver accepted each
// notice.

import { get, post, query } from '../api.js';
import { counted } from '../counted.js';
import { h } from '../dom.js';
import { reload, to } from '../router.js';
import { exact, relative } from '../time.js';
import { badge } from '../ui/badge.js';
import { pageHead } from '../ui/head.js';
import { announce } from '../ui/notice.js';
import { may } from '../who.js';
import { attempt } from './token_calls.js';

/** @import { Notice, Page } from '../types.d.ts' */

/** @type {Record<string, string>} */
const WORDS = {
  'token.revoked': 'revoked',
  'token.rotated': 'rotated',
  'token.first_use': 'used for the first time',
  'token.expiring': 'will expire without a successor',
  'token.rotation_held': 'due to end, but kept because the successor is not in use',
  'token.predecessor_still_used': 'about to end, and still in use',
  'token.successor_unfetched': 'replaced, but a job or page has not fetched the successor',
  'token.unused': 'not used for 90 days',
  'token.usage_spike': 'used far more than usual',
  'token.quota_near': 'close to the end of its quota',
  'token.quota_exceeded': 'refused until its quota’s next period',
  'token.refused_origins': 'refused from sites that are not on its list',
};
/** Notices about the deployment, which name no token. @type {Record<string, string>} */
const OF_DEPLOYMENT = {
  'deployment.reports_missing': 'Requests were counted, but no location reported',
  'deployment.admin_key_expiring': 'Admin keys end',
  'deployment.webhook_test': 'Somebody tried the webhook',
};
const SHOWN = 5;

/** @param {import('../router.js').Place} place */
export async function view({ params, signal }) {
  const page = /** @type {Page<Notice>} */ (
    await get(`/notices${query({ cursor: params.get('cursor'), limit: 30 })}`, signal)
  );
  return h(
    'div',
    null,
    pageHead(
      'Notices',
      'Events that may need action, newest first, kept for 90 days. ' +
        'If WEBHOOK_URL is set, they are also sent as webhooks.',
      may('operator') && tryButton(),
    ),
    page.items.length === 0
      ? h(
          'div',
          { class: 'card empty' },
          h('h2', null, 'No notices'),
          h('p', null, 'When a token is revoked, replaced or about to end, a notice appears here.'),
        )
      : h('div', { class: 'card' }, h('ol', { class: 'events' }, page.items.map(entry))),
    (params.has('cursor') || page.next_cursor !== null) &&
      h(
        'nav',
        { class: 'pager bare', 'aria-label': 'Pages' },
        h('span'),
        h(
          'div',
          null,
          params.has('cursor') && h('a', { class: 'button', href: '#/notices' }, 'Newest'),
          page.next_cursor !== null &&
            h('a', { class: 'button', href: to(['notices'], { cursor: page.next_cursor }) }, 'Older'),
        ),
      ),
  );
}

/** Tries the receiver; the delivery of the notice that this makes is shown with it. */
function tryButton() {
  return h(
    'div',
    { class: 'buttons' },
    h(
      'button',
      {
        type: 'button',
        on: {
          click: () =>
            attempt(async () => {
              await post('/notices/test');
              announce('A webhook is being sent. Its notice says whether it was accepted.');
              reload();
            }),
        },
      },
      'Try the webhook',
    ),
  );
}

/** @param {Notice} notice */
function entry({ type, timestamp, data: { tokens, admin_keys: keys, within_days: days, since }, delivery }) {
  const words = WORDS[type] ?? OF_DEPLOYMENT[type] ?? type.replace(/^[a-z]+\./, '').replaceAll('_', ' ');
  const others = tokens.length - SHOWN;
  return h(
    'li',
    null,
    h(
      'p',
      null,
      tokens.length > 0 && h('strong', null, tokens.length === 1 ? '1 token ' : `${tokens.length} tokens `),
      words,
      since ? ` since ${exact(since)}` : null,
      days ? ` within ${days} days` : null,
      keys ? `: ${keys.map(({ id, label }) => `${label} (${id})`).join(', ')}` : null,
      ' ',
      sent(delivery),
    ),
    h(
      'p',
      { class: 'small' },
      tokens
        .slice(0, SHOWN)
        .flatMap((token, at) => [at > 0 && ', ', h('a', { href: to(['token', token.id]) }, token.label)]),
      others > 0 && ` and ${others} more`,
    ),
    h(
      'p',
      { class: 'muted small' },
      h('time', { datetime: timestamp, title: relative(timestamp) }, exact(timestamp)),
    ),
  );
}

/** @param {Notice['delivery']} delivery */
function sent(delivery) {
  if (delivery === null) return null;
  const why = delivery.error ? `: ${delivery.error.replaceAll('_', ' ')}` : '';
  if (delivery.state === 'delivered') return badge('Webhook delivered', 'good');
  return delivery.state === 'pending'
    ? badge(`Webhook tried ${counted(delivery.attempts, 'time')}${why}`, 'warn')
    : badge(`Webhook given up${why}`, 'bad');
}
