// The configuration, read-only: it changes with a deployment. The API never returns secrets.

import { h } from '../dom.js';
import { duration } from '../time.js';
import { badge } from '../ui/badge.js';
import { fact, facts } from '../ui/facts.js';
import { pageHead } from '../ui/head.js';
import { table } from '../ui/table.js';
import { may } from '../who.js';
import { configuration } from './configuration.js';
import { rateWords } from './policy_fields.js';

/** @import { Configuration } from '../types.d.ts' */

/** @param {import('../router.js').Place} place */
export async function view({ signal }) {
  const settings = await configuration(signal);
  return h(
    'div',
    null,
    pageHead(
      'Settings',
      'The configuration of this deployment. To change it, edit wrangler.toml (or the environment of a ' +
        'self-hosted process) and deploy.',
    ),
    h(
      'nav',
      { class: 'buttons', 'aria-label': 'More settings' },
      h('a', { class: 'button', href: '#/licences' }, 'Licences and owners'),
      may('owner') && h('a', { class: 'button', href: '#/signing-keys' }, 'Signing keys'),
    ),
    card('Routes', routes(settings)),
    h(
      'div',
      { class: 'columns even' },
      card('Revocation', revocation(settings)),
      card('Tokens', tokens(settings)),
    ),
    card('Rate classes', rateClasses(settings)),
    card('Access', access(settings)),
  );
}

/** @param {Configuration} settings */
function routes({ routes }) {
  return table(
    'Routes',
    [
      {
        name: 'API',
        cell: (route) =>
          route.host === null && route.path === ''
            ? 'everything'
            : h('code', null, `${route.host ?? '*'}${route.path || '/'}`),
      },
      { name: 'Upstream', cell: (route) => h('code', null, route.upstream) },
      { name: 'Audience', cell: (route) => route.audience },
      {
        name: 'Options',
        cell: (route) => [
          route.anonymous && badge('anonymous', 'warn'),
          ' ',
          route.credentials && badge('credentials'),
          ' ',
          route.shared_cache && badge('shared cache'),
          ' ',
          route.forwarded_headers === 'pass' && badge('passes X-Forwarded', 'warn'),
          ' ',
          `${route.timeout_seconds} s`,
          route.credential_sources &&
            h('span', { class: 'small' }, ` token: ${route.credential_sources.join(', ')}`),
        ],
      },
    ],
    routes,
  );
}

/** @param {Configuration} settings */
function revocation({
  revocation_bound_seconds: bound,
  on_unknown: onUnknown,
  heartbeat_seconds: heartbeat,
  push_seconds: push,
  silent_wait_ms: silentWait,
  relays,
}) {
  return facts(
    fact('Bound', `${bound} s`),
    fact('Without a current list', onUnknown === 'admit' ? badge('admit: not guaranteed', 'bad') : 'refuse'),
    fact('Heartbeat', heartbeat === 0 ? 'off' : `every ${heartbeat} s while there is traffic`),
    fact(
      'Push',
      push === 0
        ? 'off'
        : `on; a request waits ${push} s for changes, the first of a quiet isolate at most ${silentWait} ms`,
    ),
    fact('Relays', relays === 0 ? 'none' : `${relays} for each part of the world`),
  );
}

/** @param {Configuration} settings */
function tokens(settings) {
  return facts(
    fact('Longest lifetime', duration(settings.max_token_lifetime_seconds)),
    fact('Default lifetime', duration(settings.default_token_lifetime_seconds)),
    fact('Kept after the end', `${settings.retention_days} days`),
    fact('In metrics one by one', `${settings.metrics_tokens_max} tokens at most`),
    fact('App schemes', list(settings.app_schemes, 'none')),
  );
}

/** @param {Configuration} settings */
function rateClasses({ rate_classes: classes }) {
  if (classes.length === 0)
    return h('p', { class: 'muted' }, 'None: tokens are not limited. RATES configures rate classes.');
  return table(
    'Rate classes',
    [
      { name: 'Class', cell: (one) => h('code', null, one.name) },
      { name: 'Limit', cell: rateWords },
      {
        name: 'Counted',
        cell: (one) =>
          one.counted_by === 'binding'
            ? 'for a whole location'
            : [
                badge('by each isolate', 'warn'),
                ` There is no binding RATE_${one.name.toUpperCase()}: a location admits more than that.`,
              ],
      },
    ],
    classes,
  );
}

/** @param {Configuration} settings */
function access(settings) {
  return facts(
    fact('Deployment', h('code', null, settings.deployment)),
    fact(
      'Gateway',
      settings.gateway_origin === null
        ? h('span', { class: 'muted' }, 'GATEWAY_ORIGIN is not set')
        : h('code', null, settings.gateway_origin),
    ),
    fact('Places for tokens in requests', list(settings.credential_sources, 'nowhere')),
    fact(
      'Webhooks are sent to',
      settings.webhook_origin === null
        ? h('span', { class: 'muted' }, 'none: WEBHOOK_URL is not set')
        : h('code', null, settings.webhook_origin),
    ),
    fact(
      'Location',
      settings.location === null
        ? h('span', { class: 'muted' }, 'set by the platform')
        : h('code', null, settings.location),
    ),
    fact('Control hosts', list(settings.control_hosts, 'none: this console is on loopback only')),
  );
}

/** @param {string} title @param {HTMLElement} content */
const card = (title, content) => h('section', { class: 'card' }, h('h2', null, title), content);

/** @param {string[]} items @param {string} none what to say when there are none */
function list(items, none) {
  if (items.length === 0) return h('span', { class: 'muted' }, none);
  return h(
    'ul',
    null,
    items.map((item) => h('li', null, h('code', null, item))),
  );
}
