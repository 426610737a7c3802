// How many requests a token may make in a day or a month.

import { h } from '../dom.js';
import { field, fieldValue, numberIn } from '../ui/form.js';

/** @import { Token } from '../types.d.ts' */

/** @param {Token['quota']} quota */
export function quotaField(quota) {
  const options = (/** @type {Record<string, string>} */ texts, /** @type {string} */ chosen) =>
    Object.entries(texts).map(([value, text]) => h('option', { value, selected: value === chosen }, text));
  return h(
    'fieldset',
    { class: 'field', 'data-field': 'quota' },
    h('legend', null, 'Quota (optional)'),
    h(
      'p',
      { class: 'hint' },
      'When so many requests were admitted, further ones get 429 until the next day or month (UTC). ' +
        'Requests are counted in the background, so somewhat more are admitted.',
    ),
    h(
      'div',
      { class: 'row' },
      field({
        name: 'quota_requests',
        label: 'Requests',
        control: h('input', {
          type: 'number',
          min: '1',
          step: '1',
          value: quota === null ? '' : String(quota.requests),
          placeholder: 'no quota',
        }),
      }),
      field({
        name: 'quota_per',
        label: 'For each',
        control: h('select', null, options({ day: 'day', month: 'month' }, quota?.per ?? 'day')),
      }),
      field({
        name: 'quota_counts',
        label: 'Of',
        control: h(
          'select',
          null,
          options({ token: 'this token', family: 'its family together' }, quota?.counts ?? 'token'),
        ),
      }),
    ),
    h('p', { class: 'error' }),
  );
}

/** The quota in the API's form. @param {HTMLFormElement} form */
export function readQuota(form) {
  const requests = numberIn(form, 'quota_requests', { mayBeEmpty: true });
  if (requests === null) return null;
  return {
    requests,
    per: fieldValue(form, 'quota_per'),
    counts: fieldValue(form, 'quota_counts'),
  };
}
