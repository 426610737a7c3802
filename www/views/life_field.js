// The lifetime of a new token: common durations, or a date.

import { h } from '../dom.js';
import { duration, fromLocalInput, toLocalInput } from '../time.js';
import { field, fieldValue } from '../ui/form.js';

/** @import { Configuration } from '../types.d.ts' */

const DAY = 86_400;
const PRESETS = [1, 7, 30, 90, 365, 730];
const PRESET_DAYS = 30;

/** @param {Configuration} settings */
export function lifeField(settings) {
  const longest = settings.max_token_lifetime_seconds;
  const date = h('input', {
    type: 'datetime-local',
    min: toLocalInput(new Date(Date.now() + 60_000).toISOString()),
    max: toLocalInput(new Date(Date.now() + longest * 1000).toISOString()),
  });
  const by = field({ name: 'expires_at', label: 'Ends at', control: date });
  by.hidden = true;
  const presets = PRESETS.filter((days) => days * DAY <= longest).map((days) =>
    preset(
      String(days * DAY),
      days === 1 ? '1 day' : days === 365 ? '1 year' : days === 730 ? '2 years' : `${days} days`,
      days === PRESET_DAYS,
    ),
  );
  const chosen = h(
    'div',
    {
      class: 'presets',
      on: {
        change: (/** @type {Event} */ event) => {
          by.hidden = /** @type {HTMLInputElement} */ (event.target).value !== 'date';
        },
      },
    },
    presets,
    preset('date', 'A date', false),
  );
  return h(
    'fieldset',
    { class: 'field', 'data-field': 'expires_in' },
    h('legend', null, 'Lifetime'),
    h(
      'p',
      { class: 'hint' },
      'The expiry is signed into the token and cannot be changed later. ' +
        'You can set an earlier end at any time. ' +
        `1 to 30 days are suitable for pages that are deployed often. At most ${duration(longest)}.`,
    ),
    chosen,
    h('p', { class: 'error' }),
    by,
  );
}

/** @param {string} value @param {string} label @param {boolean} checked */
function preset(value, label, checked) {
  return h('label', null, h('input', { type: 'radio', name: 'life', value, checked }), label);
}

/** The chosen lifetime in the API's form. @param {HTMLFormElement} form */
export function lifetime(form) {
  const life = fieldValue(form, 'life');
  return life === 'date'
    ? { expires_at: fromLocalInput(fieldValue(form, 'expires_at')) ?? '' }
    : { expires_in: Number(life) };
}
