// The filters of the list of tokens: their controls, their words, and their place in the address.

import { h, put, uniqueId } from '../dom.js';
import { chip } from '../ui/chip.js';
import { siteIn, whySecret, withoutSecrets } from './pasted.js';

/** @import { Configuration } from '../types.d.ts' */

/** @typedef {Record<string, string>} Filters by the names of GET /tokens; `q` is what somebody typed */

/** Every filter that an address may have. */
export const FILTERS = [
  'q',
  'state',
  'expiring_within_seconds',
  'unused_for_seconds',
  'origin',
  'owner',
  'audience',
  'rate',
  'key_id',
  'warning',
  'has_successor',
  'external_id',
  'family',
];

/** @type {[string, string][]} */
const STATES = [
  ['', 'Any'],
  ['active', 'Active'],
  ['disabled', 'Disabled'],
  ['revoked', 'Revoked'],
  ['expired', 'Expired'],
];
/** @type {[string, string][]} */
const UNUSED = [
  ['', 'Any'],
  ['604800', 'Not for 7 days'],
  ['2592000', 'Not for 30 days'],
  ['7776000', 'Not for 90 days'],
];
/** @type {[string, string][]} */
const EXPIRING = [
  ['', 'Any'],
  ['86400', 'Within a day'],
  ['604800', 'Within 7 days'],
  ['2592000', 'Within 30 days'],
];
/** Short names of warnings; badge.js explains each. @type {[string, string][]} */
const WARNINGS = [
  ['', 'Any'],
  ['origin_any', 'Every site'],
  ['report_mode', 'Report mode'],
  ['missing_origin_allowed', 'No origin needed'],
  ['unused', 'Unused for 90 days'],
  ['rotation_overdue', 'Rotation overdue'],
  ['long_lived', 'Longer than a year'],
  ['ends_though_protected', 'Ends though protected'],
  ['http_origin', 'Plain http'],
  ['public_suffix_rule', 'Public suffix'],
  ['shared_host', 'Shared host'],
  ['suffix_host', 'A host of others'],
  ['wildcard_below_customer', 'Wildcard below a customer'],
  ['word_as_host', 'A word as host'],
  ['single_label_host', 'Host without a dot'],
  ['every_installation', 'Every installation'],
  ['one_installation', 'One installation'],
  ['extension_id_form', 'Wrong extension id'],
  ['loopback_https', 'https on this machine'],
  ['address_https', 'https on an address'],
  ['port_of_other_scheme', 'Port of another scheme'],
  ['international_name', 'International name'],
  ['scope_report_mode', 'Scope in report mode'],
  ['scope_without_route', 'Scope without a route'],
];

/** @param {[string, string][]} options @param {string} value */
const named = (options, value) => options.find(([option]) => option === value)?.[1] ?? value;
const days = (/** @type {string} */ seconds) => `${Math.round(Number(seconds) / 86_400)} days`;

/** Each filter in words. @type {Record<string, (value: string) => string>} */
const WORDS = {
  q: (value) => `Search: ${value}`,
  state: (value) => `State: ${named(STATES, value)}`,
  expiring_within_seconds: (value) =>
    EXPIRING.some(([option]) => option === value)
      ? `Expires: ${named(EXPIRING, value).toLowerCase()}`
      : `Expires: within ${days(value)}`,
  unused_for_seconds: (value) => `Used: not for ${days(value)}`,
  origin: (value) => `Site: ${value}`,
  owner: (value) => `Owner: ${value}`,
  audience: (value) => `For ${value}`,
  rate: (value) => `Rate class: ${value}`,
  key_id: (value) => `Signing key: ${value}`,
  warning: (value) => `Warning: ${named(WARNINGS, value)}`,
  has_successor: (value) => (value === 'true' ? 'With a successor' : 'Without a successor'),
  external_id: (value) => `External id: ${value}`,
  family: (value) => `Family: ${value}`,
};

/**
 * The filters of an address. The search is read later (pasted.js); others that have a secret in them are
 * dropped.
 * @param {URLSearchParams} params
 * @returns {Filters}
 */
export function filtersOf(params) {
  const { q, ...others } = Object.fromEntries(FILTERS.map((name) => [name, params.get(name) ?? '']));
  return { q, ...withoutSecrets({ ...others, origin: siteIn(others.origin) }) };
}

/** Those that hold. @param {Filters} filters */
export const given = (filters) => FILTERS.filter((name) => (filters[name] ?? '') !== '');

/**
 * Filters as a bulk call takes them.
 * @param {Filters} filters
 * @returns {Record<string, string | number | boolean>}
 */
