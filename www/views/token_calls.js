// The calls behind the actions on a token, and what the user sees afterwards.

import { get, post } from '../api.js';
import { go, reload, to } from '../router.js';
import { failureDialog } from '../ui/failure.js';
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
  const from = location.hash;
  await post(`/tokens/${token.id}/disable`);
  announce(`${token.label} is disabled.`, {
    action: { label: 'Undo', act: () => attempt(() => enable(token)) },
  });
  after(token, from);
}

/** @param {Token} token */
export async function enable(token) {
  const from = location.hash;
  await post(`/tokens/${token.id}/enable`);
  announce(`${token.label} works again.`);
  after(token, from);
}

/**
 * Opens the token's page, which shows the change and by when it holds; not for somebody who has gone
 * elsewhere meanwhile.
 * @param {Token} token
 * @param {string} [from] the address where the action began; without one the page is opened in any case
 */
export function after(token, from = location.hash) {
  if (location.hash !== from) return;
  const page = to(['token', token.id]);
  if (location.hash === page) reload();
  else go(page);
}

/** Runs an action that has no form, and shows its error in a dialog. @param {() => Promise<unknown>} act */
export async function attempt(act) {
  try {
    await act();
  } catch (error) {
    await failureDialog('The action failed', error);
  }
}
