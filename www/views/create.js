// A new token, with default settings or with those of another token. The page then shows it, with code to
// paste.

import { get, post } from '../api.js';
import { h } from '../dom.js';
import { back, go, reload, to } from '../router.js';
import { relative } from '../time.js';
import { copyable } from '../ui/copy.js';
import { form } from '../ui/form.js';
import { pageHead } from '../ui/head.js';
import { announce } from '../ui/notice.js';
import { configuration } from './configuration.js';
import { firstRequest } from './first_request.js';
import { remember } from './just_made.js';
import { asConfigured, asOriginal, lifeField, lifetime } from './life_field.js';
import { policyFields } from './policy_fields.js';
import { useIt } from './use_it.js';

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
  const life = lifeField(settings, original ? asOriginal(original) : asConfigured(settings));
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
      // The default lifetime depends on the audiences.
      { class: 'card', on: { change: () => life.dispatchEvent(new Event('change')) } },
      form(
        {
          submit: 'Create token',
          cancel: () => back(source ? to(['token', source]) : '#/tokens'),
          send: async (form) => {
            const made = /** @type {Token & { token: string }} */ (
              await post('/tokens', { ...policy.read(form), ...lifetime(form) }, { once })
            );
            remember(made);
            const page = to(['token', made.id]);
            // Who has gone elsewhere meanwhile stays there.
            if (signal.aborted) {
              announce('The token was created.', { action: { label: 'Show it', act: () => go(page) } });
              return;
            }
            // The address is the token's from now on, so that reload and Back work.
            go(page, { replace: true });
            announce('The token was created.');
          },
        },
        policy.element,
        life,
      ),
    ),
  );
  return page;
}

/**
 * A token that was just made, with its text.
 * @param {Token & { token: string }} token
 * @param {Configuration} settings
 * @param {AbortSignal} signal
 */
export function created(token, settings, signal) {
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
        // The address is that page's already, so following it would change nothing.
        h('a', { class: 'button', href: to(['token', token.id]), on: { click: reload } }, 'Open its page'),
        h('a', { class: 'button', href: '#/tokens' }, 'All tokens'),
      ),
    ),
    h('div', { class: 'card' }, h('h2', null, 'The token'), copyable(token.token, 'The token')),
    firstRequest(token, signal),
    useIt(token, settings, token.token),
  );
}
