// A new token, with default settings or with those of another token. The page then shows it, with code to
// paste.

import { get, post } from '../api.js';
import { h, put } from '../dom.js';
import { to } from '../router.js';
import { relative } from '../time.js';
import { copyable } from '../ui/copy.js';
import { form } from '../ui/form.js';
import { pageHead } from '../ui/head.js';
import { announce } from '../ui/notice.js';
import { lifeField, lifetime } from './life_field.js';
import { configuration, policyFields } from './policy_fields.js';

/** @import { Configuration, Token } from '../types.d.ts' */
/** @import { Place } from '../router.js' */

/** @param {Place} place */
export async function view({ params, signal }) {
  const source = params.get('clone');
  const [settings, original] = await Promise.all([
    configuration(signal),
    source ? /** @type {Promise<Token>} */ (get(`/tokens/${encodeURIComponent(source)}`, signal)) : null,
  ]);
  const policy = policyFields(original ? { ...original, label: '', protected: false } : {}, settings, signal);
  // The idempotency key of this form: a retry after a lost response returns the same token.
  const once = crypto.randomUUID();
  const page = h(
    'div',
    null,
    h('p', { class: 'crumbs' }, h('a', { href: '#/tokens' }, 'Tokens')),
    pageHead(
      original ? `New token like “${original.label}”` : 'New token',
      original
        ? 'It starts with the same settings. Change what should differ.'
        : 'Create one for each site or customer, so that you can end one without the others.',
    ),
    h(
      'div',
      { class: 'card' },
      form(
        {
          submit: 'Create token',
          cancel: () => history.back(),
          send: async (form) => {
            const made = /** @type {Token & { token: string }} */ (
              await post('/tokens', { ...policy.read(form), ...lifetime(form) }, { once })
            );
            put(page, created(made, settings));
            const heading = /** @type {HTMLElement} */ (page.querySelector('h1'));
            heading.setAttribute('tabindex', '-1');
            heading.focus();
            announce('The token was created.');
          },
        },
        policy.element,
        lifeField(settings),
      ),
    ),
  );
  return page;
}

/** @param {Token & { token: string }} token @param {Configuration} settings */
export function created(token, settings) {
  return h(
    'div',
    null,
    h('p', { class: 'crumbs' }, h('a', { href: '#/tokens' }, 'Tokens')),
    h(
      'div',
      { class: 'head' },
      h(
        'div',
        null,
        h('h1', null, `“${token.label}” is ready`),
        h(
          'p',
          null,
          `It works everywhere from now on, and ends ${relative(token.expires_at)}. ` +
            'You can show it again at any time.',
        ),
      ),
      h(
        'div',
        { class: 'buttons' },
        h('a', { class: 'button', href: to(['token', token.id]) }, 'Open its page'),
        h('a', { class: 'button', href: '#/tokens' }, 'All tokens'),
      ),
    ),
    h('div', { class: 'card' }, h('h2', null, 'The token'), copyable(token.token, 'The token')),
    h(
      'div',
      { class: 'card stack' },
      h('h2', null, 'Use it'),
      snippets(token.token, token, settings).map(({ title, text }) =>
        h('div', null, h('h3', null, title), copyable(text, title)),
      ),
    ),
  );
}

/** @param {string} text @param {Token} token @param {Configuration} settings */
function snippets(text, token, settings) {
  const route =
    settings.routes.find(({ audience }) => token.audiences.includes(audience)) ?? settings.routes[0];
  const address = `https://${route?.host ?? 'api.example.com'}${route?.path || '/'}`;
  const origin = Array.isArray(token.origins) ? token.origins.find((rule) => !rule.includes('*')) : undefined;
  const from = origin ? ` -H 'Origin: ${origin}'` : '';
  return [
    { title: 'In a script', text: `fetch('${address}', { headers: { Authorization: 'Bearer ${text}' } })` },
    { title: 'In a <script> or <img>', text: `<script src="${address}?token=${text}"></script>` },
    {
      title: 'From a terminal',
      text: `curl -i '${address}' -H 'Authorization: Bearer ${text}'${from}`,
    },
  ];
}
