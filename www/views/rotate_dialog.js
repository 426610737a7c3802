// Replacing a token: what becomes of the old one, as four plain choices; and, where the family has two already, what to give up.

import { ApiError, post } from '../api.js';
import { h, put } from '../dom.js';
import { to } from '../router.js';
import { exact, relative } from '../time.js';
import { copyable } from '../ui/copy.js';
import { openDialog } from '../ui/dialog.js';
import { choices, field, form, isChecked, valueOf } from '../ui/form.js';
import { announce } from '../ui/notice.js';
import { lifeField, lifetime } from './life_field.js';
import { configuration } from './policy_fields.js';
import { after, attempt } from './token_actions.js';

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
  const hours = h('input', { type: 'number', min: '0', max: '8760', value: '24' });
  const days = h('input', { type: 'number', min: '0', max: '730', value: '7' });
  const forHours = field({ name: 'drain_hours', label: 'Hours after the first use', control: hours });
  const forDays = field({ name: 'after_days', label: 'Days from now', control: days });
  forHours.hidden = true;
  const way = h('div');
  return [
    h(
      'p',
      null,
      'A new token with the same settings takes over. Deploy it, and the old one ends as you choose:',
    ),
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
      choices({
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
            label: 'Some days from now',
            about:
              'It ends at that time. If the new one has not been used by then, the old one goes on and a notice says so.',
            more: forDays,
          },
          {
            value: 'first_use',
            label: 'Some hours after the new one is first used',
            about:
              'Nothing ends before pages carry the new one; visitors may keep an old copy of a page for a while.',
            more: forHours,
          },
          { value: 'never', label: 'Not by itself', about: 'Both work until you end the old one.' },
          {
            value: 'now',
            label: 'Now',
            about:
              'For a token that is misused. Every other token of the family is revoked at once, and pages with the old one stop working.',
          },
        ],
      }),
      lifeField(settings),
      way,
    ),
  ];
}

/** @param {HTMLFormElement} form @returns {RevokeOld} */
function revokeOld(form) {
  const when = /** @type {RevokeOld['when']} */ (valueOf(form, 'when'));
  if (when === 'first_use')
    return { when, drain_seconds: Math.round(Number(valueOf(form, 'drain_hours')) * HOUR) };
  if (when === 'after') return { when, after_seconds: Math.round(Number(valueOf(form, 'after_days')) * DAY) };
  return { when };
}

/** What is given up, where something stood in the way. @param {HTMLFormElement} form */
function given(form) {
  const supersede = valueOf(form, 'supersede');
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
        'The newest token was never used. Deploy it instead of making another, or say what to give up:',
      ),
      choices({
        name: 'supersede',
        legend: 'Give up',
        value: 'successor',
        choices: [
          {
            value: 'successor',
            label: `The one that waits, ${problem.waiting.id}`,
            about: used(problem.waiting),
          },
          {
            value: 'original',
            label: `The one before, ${problem.predecessor.id}`,
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
          h('span', null, 'Also when it was used in the last day'),
        ),
      ),
    );
  }
  if (problem.code === 'max_active_tokens' && problem.active) {
    return h(
      'div',
      { class: 'box warn', role: 'alert' },
      h('p', null, h('strong', null, problem.title)),
      h('p', null, 'A family has two active tokens at most, and it has these:'),
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
const used = ({ last_used_at: at }) => (at ? `Last used ${relative(at)}.` : 'No use of it is known.');

/** @param {Token & { token: string }} made @param {Token} old */
function shown(made, old) {
  announce('The new token was made.');
  return openDialog(`The new token of “${made.label}”`, (close) => [
    h(
      'p',
      null,
      `It works now and ends ${relative(made.expires_at)}, ${exact(made.expires_at)}. Put it where the old one, ${old.fingerprint}, stands.`,
    ),
    copyable(made.token, 'The token'),
    h(
      'div',
      { class: 'actions' },
      h('button', { type: 'button', class: 'primary', on: { click: close } }, 'Done'),
    ),
  ]);
}
