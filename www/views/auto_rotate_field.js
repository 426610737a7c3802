// Whether and how the registry rotates a token by itself.

import { h } from '../dom.js';
import { checkbox, field, isChecked, numberIn } from '../ui/form.js';
import { inUnits, planFields, readPlan } from './plan_fields.js';

/** @import { Token } from '../types.d.ts' */

const DAY = 86_400;
const BEFORE_DAYS = 14;
const PREFIX = 'auto_';

/** @param {Token['auto_rotate']} value */
export function autoRotateField(value) {
  const days = (/** @type {number | undefined} */ seconds, /** @type {number | ''} */ none) =>
    String(inUnits(seconds, DAY) ?? none);
  const how = h(
    'div',
    { class: 'fields part' },
    field({
      name: 'auto_before_days',
      label: 'Days before its end',
      control: h('input', {
        type: 'number',
        step: 'any',
        value: days(value?.before_expiry_seconds, BEFORE_DAYS),
      }),
    }),
    field({
      name: 'auto_life_days',
      label: 'Lifetime of the new one in days (the deployment’s default if empty)',
      control: h('input', { type: 'number', step: 'any', value: days(value?.expires_in, '') }),
    }),
    planFields({
      legend: 'The old one then ends',
      value: value?.revoke_old,
      hasNow: false,
      prefix: PREFIX,
      since: 'after the rotation',
    }),
  );
  const box = checkbox({
    name: 'auto_rotate',
    label: 'Rotate automatically',
    checked: Boolean(value),
    hint:
      'The registry makes the successor by itself. It must reach the pages: by Distribute, or by a job ' +
      'that fetches the family’s token.',
  });
  const input = /** @type {HTMLInputElement} */ (box.querySelector('input'));
  how.hidden = !input.checked;
  input.addEventListener('change', () => (how.hidden = !input.checked));
  box.append(how);
  return box;
}

/** The settings in the API's form. @param {HTMLFormElement} form */
export function readAutoRotate(form) {
  if (!isChecked(form, 'auto_rotate')) return null;
  const before = numberIn(form, 'auto_before_days') ?? 0;
  const life = numberIn(form, 'auto_life_days', { mayBeEmpty: true });
  return {
    before_expiry_seconds: Math.round(before * DAY),
    ...(life !== null && { expires_in: Math.round(life * DAY) }),
    revoke_old: readPlan(form, PREFIX),
  };
}
