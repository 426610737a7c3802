// The dialog for every revocation: what will happen and by when, and disabling as the alternative that can be
// undone. The label must be typed only for the last active token of a family.

import { ApiError, get, post, query } from '../api.js';
import { h } from '../dom.js';
import { duration, time } from '../time.js';
import { openDialog } from '../ui/dialog.js';
import { fact, facts } from '../ui/facts.js';
import { field, fieldValue, form } from '../ui/form.js';
import { announce } from '../ui/notice.js';
import { after, attempt, disable } from './token_calls.js';
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
    // The token's usage, if available. An error here must not prevent the revocation.
    const usage = await usageOf(token.id).catch(() => null);
    await openDialog(`Revoke “${token.label}”?`, (close) => content(token, status, usage, last, close));
  });
}

/**
 * @param {Token} token
 * @param {Status} status
 * @param {TokenUsage | null} usage
 * @param {boolean} last
 * @param {() => void} close
 */
function content(token, status, usage, last, close) {
  const confirm = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' });
  const reason = h('input', { type: 'text', maxlength: '200', autocomplete: 'off' });
  return [
    h(
      'p',
      null,
      'It is refused everywhere, permanently. Pages that still use it get 401 ',
      h('code', null, 'token_revoked'),
      '.',
    ),
    facts(
      fact('Token', h('code', null, token.fingerprint)),
      fact('Works from', token.origins === 'any' ? 'every site' : token.origins.slice(0, 3).join(', ')),
      fact('Refused everywhere', bound(status)),
    ),
    inUse(usage),
    token.state === 'active' && disableInstead(token, close),
    form(
      {
        submit: 'Revoke',
        danger: true,
        cancel: close,
        send: async (form) => {
          if (last && fieldValue(form, 'confirm').trim() !== token.label) throw unconfirmed(token.label);
          const text = fieldValue(form, 'reason').trim();
          await post(`/tokens/${token.id}/revoke`, {
            ...(text && { reason: text }),
            ...(last && { force: true }),
          });
          close();
          announce(`${token.label} is revoked.`);
          after(token);
        },
      },
      field({ name: 'reason', label: 'Reason (kept in the audit log)', control: reason }),
      last &&
        h(
          'div',
          { class: 'box warn' },
          h(
            'p',
            null,
            'It is the only active token of its family: its pages would have no working token. ' +
              'Create a new token and deploy it first, unless this is an emergency.',
          ),
        ),
      last &&
        field({
          name: 'confirm',
          label: 'Type the label to revoke it anyway',
          hint: token.label,
          control: confirm,
        }),
    ),
  ];
}

/** @param {Token} token @param {() => void} close */
function disableInstead(token, close) {
  const click = () => {
    close();
    attempt(() => disable(token));
  };
  return h(
    'div',
    { class: 'box' },
    h('p', null, 'Not sure? Disabling takes effect as fast and can be undone.'),
    h('button', { type: 'button', on: { click } }, 'Disable instead'),
  );
}

/** An error of the form, in the shape of one of the API. @param {string} label */
function unconfirmed(label) {
  const detail = `The label is “${label}”: type it exactly`;
  return new ApiError({
    type: '',
    title: '',
    status: 422,
    code: 'confirm',
    detail: 'Type the label.',
    errors: [{ field: 'confirm', code: 'confirm', detail }],
  });
}

/** Whether pages still send the token. @param {TokenUsage | null} usage */
function inUse(usage) {
  if (usage === null || !usage.counting)
    return h('p', { class: 'muted' }, 'It is not known whether it is still in use.');
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
  const within = `${duration(bound.seconds)} of the acknowledgement`;
  return bound.guaranteed
    ? `within ${within}`
    : `within about ${within}; not guaranteed, because ON_UNKNOWN is admit`;
}
