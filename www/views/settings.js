// The configuration, to be read. It is changed where the Worker is deployed. Secrets are not here: the API does not give them.

import { h } from '../dom.js';
import { duration } from '../time.js';
import { badge } from '../ui/badge.js';
import { table } from '../ui/table.js';
import { configuration, rateWords } from './policy_fields.js';

/** @param {import('../router.js').Place} place */
export async function view({ signal }) {
  const settings = await configuration(signal);
  const list = (/** @type {string[]} */ items, /** @type {string} */ none) =>
    items.length === 0
      ? h('span', { class: 'muted' }, none)
      : h(
          'ul',
          null,
          items.map((item) => h('li', null, h('code', null, item))),
        );
  return h(
    'div',
    null,
    h(
      'div',
      { class: 'head' },
      h(
        'div',
        null,
        h('h1', null, 'Settings'),
        h(
          'p',
          null,
          'As this deployment is configured. They are changed in wrangler.toml (or the environment of a self-hosted process) and deployed.',
        ),
      ),
    ),
    h(
      'section',
      { class: 'card' },
      h('h2', null, 'Routes'),
      table(
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
              `${route.timeout_seconds} s`,
            ],
          },
        ],
        settings.routes,
      ),
    ),
    h(
      'div',
      { class: 'columns even' },
      h(
        'section',
        { class: 'card' },
        h('h2', null, 'Revocation'),
        h(
          'dl',
          { class: 'facts' },
          fact('Bound', `${settings.revocation_bound_seconds} s`),
          fact(
            'When a location cannot know',
            settings.on_unknown === 'admit' ? badge('let in: not guaranteed', 'bad') : 'refuse',
          ),
          fact(
            'Heartbeat',
            settings.heartbeat_seconds === 0
              ? 'off'
              : `every ${settings.heartbeat_seconds} s while there is traffic`,
          ),
        ),
      ),
      h(
        'section',
        { class: 'card' },
        h('h2', null, 'Tokens'),
        h(
          'dl',
          { class: 'facts' },
          fact('Longest life', duration(settings.max_token_lifetime_seconds)),
          fact('Kept after their end', `${settings.retention_days} days`),
          fact('App schemes', list(settings.app_schemes, 'none')),
        ),
      ),
    ),
    h(
      'section',
      { class: 'card' },
      h('h2', null, 'Rate classes'),
      settings.rate_classes.length === 0
        ? h('p', { class: 'muted' }, 'None: tokens are not limited. RATES sets them up.')
        : table(
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
                        ` There is no binding RATE_${one.name.toUpperCase()}: a location admits a multiple.`,
                      ],
              },
            ],
            settings.rate_classes,
          ),
    ),
    h(
      'section',
      { class: 'card' },
      h('h2', null, 'Access'),
      h(
        'dl',
        { class: 'facts' },
        fact('Deployment', h('code', null, settings.deployment)),
        fact('Where requests carry tokens', list(settings.credential_sources, 'nowhere')),
        fact(
          'Webhooks go to',
          settings.webhook_origin === null
            ? h('span', { class: 'muted' }, 'nobody: WEBHOOK_URL is not set')
            : h('code', null, settings.webhook_origin),
        ),
        fact(
          'Location',
          settings.location === null
            ? h('span', { class: 'muted' }, 'as the platform says')
            : h('code', null, settings.location),
        ),
        fact('Control hosts', list(settings.control_hosts, 'none: this console is on loopback only')),
      ),
    ),
  );
}

/** @param {string} name @param {import('../dom.js').Child} value */
const fact = (name, value) => [h('dt', null, name), h('dd', null, value)];
