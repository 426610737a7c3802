// Rotates a token. Four choices say what happens to the old one. If the family has two active tokens already,
// the dialog offers ways to proceed.

import { ApiError, post } from '../api.js';
import { h, put } from '../dom.js';
import { to } from '../router.js';
import { exact, relative } from '../time.js';
import { copyable } from '../ui/copy.js';
import { openDialog } from '../ui/dialog.js';
import { choices, field, fieldValue, form, isChecked } from '../ui/form.js';
import { announce } from '../ui/notice.js';
import { lifeField, lifetime } from './life_field.js';
import { configuration } from './policy_fields.js';
import { after, attempt } from './token_calls.js';

/** @import { Configuration, Problem, RevokeOld, Token, Used } from '../types.d.ts' */

const HOUR = 3600,
  DAY = 86_400;

/** @param {Token} token */
export async function rotateDialog(token) {
  await attempt(async () => {
    const settings = await configuration(new AbortController().signal);
    await openDialog(`Rotate “${token.label}”`, (close) => content(token, settings, close));
  });
}

/** @param {Token} token @param {Configuration} settings @param {() => void} close */
function content(token, settings, close) {
  const once = crypto.randomUUID();
  const way = h('div');
  return [
    h('p', null, 'Creates a new token with the same settings. Deploy it. Choose when the old one ends:'),
    form(
      {
        submit: 'Rotate',
        cancel: close,
        send: async (form) => {
          const body = { ...lifetime(form), revoke_old: revokeOld(form), ...given(form) };
          try {
            const made = /** @type {Token & { token: string }} */ (
              await post(`/tokens/${token.id}/rotate`, body, {
                once: `${once}-${JSON.stringify(given(form))}`,
              })
            );
            close();
            await shown(made, token);
            after(made);
          } catch (error) {
            const offer = error instanceof ApiError ? wayOut(error.problem) : null;
            if (offer === null) throw error;
            put(way, offer);
            /** @type {HTMLElement | null} */ (way.querySelector('input'))?.focus();
          }
        },
      },
      endOfOld(token),
      lifeField(settings),
      way,
    ),
  ];
}

/** What happens to the old token, with the hours or days that some choices need. @param {Token} token */
function endOfOld(token) {
  const hours = h('input', { type: 'number', min: '0', max: '8760', value: '24' });
  const days = h('input', { type: 'number', min: '0', max: '730', value: '7' });
  const forHours = field({ name: 'drain_hours', label: 'Hours after the first use', control: hours });
  const forDays = field({ name: 'after_days', label: 'Days from now', control: days });
  forHours.hidden = true;
  return choices({
    name: 'when',
    legend: 'The old token ends',
    value: 'after',
    change: (when) => {
      forHours.hidden = when !== 'first_use';
      forDays.hidden = when !== 'after';
    },
    choices: [
      {
        value: 'after',
        label: 'A number of days from now',
        about:
          'It ends at that time. If the new one has not been used by then, the old one keeps working, ' +
          'and you get a notice.',
        more: forDays,
      },
      {
        value: 'first_use',
        label: 'A number of hours after the new one is first used',
        about:
          'The old token works until pages use the new one. ' +
          'Visitors may keep an old copy of a page for a while.',
        more: forHours,
      },
      { value: 'never', label: 'Not automatically', about: 'Both work until you end the old one.' },
      ...(token.protected
        ? []
        : [
            {
              value: 'now',
              label: 'Now',
              about:
                'For a token that is being misused. Every other token of the family is revoked at once, ' +
                'and pages with the old one stop working.',
            },
          ]),
    ],
  });
}

/** @param {HTMLFormElement} form @returns {RevokeOld} */
function revokeOld(form) {
  const when = /** @type {RevokeOld['when']} */ (fieldValue(form, 'when'));
  if (when === 'first_use')
    return { when, drain_seconds: Math.round(Number(fieldValue(form, 'drain_hours')) * HOUR) };
  if (when === 'after')
    return { when, after_seconds: Math.round(Number(fieldValue(form, 'after_days')) * DAY) };
  return { when };
}

/** The confirmations that the user gave after the API refused the rotation. @param {HTMLFormElement} form */
function given(form) {
  const supersede = fieldValue(form, 'supersede');
  return {
    ...(supersede && { supersede }),
    ...(isChecked(form, 'revoke_oldest') && { revoke_oldest: true }),
    ...(isChecked(form, 'force') && { force: true }),
  };
}

/** @param {Problem} problem */
function wayOut(problem) {
  if (problem.code === 'successor_unused' && problem.waiting && problem.predecessor) {
    return h(
      'div',
      { class: 'box warn', role: 'alert' },
      h('p', null, h('strong', null, problem.title)),
      h(
        'p',
        null,
        'The newest token was never used. Deploy it instead of creating another, or choose which token ' +
          'to revoke:',
      ),
      choices({
        name: 'supersede',
        legend: 'Revoke',
        value: 'successor',
        choices: [
          {
            value: 'successor',
            label: `The unused one, ${problem.waiting.id}`,
            about: used(problem.waiting),
          },
          {
            value: 'original',
            label: `The one before it, ${problem.predecessor.id}`,
            about: used(problem.predecessor),
          },
        ],
      }),
      h(
        'div',
        { class: 'choice' },
        h(
          'label',
          null,
          h('input', { type: 'checkbox', name: 'force' }),
          h('span', null, 'Revoke it even if it was used in the last day'),
        ),
      ),
    );
  }
  if (problem.code === 'max_active_tokens' && problem.active) {
    return h(
      'div',
      { class: 'box warn', role: 'alert' },
      h('p', null, h('strong', null, problem.title)),
      h('p', null, 'A family can have two active tokens, and it has these:'),
      h(
        'ul',
        { class: 'rules' },
        problem.active.map((token) =>
          h('li', null, h('a', { href: to(['token', token.id]) }, token.id), h('span', null, used(token))),
        ),
      ),
      h(
        'div',
        { class: 'choice' },
        h(
          'label',
          null,
          h('input', { type: 'checkbox', name: 'revoke_oldest' }),
          h('span', null, 'Revoke the older one now'),
        ),
      ),
    );
  }
  return null;
}

/** @param {Used} token */
const used = ({ last_used_at: at }) => (at ? `Last used ${relative(at)}.` : 'No use is known.');

/** @param {Token & { token: string }} made @param {Token} old */
function shown(made, old) {
  announce('The new token was created.');
  return openDialog(`The new token of “${made.label}”`, (close) => [
    h(
      'p',
      null,
      `It works now and ends ${relative(made.expires_at)}, ${exact(made.expires_at)}. ` +
        `Use it in place of the old one, ${old.fingerprint}.`,
    ),
    copyable(made.token, 'The token'),
    h(
      'div',
      { class: 'actions' },
      h('button', { type: 'button', class: 'primary', on: { click: close } }, 'Done'),
    ),
  ]);
}
