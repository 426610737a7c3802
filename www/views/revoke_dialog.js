// Every revocation goes through here: what will happen and by when, and the way that can be undone. The label is typed
// only for the last active token of a family.

import { ApiError, get, post, query } from '../api.js';
import { h } from '../dom.js';
import { duration, exact, time } from '../time.js';
import { openDialog } from '../ui/dialog.js';
import { field, form, valueOf } from '../ui/form.js';
import { announce } from '../ui/notice.js';
import { after, attempt, disable } from './token_actions.js';
import { originList, usageOf } from './usage.js';

/** @import { Page, Status, Token, TokenUsage } from '../types.d.ts' */

/** @param {Token} token */
export async function revokeDialog(token) {
  await attempt(async () => {
    const [status, family] = await Promise.all([
      /** @type {Promise<Status>} */ (get('/status')),
      /** @type {Promise<Page<Token>>} */ (
        get(`/tokens${query({ family: token.family, state: 'active', limit: 3 })}`)
      ),
    ]);
    const last = token.state === 'active' && family.items.every(({ id }) => id === token.id);
    // What is known of its use: that it cannot be had now must not keep anybody from revoking.
    const usage = await usageOf(token.id).catch(() => null);
    await openDialog(`Revoke “${token.label}”?`, (close) => content(token, status, usage, last, close));
  });
}

/** @param {Token} token @param {Status} status @param {TokenUsage | null} usage @param {boolean} last @param {() => void} close */
function content(token, status, usage, last, close) {
  const confirm = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' });
  const reason = h('input', { type: 'text', maxlength: '200', autocomplete: 'off' });
  return [
    h(
      'p',
      null,
      'It ends everywhere, for ever. Pages that still carry it get 401 ',
      h('code', null, 'token_revoked'),
      '.',
    ),
    h(
      'dl',
      { class: 'facts' },
      h('dt', null, 'Token'),
      h('dd', null, h('code', null, token.fingerprint)),
      h('dt', null, 'Works from'),
      h('dd', null, token.origins === 'any' ? 'every site' : token.origins.slice(0, 3).join(', ')),
      h('dt', null, 'Refused everywhere'),
      h('dd', null, bound(status)),
    ),
    inUse(usage),
    token.state === 'active' &&
      h(
        'div',
        { class: 'box' },
        h('p', null, 'Not sure? Disabling refuses it within the same time, and can be undone.'),
        h(
          'button',
          {
            type: 'button',
            on: {
              click: () => {
                close();
                attempt(() => disable(token));
              },
            },
          },
          'Disable instead',
        ),
      ),
    form(
      {
        submit: 'Revoke',
        danger: true,
        cancel: close,
        send: async (form) => {
          if (last && valueOf(form, 'confirm').trim() !== token.label) {
            throw new ApiError({
              type: '',
              title: '',
              status: 422,
              code: 'confirm',
              detail: 'Type the label.',
              errors: [
                {
                  field: 'confirm',
                  code: 'confirm',
                  detail: `The label is “${token.label}”: type it as it stands`,
                },
              ],
            });
          }
          const text = valueOf(form, 'reason').trim();
          await post(`/tokens/${token.id}/revoke`, {
            ...(text && { reason: text }),
            ...(last && { force: true }),
          });
          close();
          announce(`${token.label} is revoked.`);
          after(token);
        },
      },
      field({ name: 'reason', label: 'Why (kept with it)', control: reason }),
      last &&
        h(
          'div',
          { class: 'box warn' },
          h(
            'p',
            null,
            'It is the only active token of its family: pages are left without a working one. Make a new token and deploy it first, unless this is an emergency.',
          ),
        ),
      last &&
        field({
          name: 'confirm',
          label: 'Type the label to revoke it all the same',
          hint: token.label,
          control: confirm,
        }),
    ),
  ];
}

/** Whether pages still carry it. @param {TokenUsage | null} usage */
function inUse(usage) {
  if (usage === null || !usage.counting)
    return h('p', { class: 'muted' }, 'Whether it is still in use is not known.');
  if (usage.totals.admitted === 0)
    return h(
      'p',
      null,
      'Not used in the last 24 hours.',
      usage.last_used_at && h('span', null, ' Last used ', time(usage.last_used_at), '.'),
    );
  const [first] = usage.origins.allowed;
  return h(
    'div',
    { class: 'box warn' },
    h(
      'p',
      null,
      h(
        'strong',
        null,
        first && first.origin !== 'null'
          ? `Still used by ${first.origin.replace(/^https:\/\//, '')}`
          : 'Still in use',
      ),
      usage.last_used_at && h('span', null, ', last ', time(usage.last_used_at)),
      `: ${usage.totals.admitted.toLocaleString('en')} requests in the last 24 hours.`,
    ),
    originList(usage.origins.allowed, '', 5),
  );
}

/** @param {Status} status */
function bound({ bound }) {
  const by = exact(new Date(Date.now() + bound.seconds * 1000).toISOString());
  return bound.guaranteed
    ? `within ${duration(bound.seconds)}: by ${by} if you revoke now`
    : `within about ${duration(bound.seconds)}; not guaranteed, since ON_UNKNOWN is admit`;
}
