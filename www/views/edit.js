// Edits a token. The request carries the version that was read (If-Match), so it never overwrites a change
// that somebody else made meanwhile. In that case the input stays in the form.

import { ApiError, call } from '../api.js';
import { h } from '../dom.js';
import { go, to } from '../router.js';
import { exact } from '../time.js';
import { form } from '../ui/form.js';
import { pageHead } from '../ui/head.js';
import { announce } from '../ui/notice.js';
import { may } from '../who.js';
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
    pageHead(
      `Edit “${token.label}”`,
      'A change holds everywhere within the revocation bound. ' +
        `The end, ${exact(token.expires_at)}, is signed into the token.`,
    ),
    token.protected &&
      !may('owner') &&
      h(
        'section',
        { class: 'box banner', 'aria-label': 'Protected' },
        h(
          'p',
          null,
          'This token is protected. ' +
            'You may change its label, owner and metadata. Only an owner may change what it admits.',
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
            const changed = await save(address, token, policy.read(form), etag);
            announce(changed ? 'The changes were saved.' : 'Nothing was changed.');
            go(to(['token', token.id]));
          },
        },
        policy.element,
      ),
    ),
  );
}

/**
 * Sends what differs from the token that was read, and says whether anything did.
 * @param {string} address
 * @param {Token} token
 * @param {Record<string, unknown>} wanted
 * @param {string | null} etag
 */
async function save(address, token, wanted, etag) {
  const changed = Object.entries(wanted).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(/** @type {any} */ (token)[name]),
  );
  if (changed.length === 0) return false;
  try {
    await call('PATCH', address, { body: Object.fromEntries(changed), ifMatch: etag });
  } catch (error) {
    throw error instanceof ApiError && error.status === 412 ? overtaken(error) : error;
  }
  return true;
}

/** @param {ApiError} error */
function overtaken(error) {
  return new ApiError({
    ...error.problem,
    detail:
      'Somebody changed this token after you opened it, so nothing was saved. ' +
      'Open the token in another window to see what changed, then enter your changes there.',
  });
}
