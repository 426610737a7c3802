// A new token: from nothing, or from another one's settings. It is shown at once, with what to paste.

import { get, post } from '../api.js';
import { h, put } from '../dom.js';
import { to } from '../router.js';
import { duration, fromLocalInput, relative, toLocalInput } from '../time.js';
import { copyable } from '../ui/copy.js';
import { field, form, valueOf } from '../ui/form.js';
import { announce } from '../ui/notice.js';
import { configuration, policyFields } from './policy_fields.js';

/** @import { Configuration, Token } from '../types.d.ts' */
/** @import { Place } from '../router.js' */

const DAY = 86_400;
const PRESETS = [1, 7, 30, 90, 365, 730];
const PRESET_DAYS = 30;

/** @param {Place} place */
export async function view({ params, signal }) {
  const source = params.get('clone');
  const [settings, original] = await Promise.all([
    configuration(signal),
    source ? /** @type {Promise<Token>} */ (get(`/tokens/${encodeURIComponent(source)}`, signal)) : null,
  ]);
  const policy = policyFields(original ? { ...original, label: '', protected: false } : {}, settings, signal);
  // One act, however often it is sent: a retry after a lost answer gives the same token.
  const once = crypto.randomUUID();
  const page = h('div', null,
    h('p', { class: 'crumbs' }, h('a', { href: '#/tokens' }, 'Tokens')),
    h('div', { class: 'head' }, h('div', null,
      h('h1', null, original ? `New token like “${original.label}”` : 'New token'),
      h('p', null, original ? 'It starts with the same settings; change what differs.' : 'A token for one site or customer, so that one can end without the others.'))),
    h('div', { class: 'card' }, form({
      submit: 'Create token', cancel: () => history.back(),
      send: async (form) => {
        const made = /** @type {Token & { token: string }} */ (await post('/tokens', { ...policy.read(form), ...lifetime(form) }, { once }));
        put(page, created(made, settings));
        const heading = /** @type {HTMLElement} */ (page.querySelector('h1'));
        heading.setAttribute('tabindex', '-1');
        heading.focus();
        announce('The token was created.');
      },
    }, policy.element, endField(settings))));
  return page;
}

/** @param {Configuration} settings */
function endField(settings) {
  const longest = settings.max_token_lifetime_seconds;
  const date = h('input', { type: 'datetime-local', min: toLocalInput(new Date(Date.now() + 60_000).toISOString()), max: toLocalInput(new Date(Date.now() + longest * 1000).toISOString()) });
  const by = field({ name: 'expires_at', label: 'Ends at', control: date });
  by.hidden = true;
  const presets = PRESETS.filter((days) => days * DAY <= longest).map((days) => preset(String(days * DAY), days === 1 ? '1 day' : days === 365 ? '1 year' : days === 730 ? '2 years' : `${days} days`, days === PRESET_DAYS));
  const chosen = h('div', { class: 'presets', on: { change: (/** @type {Event} */ event) => { by.hidden = /** @type {HTMLInputElement} */ (event.target).value !== 'date'; } } },
    presets, preset('date', 'A date', false));
  return h('fieldset', { class: 'field', 'data-field': 'expires_in' },
    h('legend', null, 'How long it lives'),
    h('p', { class: 'hint' }, `The end is signed into the token and cannot be changed later; an earlier end can be set at any time. 1 to 30 days suit pages that are deployed often. At most ${duration(longest)}.`),
    chosen, h('p', { class: 'error' }), by);
}

/** @param {string} value @param {string} label @param {boolean} checked */
function preset(value, label, checked) {
  return h('label', null, h('input', { type: 'radio', name: 'life', value, checked }), label);
}

/** @param {HTMLFormElement} form */
function lifetime(form) {
  const life = valueOf(form, 'life');
  return life === 'date' ? { expires_at: fromLocalInput(valueOf(form, 'expires_at')) ?? '' } : { expires_in: Number(life) };
}

/** @param {Token & { token: string }} token @param {Configuration} settings */
function created(token, settings) {
  return h('div', null,
    h('p', { class: 'crumbs' }, h('a', { href: '#/tokens' }, 'Tokens')),
    h('div', { class: 'head' },
      h('div', null, h('h1', null, `“${token.label}” is ready`), h('p', null, `It works now, everywhere, and ends ${relative(token.expires_at)}. You can show it again at any time.`)),
      h('div', { class: 'buttons' }, h('a', { class: 'button', href: to(['token', token.id]) }, 'Its page'), h('a', { class: 'button', href: '#/tokens' }, 'All tokens'))),
    h('div', { class: 'card' }, h('h2', null, 'The token'), copyable(token.token, 'The token')),
    h('div', { class: 'card stack' }, h('h2', null, 'Use it'),
      snippets(token.token, token, settings).map(({ title, text }) => h('div', null, h('h3', null, title), copyable(text, title)))));
}

/** @param {string} text @param {Token} token @param {Configuration} settings */
function snippets(text, token, settings) {
  const route = settings.routes.find(({ audience }) => token.audiences.includes(audience)) ?? settings.routes[0];
  const address = `https://${route?.host ?? 'api.example.com'}${route?.path || '/'}`;
  const origin = Array.isArray(token.origins) ? token.origins.find((rule) => !rule.includes('*')) : undefined;
  return [
    { title: 'In a script', text: `fetch('${address}', { headers: { Authorization: 'Bearer ${text}' } })` },
    { title: 'In a <script> or <img>', text: `<script src="${address}?token=${text}"></script>` },
    { title: 'From a terminal', text: `curl -i '${address}' -H 'Authorization: Bearer ${text}'${origin ? ` -H 'Origin: ${origin}'` : ''}` },
  ];
}
