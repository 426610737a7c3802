// When the old token of a rotation ends, as fields: for a rotation by hand and for automatic ones.

import { h } from '../dom.js';
import { checkbox, choices, field, fieldValue, isChecked, numberIn } from '../ui/form.js';

/** @import { RevokeOld } from '../types.d.ts' */

const HOUR = 3600,
  DAY = 86_400;
const AFTER_DAYS = 7,
  DRAIN_HOURS = 24;

/**
 * @param {{ legend: string, value?: RevokeOld, hasNow: boolean, prefix?: string, since?: string }} options
 *   `prefix` of the fields' names, where a form has several plans; `since` when days count
 */
export function planFields({ legend, value = { when: 'after' }, hasNow, prefix = '', since = 'from now' }) {
  /** @type {Record<string, HTMLElement>} */
  const parts = {
    after: afterFields(value, prefix, since),
    first_use: firstUseFields(value, prefix, since),
  };
  const show = (/** @type {string} */ when) => {
    for (const [name, part] of Object.entries(parts)) part.hidden = name !== when;
  };
  show(value.when);
  return choices({
    name: `${prefix}when`,
    legend,
    value: value.when,
    change: show,
    choices: [
      {
        value: 'after',
        label: `A number of days ${since}`,
        about:
          'It ends at that time. If the new one has not been used by then, the old one keeps working, ' +
          'and you get a notice.',
        more: parts.after,
      },
      {
        value: 'first_use',
        label: 'A number of hours after the new one is first used',
        about:
          'The old token works until pages use the new one. ' +
          'Visitors may keep an old copy of a page for a while.',
        more: parts.first_use,
      },
      { value: 'never', label: 'Not automatically', about: 'Both work until you end the old one.' },
      ...(hasNow
        ? [
            {
              value: 'now',
              label: 'Now',
              about:
                'For a token that is being misused. Every other token of the family is revoked at once, ' +
                'and pages with the old one stop working.',
            },
          ]
        : []),
    ],
  });
}

/** @param {RevokeOld} value @param {string} prefix @param {string} since */
const afterFields = (value, prefix, since) =>
  h(
    'div',
    { class: 'part' },
    number(`${prefix}after_days`, `Days ${since}`, inUnits(value.after_seconds, DAY) ?? AFTER_DAYS, 730),
    h(
      'details',
      { open: value.when === 'after' && (value.strict || hasOther(value.drain_seconds)) },
      h('summary', null, 'If the new one is used late, or never'),
      number(
        `${prefix}after_drain_hours`,
        'Hours that the old one works after the first use, at least',
        inUnits(value.drain_seconds, HOUR) ?? DRAIN_HOURS,
        8760,
      ),
      checkbox({
        name: `${prefix}after_strict`,
        label: 'End the old one at that time in any case',
        checked: value.when === 'after' && value.strict,
        hint: 'Also when the new one was never used: pages that still have the old one stop working.',
      }),
    ),
  );

/** @param {RevokeOld} value @param {string} prefix @param {string} since */
const firstUseFields = (value, prefix, since) =>
  h(
    'div',
    { class: 'part' },
    number(
      `${prefix}drain_hours`,
      'Hours after the first use',
      inUnits(value.drain_seconds, HOUR) ?? DRAIN_HOURS,
      8760,
    ),
    h(
      'details',
      { open: value.when === 'first_use' && Boolean(value.strict ?? value.deadline_seconds) },
      h('summary', null, 'A deadline'),
      number(
        `${prefix}deadline_days`,
        `Days ${since}, at the latest (none if empty)`,
        inUnits(value.deadline_seconds, DAY) ?? '',
        730,
      ),
      checkbox({
        name: `${prefix}first_use_strict`,
        label: 'End the old one at the deadline in any case',
        checked: value.when === 'first_use' && value.strict,
        hint: 'Also when the new one was never used: pages that still have the old one stop working.',
      }),
    ),
  );

/** @param {string} name @param {string} label @param {number | string} value @param {number} max */
const number = (name, label, value, max) =>
  field({
    name,
    label,
    control: h('input', { type: 'number', min: '0', step: 'any', max: String(max), value: String(value) }),
  });

/**
 * Seconds as days or hours. Six places give the same seconds back.
 * @param {number | null | undefined} seconds
 * @param {number} unit
 */
export const inUnits = (seconds, unit) =>
  seconds === undefined || seconds === null ? undefined : Math.round((seconds / unit) * 1e6) / 1e6;

/** @param {number | undefined} seconds */
const hasOther = (seconds) => seconds !== undefined && seconds !== DRAIN_HOURS * HOUR;

/** The plan in the API's form. @param {HTMLFormElement} form @param {string} [prefix] @returns {RevokeOld} */
export function readPlan(form, prefix = '') {
  const when = /** @type {RevokeOld['when']} */ (fieldValue(form, `${prefix}when`));
  const seconds = (/** @type {string} */ name, /** @type {number} */ unit) =>
    Math.round((numberIn(form, prefix + name) ?? 0) * unit);
  if (when === 'after') {
    return {
      when,
      after_seconds: seconds('after_days', DAY),
      drain_seconds: seconds('after_drain_hours', HOUR),
      strict: isChecked(form, `${prefix}after_strict`),
    };
  }
  if (when === 'first_use') {
    const deadline = numberIn(form, `${prefix}deadline_days`, { mayBeEmpty: true });
    return {
      when,
      drain_seconds: seconds('drain_hours', HOUR),
      ...(deadline !== null && { deadline_seconds: Math.round(deadline * DAY) }),
      strict: isChecked(form, `${prefix}first_use_strict`),
    };
  }
  return { when };
}
