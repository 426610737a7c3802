// Before a token is revoked. Disabling is the alternative that can be undone.

import { get, post, query } from '../api.js';
import { h } from '../dom.js';
import { announce } from '../ui/notice.js';
import { dangerDialog } from './danger_dialog.js';
import { after, attempt, disable } from './token_calls.js';

/** @import { Page, Token } from '../types.d.ts' */

/** @param {Token} token */
export async function revokeDialog(token) {
  const from = location.hash;
  await attempt(async () => {
    const family = /** @type {Page<Token>} */ (
      await get(`/tokens${query({ family: token.family, state: 'active', limit: 3 })}`)
    );
    const isLast = token.state === 'active' && family.items.every(({ id }) => id === token.id);
    await dangerDialog(
      {
        title: `Revoke “${token.label}”?`,
        what: [
          'It is refused everywhere, permanently. Pages that still use it get 401 ',
          h('code', null, 'token_revoked'),
          '.',
        ],
        submit: 'Revoke',
        tokens: [token],
        name: token.label,
        always:
          isLast &&
          'It is the only active token of its family: its pages would have no working token. ' +
            'Create a new token and deploy it first, unless this is an emergency.',
        instead: (close) => token.state === 'active' && disableInstead(token, close),
        send: async (reason) => {
          await post(`/tokens/${token.id}/revoke`, { ...reason, ...(isLast && { force: true }) });
          announce(`${token.label} is revoked.`);
          after(token);
        },
      },
      from,
    );
  });
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
