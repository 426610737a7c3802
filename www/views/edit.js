// Editing a token. The version that was read goes along: what somebody else changed meanwhile is not overwritten, and what was typed stays.

import { ApiError, call } from '../api.js';
import { h } from '../dom.js';
import { go, to } from '../router.js';
import { exact } from '../time.js';
import { form } from '../ui/form.js';
import { announce } from '../ui/notice.js';
import { configuration, policyFields } from './policy_fields.js';

/** @import { Token } from '../types.d.ts' */
/** @import { Place } from '../router.js' */

/** @param {Place} place */
export async function view({ path: [, id], signal }) {
  const address = `/tokens/${encodeURIComponent(id ?? '')}`;
  const [{ data: token, etag }, settings] = await Promise.all([
    /** @type {Promise<{ data: Token, etag: string | null }>} */ (call('GET', address, { signal })),
    configuration(signal),
  ]);
  const policy = policyFields(token, settings, signal);
  return h(
    'div',
    null,
    h(
      'p',
      { class: 'crumbs' },
      h('a', { href: '#/tokens' }, 'Tokens'),
      ' / ',
      h('a', { href: to(['token', token.id]) }, token.label),
    ),
    h(
      'div',
      { class: 'head' },
      h(
        'div',
        null,
        h('h1', null, `Edit “${token.label}”`),
        h(
          'p',
          null,
          `A change holds everywhere within the revocation bound. The end, ${exact(token.expires_at)}, is signed into the token.`,
        ),
      ),
    ),
    h(
      'div',
      { class: 'card' },
      form(
        {
          submit: 'Save',
          cancel: () => go(to(['token', token.id])),
          send: async (form) => {
            const wanted = policy.read(form);
            const changed = Object.entries(wanted).filter(
              ([name, value]) => JSON.stringify(value) !== JSON.stringify(/** @type {any} */ (token)[name]),
            );
            if (changed.length > 0) {
              try {
                await call('PATCH', address, { body: Object.fromEntries(changed), ifMatch: etag });
              } catch (error) {
                throw error instanceof ApiError && error.status === 412 ? overtaken(error) : error;
              }
              announce('The changes were saved.');
            } else announce('Nothing was changed.');
            go(to(['token', token.id]));
          },
        },
        policy.element,
      ),
    ),
  );
}

/** @param {ApiError} error */
function overtaken(error) {
  return new ApiError({
    ...error.problem,
    detail:
      'Somebody changed this token after you opened it, so nothing was saved. Open it in another window to see what changed, then copy over what you typed here.',
  });
}
