// The settings that the forms for a new token and for an edited one share.

import { h } from '../dom.js';
import { checkbox, choices, field, fieldValue, isChecked } from '../ui/form.js';
import { may } from '../who.js';
import { autoRotateField, readAutoRotate } from './auto_rotate_field.js';
import { originsField } from './origins_field.js';
import { quotaField, readQuota } from './quota_field.js';
import { hasScope, readScope, scopeFields } from './scope_fields.js';

/** @import { Configuration, Token } from '../types.d.ts' */

/**
 * @param {Partial<Token>} token the initial values
 * @param {Configuration} configuration
 * @param {AbortSignal} signal
 */
export function policyFields(token, configuration, signal) {
  const sites = originsField(token.origins, signal);
  const several = configuration.audiences.length > 1;
  const element = h(
    'div',
    { class: 'fields' },
    field({
      name: 'label',
      label: 'Label',
      hint: 'A name for people, such as the site or the customer.',
      control: text(token.label ?? '', { required: true }),
    }),
    field({
      name: 'owner',
      label: 'Owner (optional)',
      hint: 'Whom to ask about the token: a person, a team or an address.',
      control: text(token.owner ?? ''),
    }),
    sites.element,
    several && audiences(token.audiences ?? [], configuration.audiences),
    rate(token.rate ?? null, configuration.rate_classes),
    quotaField(token.quota ?? null),
    moreSettings(token),
  );
  return { element, read: (/** @type {HTMLFormElement} */ form) => read(form, sites.origins(), several) };
}

/** @param {Partial<Token>} token */
function moreSettings(token) {
  return h(
    'details',
    { open: isUnusual(token) },
    h('summary', null, 'More settings'),
    h(
      'div',
      { class: 'fields' },
      unlistedSite(token),
      unnamedSite(token),
      scopeFields(token),
      field({
        name: 'external_id',
        label: 'External id (optional)',
        hint: 'Your own id for the customer. The API receives it as Wayleave-External-Id.',
        control: text(token.external_id ?? ''),
      }),
      field({
        name: 'metadata',
        label: 'Metadata (optional)',
        hint: 'A JSON object with your own data, at most 4 kB.',
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
        hint:
          'Pages on its sites may fetch the family’s current token with client.js, so that they get the ' +
          'new token after a rotation automatically. Cannot be combined with every site.',
      }),
      autoRotateField(token.auto_rotate),
      may('owner') &&
        checkbox({
          name: 'protected',
          label: 'Protected',
          checked: token.protected ?? false,
          hint:
            'Only owners may change what it admits and how it ends. ' +
            'Nobody can revoke, disable or end it early until an owner removes the protection.',
        }),
    ),
  );
}

/** @param {Partial<Token>} token */
function unlistedSite(token) {
  return choices({
    name: 'origin_mode',
    legend: 'When a site is not on the list',
    value: token.origin_mode ?? 'enforce',
    choices: [
      { value: 'enforce', label: 'Refuse it', about: 'The page gets 403 origin_not_allowed.' },
      {
        value: 'report',
        label: 'Only count it',
        about:
          'For trying rules out: every request is admitted, and requests that the rules would refuse are ' +
          'counted.',
      },
    ],
  });
}

/** @param {Partial<Token>} token */
function unnamedSite(token) {
  return choices({
    name: 'missing_origin',
    legend: 'When a request names no site',
    value: token.missing_origin ?? 'refuse',
    choices: [
      {
        value: 'refuse',
        label: 'Refuse it',
        about:
          'Browsers name the site of a page. Requests without a site come from scripts, or from pages ' +
          'with Referrer-Policy: no-referrer.',
      },
      {
        value: 'allow',
        label: 'Admit it',
        about: 'For apps and servers. Any script can send such requests.',
      },
    ],
  });
}

/** @param {string} value @param {object} [more] */
const text = (value, more = {}) =>
  h('input', { type: 'text', value, autocomplete: 'off', maxlength: '200', ...more });

/** @param {string[]} chosen @param {string[]} all */
function audiences(chosen, all) {
  return h(
    'fieldset',
    { class: 'field', 'data-field': 'audiences' },
    h('legend', null, 'APIs that it may call'),
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
 * The field for the rate class. A token keeps a class that is no longer configured until another is chosen.
 * The API refuses such a class for a new token.
 * @param {string | null} chosen
 * @param {Configuration['rate_classes']} classes
 */
function rate(chosen, classes) {
  const options = [['', 'No limit'], ...classes.map((one) => [one.name, `${one.name}: ${rateWords(one)}`])];
  if (chosen !== null && !classes.some(({ name }) => name === chosen))
    options.push([chosen, `${chosen}: no longer configured, so no limit`]);
  const hint =
    classes.length === 0
      ? 'No rate class is configured, so requests with a token are not limited. ' +
        'RATES in wrangler.toml configures rate classes.'
      : 'How often it may be used before requests get 429. ' +
        'Requests that are refused for another reason are not counted.';
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
  const inAll = total === null ? '' : `, ${number(total)} in all`;
  return `${number(requests)} requests in ${seconds} s from one address${inAll}`;
}

/** @param {Partial<Token>} token */
function isUnusual(token) {
  return (
    token.origin_mode === 'report' ||
    token.missing_origin === 'allow' ||
    Boolean(token.external_id ?? token.metadata) ||
    token.protected === true ||
    token.distribute === true ||
    Boolean(token.auto_rotate) ||
    hasScope(token)
  );
}

/**
 * The values of the fields in the API's form.
 * @param {HTMLFormElement} form
 * @param {'any' | string[]} origins
 * @param {boolean} several
 */
function read(form, origins, several) {
  const optional = (/** @type {string} */ name) => fieldValue(form, name).trim() || null;
  return {
    label: fieldValue(form, 'label'),
    owner: optional('owner'),
    external_id: optional('external_id'),
    metadata: jsonOf(fieldValue(form, 'metadata').trim()),
    ...readScope(form, jsonOf),
    origins,
    distribute: isChecked(form, 'distribute'),
    origin_mode: fieldValue(form, 'origin_mode'),
    missing_origin: fieldValue(form, 'missing_origin'),
    rate: fieldValue(form, 'rate') || null,
    quota: readQuota(form),
    auto_rotate: readAutoRotate(form),
    ...(several && {
      audiences: [...form.querySelectorAll('input[name=audience]:checked')].map(
        (box) => /** @type {HTMLInputElement} */ (box).value,
      ),
    }),
    ...(may('owner') && { protected: isChecked(form, 'protected') }),
  };
}

/**
 * Text that is not JSON is sent as it is: the API's error then appears next to the field.
 * @param {string} text
 */
function jsonOf(text) {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
