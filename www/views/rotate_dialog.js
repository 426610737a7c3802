// Rotates a token. Four choices say what happens to the old one. If the family has two active tokens already,
// the dialog offers ways to proceed.

import { ApiError, get, post, query } from '../api.js';
import { h, put } from '../dom.js';
import { to } from '../router.js';
import { exact, relative } from '../time.js';
import { copyable } from '../ui/copy.js';
import { openDialog } from '../ui/dialog.js';
import { fact } from '../ui/facts.js';
import { choices, fieldValue, form, isChecked } from '../ui/form.js';
import { announce } from '../ui/notice.js';
import { configuration } from './configuration.js';
import { dangerDialog } from './danger_dialog.js';
import { remember } from './just_made.js';
import { lastUsed } from './last_used.js';
import { asBefore, lifeField, lifetime } from './life_field.js';
import { obstacleWords } from './obstacles.js';
import { planFields, readPlan } from './plan_fields.js';
import { receipt } from './receipt.js';
import { after, attempt } from './token_calls.js';

/** @import { Configuration, Page, Problem, Receipt, RevokeOld, Token, Used } from '../types.d.ts' */

/** @param {Token} token */
export async function rotateDialog(token) {
  const from = location.hash;
  await attempt(async () => {
    const settings = await configuration(new AbortController().signal);
    if (location.hash !== from) return;
    await openDialog(`Rotate “${token.label}”`, (close) => content(token, settings, close), { single: true });
  });
}

/** @param {Token} token @param {Configuration} settings @param {() => void} close */
function content(token, settings, close) {
  const once = crypto.randomUUID();
  const way = h('div');
  /** @type {Problem | null} */
  let obstacle = null;
  return [
    h('p', null, 'Creates a new token with the same settings. Deploy it. Choose when the old one ends:'),
    form(
      {
        submit: 'Rotate',
        cancel: close,
        send: async (form) => {
          const body = { ...lifetime(form), revoke_old: readPlan(form), ...given(form) };
          if (!(await agreed(token, body, obstacle))) return false;
          try {
            const made = /** @type {Token & { token: string }} */ (
              await post(`/tokens/${token.id}/rotate`, body, {
                once: `${once}-${JSON.stringify(given(form))}`,
              })
            );
            close();
            await shown(made, token);
            remember(made);
            after(made);
          } catch (error) {
            const offer = error instanceof ApiError ? wayOut(error.problem, close) : null;
            if (offer === null) throw error;
            obstacle = /** @type {ApiError} */ (error).problem;
            put(way, offer);
            /** @type {HTMLElement | null} */ (way.querySelector('input, a'))?.focus();
          }
        },
      },
      planFields({ legend: 'The old token ends', hasNow: !token.protected }),
      lifeField(settings, asBefore(token), { shorterOnly: true }),
      way,
    ),
  ];
}

/**
 * Asks once more where the rotation ends tokens at once.
 * @param {Token} token
 * @param {{ revoke_old: RevokeOld, supersede?: string, revoke_oldest?: boolean }} body
 * @param {Problem | null} obstacle that the choices in `body` remove
 */
async function agreed(token, { revoke_old: { when }, supersede, revoke_oldest: oldest }, obstacle) {
  const one =
    (oldest && obstacle?.active?.at(-1)) ||
    (supersede && (supersede === 'successor' ? obstacle?.waiting : obstacle?.predecessor));
  if (when !== 'now' && !one) return true;
  const tokens =
    when === 'now'
      ? /** @type {Page<Token>} */ (
          await get(`/tokens${query({ family: token.family, state: 'active', limit: 3 })}`)
        ).items
      : [/** @type {Token} */ (await get(`/tokens/${/** @type {Used} */ (one).id}`))];
  return dangerDialog({
    title: `Rotate “${token.label}” now?`,
    what:
      `A new token is made, and ${when === 'now' ? 'every other token of the family' : tokens[0]?.id} is ` +
      'refused everywhere, permanently. Pages that carry it stop working until they carry the new one.',
    submit: 'Rotate now',
    tokens,
    name: token.label,
    hasReason: false,
    known: [fact('Reason in the audit log', supersede ? 'superseded' : 'rotated')],
    send: async () => {},
  });
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

/** @param {Problem} problem @param {string} other the token to rotate @param {() => void} close */
function another({ reason, code }, other, close) {
  return h(
    'div',
    { class: 'box warn', role: 'alert' },
    h('p', null, h('strong', null, obstacleWords(reason ?? code))),
    h('p', null, h('a', { href: to(['token', other]), on: { click: close } }, `Go to ${other}`)),
  );
}

/** @param {Problem} problem @param {() => void} close */
function wayOut(problem, close) {
  if (problem.rotate_instead) return another(problem, problem.rotate_instead, close);
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
const used = ({ last_used_at: at }) => h('span', null, 'Last used: ', lastUsed(at), '.');

/** @param {Token & { token: string, receipts?: Receipt[] }} made @param {Token} old */
async function shown(made, old) {
  announce('The new token was created.');
  const closed = new AbortController();
  const ended = made.receipts?.find(({ id }) => id === old.id);
  await openDialog(`The new token of “${made.label}”`, (close) => [
    h(
      'p',
      null,
      `It works now and ends ${relative(made.expires_at)}, ${exact(made.expires_at)}. ` +
        `Use it in place of the old one, ${old.fingerprint}.`,
    ),
    copyable(made.token, 'The token'),
    ended && receipt(old.id, ended.effective_by, 'refused everywhere', closed.signal, 'The old one is'),
    h(
      'div',
      { class: 'actions' },
      h('button', { type: 'button', class: 'primary', on: { click: close } }, 'Done'),
    ),
  ]);
  closed.abort();
}
