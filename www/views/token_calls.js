// The calls behind the actions on a token, and what the user sees afterwards.

import { get, post } from '../api.js';
import { h } from '../dom.js';
import { go, reload, to } from '../router.js';
import { openDialog } from '../ui/dialog.js';
import { wordsOf } from '../ui/failure.js';
import { announce } from '../ui/notice.js';

/** @import { Token } from '../types.d.ts' */

/**
 * Fetches the token's text each time and does not keep it. The audit log records who asked.
 * @param {Token} token
 */
export async function textOf(token) {
  return /** @type {{ token: string }} */ (await get(`/tokens/${token.id}/token`)).token;
}

/** @param {Token} token */
export async function disable(token) {
  await post(`/tokens/${token.id}/disable`);
  announce(`${token.label} is disabled.`, {
    action: { label: 'Undo', act: () => attempt(() => enable(token)) },
  });
  after(token);
}

/** @param {Token} token */
export async function enable(token) {
  await post(`/tokens/${token.id}/enable`);
  announce(`${token.label} works again.`);
  after(token);
}

/** Opens the token's page, which shows the change and by when it holds. @param {Token} token */
export function after(token) {
  const page = to(['token', token.id]);
  if (location.hash === page) reload();
  else go(page);
}

/** Runs an action that has no form, and shows its error in a dialog. @param {() => Promise<unknown>} act */
export async function attempt(act) {
  try {
    await act();
  } catch (error) {
    await openDialog('The action failed', (close) => [
      h('p', null, wordsOf(error)),
      h(
        'div',
        { class: 'actions' },
        h('button', { type: 'button', class: 'primary', on: { click: close } }, 'Close'),
      ),
    ]);
  }
}