export function asJson(filters) {
  const held = Object.entries(filters).filter(([, value]) => value !== '');
  return Object.fromEntries(
    held.map(([name, value]) => {
      if (name === 'has_successor') return [name, value === 'true'];
      return [name, NUMBERS.includes(name) ? Number(value) : value];
    }),
  );
}

const NUMBERS = ['expiring_within_seconds', 'unused_for_seconds', 'key_id'];

/** A filter in words. @param {string} name @param {string} value */
export const inWords = (name, value) => WORDS[name]?.(value) ?? `${name}: ${value}`;

/**
 * A chip for each filter that holds.
 * @param {HTMLElement} place
 * @param {Filters} filters
 * @param {(name: string) => void} removed
 */
export function showChips(place, filters, removed) {
  const names = given(filters);
  place.hidden = names.length === 0;
  put(
    place,
    names.map((name) => chip(inWords(name, filters[name]), () => removed(name))),
    names.length > 1 &&
      h('button', { type: 'button', class: 'quiet', on: { click: () => removed('') } }, 'Remove all filters'),
  );
}

/**
 * `said`: where a fault is shown.
 * @typedef {{ name: string, control: HTMLInputElement | HTMLSelectElement, place: HTMLElement, said?:
 *   HTMLElement }} Filter
 */

/**
 * The controls beside the search. `changed` is called when the user has chosen.
 * @param {Filters} filters
 * @param {() => void} changed
 * @returns {Filter[]}
 */
export function mainFilters(filters, changed) {
  return [
    choice('state', 'State', filters, STATES, changed),
    choice('expiring_within_seconds', 'Expires', filters, EXPIRING, changed),
    choice('unused_for_seconds', 'Used', filters, UNUSED, changed),
  ];
}

/**
 * The controls that are needed less often.
 * @param {Filters} filters
 * @param {Configuration} settings
 * @param {() => void} changed
 * @returns {Filter[]}
 */
export function moreFilters(filters, settings, changed) {
  const choices = (/** @type {string[]} */ names) =>
    /** @type {[string, string][]} */ ([['', 'Any'], ...names.map((name) => [name, name])]);
  return [
    typed('origin', 'Site', filters, changed, 'https://shop.example'),
    typed('owner', 'Owner, exactly', filters, changed),
    choice('audience', 'Audience', filters, choices(settings.audiences), changed),
    choice('rate', 'Rate class', filters, choices(settings.rate_classes.map(({ name }) => name)), changed),
    typed('key_id', 'Signing key', filters, changed, 'its number'),
    choice('warning', 'Warning', filters, WARNINGS, changed),
  ];
}

/**
 * What the control says, as it may stand in an address: of a site its origin, and nothing that has a token
 * or a key in it. Then the control says why.
 * @param {Filter} filter
 */
export function chosenIn({ name, control, said }) {
  const typed = control.value.trim();
  const value = name === 'origin' ? siteIn(typed) : typed;
  const why = whySecret(value);
  if (said) {
    put(said, why);
    control.setAttribute('aria-invalid', String(why !== ''));
  }
  return why === '' ? value : '';
}

/**
 * @param {string} name
 * @param {string} label
 * @param {Filters} filters
 * @param {[string, string][]} options
 * @param {() => void} change
 * @returns {Filter}
 */
function choice(name, label, filters, options, change) {
  const value = filters[name] ?? '';
  // An address may have a value that the page does not offer.
  const all = options.some(([option]) => option === value)
    ? options
    : [...options, /** @type {[string, string]} */ ([value, inWords(name, value)])];
  const control = h(
    'select',
    { id: uniqueId(name), on: { change } },
    all.map(([option, text]) => h('option', { value: option, selected: option === value }, text)),
  );
  return { name, control, place: h('div', null, h('label', { for: control.id }, label), control) };
}

/**
 * @param {string} name
 * @param {string} label
 * @param {Filters} filters
 * @param {() => void} change
 * @param {string} [placeholder]
 * @returns {Filter}
 */
function typed(name, label, filters, change, placeholder) {
  const id = uniqueId(name);
  const said = h('p', { class: 'error', id: `${id}-error` });
  const control = h('input', {
    id,
    type: 'text',
    value: filters[name] ?? '',
    placeholder,
    autocomplete: 'off',
    spellcheck: 'false',
    inputmode: name === 'key_id' ? 'numeric' : null,
    'aria-describedby': said.id,
    on: { change },
  });
  return { name, control, said, place: h('div', null, h('label', { for: id }, label), control, said) };
}
