// The settings that a new token and an edited one have in common.

import { get } from '../api.js';
import { h } from '../dom.js';
import { checkbox, choices, field, isChecked, valueOf } from '../ui/form.js';
import { may } from '../who.js';
import { originsField } from './origins_field.js';

/** @import { Configuration, Token } from '../types.d.ts' */

/** @param {AbortSignal} signal @returns {Promise<Configuration>} */
export const configuration = (signal) => get('/configuration', signal);

/**
 * @param {Partial<Token>} token where the fields begin
 * @param {Configuration} configuration
 * @param {AbortSignal} signal
 */
export function policyFields(token, configuration, signal) {
  const sites = originsField(token.origins, signal);
  const text = (/** @type {string} */ value, /** @type {object} */ more = {}) =>
    h('input', { type: 'text', value, autocomplete: 'off', maxlength: '200', ...more });
  const several = configuration.audiences.length > 1;
  const element = h(
    'div',
    { class: 'fields' },
    field({
      name: 'label',
      label: 'Label',
      hint: 'What people call it: the site or customer.',
      control: text(token.label ?? '', { required: true }),
    }),
    field({
      name: 'owner',
      label: 'Owner (optional)',
      hint: 'Who to ask about it: a person, a team, an address.',
      control: text(token.owner ?? ''),
    }),
    sites.element,
    several && audiences(token.audiences ?? [], configuration.audiences),
    rate(token.rate ?? null, configuration.rate_classes),
    h(
      'details',
      { open: isUnusual(token) },
      h('summary', null, 'More settings'),
      h(
        'div',
        { class: 'fields' },
        choices({
          name: 'origin_mode',
          legend: 'When a site is not on the list',
          value: token.origin_mode ?? 'enforce',
          choices: [
            { value: 'enforce', label: 'Refuse it', about: 'The page gets 403 origin_not_allowed.' },
            {
              value: 'report',
              label: 'Only count it',
              about:
                'For trying rules out: everything is let in, and what would have been refused is counted.',
            },
          ],
        }),
        choices({
          name: 'missing_origin',
          legend: 'When a request names no site',
          value: token.missing_origin ?? 'refuse',
          choices: [
            {
              value: 'refuse',
              label: 'Refuse it',
              about:
                'Pages in browsers name their site; what does not is a script, or a page with Referrer-Policy: no-referrer.',
            },
            {
              value: 'allow',
              label: 'Let it in',
              about: 'For apps and servers. Any script can call like that.',
            },
          ],
        }),
        field({
          name: 'external_id',
          label: 'External id (optional)',
          hint: 'Your own id for the customer; the API behind gets it as Wayleave-External-Id.',
          control: text(token.external_id ?? ''),
        }),
        field({
          name: 'metadata',
          label: 'Metadata (optional)',
          hint: 'A JSON object of your own, at most 4 kB.',
          control: h('textarea', {
            rows: '3',
            spellcheck: 'false',
            value: token.metadata ? JSON.stringify(token.metadata, null, 2) : '',
          }),
        }),
        checkbox({
          name: 'distribute',
          label: 'Distribute',
          checked: token.distribute ?? false,
          hint: 'Pages on its sites may fetch the family’s current token by client.js, so that a rotation reaches them by itself. Not together with every site.',
        }),
        may('owner') &&
          checkbox({
            name: 'protected',
            label: 'Protected',
            checked: token.protected ?? false,
            hint: 'It cannot be revoked or disabled until an owner takes this away.',
          }),
      ),
    ),
  );
  return { element, read: (/** @type {HTMLFormElement} */ form) => read(form, sites.origins(), several) };
}

/** @param {string[]} chosen @param {string[]} all */
function audiences(chosen, all) {
  return h(
    'fieldset',
    { class: 'field', 'data-field': 'audiences' },
    h('legend', null, 'APIs it is for'),
    all.map((name) =>
      h(
        'div',
        { class: 'choice' },
        h(
          'label',
          null,
          h('input', { type: 'checkbox', name: 'audience', value: name, checked: chosen.includes(name) }),
          h('span', null, name),
        ),
      ),
    ),
    h('p', { class: 'error' }),
  );
}

/**
 * A class that is not configured any more stays what it is until another is chosen: the API refuses it for a new token.
 * @param {string | null} chosen @param {Configuration['rate_classes']} classes
 */
function rate(chosen, classes) {
  const options = [['', 'No limit'], ...classes.map((one) => [one.name, `${one.name}: ${rateWords(one)}`])];
  if (chosen !== null && !classes.some(({ name }) => name === chosen))
    options.push([chosen, `${chosen}: not configured any more, so no limit`]);
  const hint =
    classes.length === 0
      ? 'No rate class is configured, so that a token can be used as often as anybody likes. RATES in wrangler.toml sets them up.'
      : 'How often it may be used before requests get 429. What a site is refused for another reason is not counted.';
  return field({
    name: 'rate',
    label: 'Rate',
    hint,
    control: h(
      'select',
      null,
      options.map(([value, text]) => h('option', { value, selected: value === (chosen ?? '') }, text)),
    ),
  });
}

/** @param {Configuration['rate_classes'][number]} one */
export function rateWords({ requests, token_requests: total, per_seconds: seconds }) {
  const number = (/** @type {number} */ value) => value.toLocaleString('en');
  return `${number(requests)} requests in ${seconds} s from one address${total === null ? '' : `, ${number(total)} in all`}`;
}

/** @param {Partial<Token>} token */
function isUnusual(token) {
  return (
    token.origin_mode === 'report' ||
    token.missing_origin === 'allow' ||
    Boolean(token.external_id ?? token.metadata) ||
    token.protected === true ||
    token.distribute === true
  );
}

/** What the fields say, as the API takes it. @param {HTMLFormElement} form @param {'any' | string[]} origins @param {boolean} several */
function read(form, origins, several) {
  const optional = (/** @type {string} */ name) => valueOf(form, name).trim() || null;
  return {
    label: valueOf(form, 'label'),
    owner: optional('owner'),
    external_id: optional('external_id'),
    metadata: metadata(valueOf(form, 'metadata').trim()),
    origins,
    distribute: isChecked(form, 'distribute'),
    origin_mode: valueOf(form, 'origin_mode'),
    missing_origin: valueOf(form, 'missing_origin'),
    rate: valueOf(form, 'rate') || null,
    ...(several && {
      audiences: [...form.querySelectorAll('input[name=audience]:checked')].map(
        (box) => /** @type {HTMLInputElement} */ (box).value,
      ),
    }),
    ...(may('owner') && { protected: isChecked(form, 'protected') }),
  };
}

/** What is not JSON goes to the API as text: it says what is wrong, next to the field. @param {string} text */
function metadata(text) {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
