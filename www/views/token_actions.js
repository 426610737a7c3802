// What can be done with a token, by its state and by the role: in the list's menu and on the token's page.

import { get, post } from '../api.js';
import { h } from '../dom.js';
import { go, reload, to } from '../router.js';
import { openDialog } from '../ui/dialog.js';
import { copy, copyable } from '../ui/copy.js';
import { announce } from '../ui/notice.js';
import { wordsOf } from '../ui/failure.js';
import { may } from '../who.js';
import { rotateDialog } from './rotate_dialog.js';
import { revokeDialog } from './revoke_dialog.js';

/** @import { Token } from '../types.d.ts' */

/** @param {Token} token @returns {{ label: string, act: () => void, danger?: boolean }[]} */
export function tokenActions(token) {
  if (!may('operator')) return [];
  const live = token.state === 'active' || token.state === 'disabled';
  return [
    live && { label: 'Show', act: () => attempt(() => show(token)) },
    live && { label: 'Copy', act: () => attempt(async () => copy(await textOf(token), 'The token')) },
    token.state === 'active' && { label: 'Rotate …', act: () => rotateDialog(token) },
    live && { label: 'Edit', act: () => go(to(['edit', token.id])) },
    { label: 'Clone', act: () => go(to(['new'], { clone: token.id })) },
    token.state === 'active' &&
      !token.protected && { label: 'Disable', act: () => attempt(() => disable(token)) },
    token.state === 'disabled' && { label: 'Enable', act: () => attempt(() => enable(token)) },
    live && !token.protected && { label: 'Revoke …', danger: true, act: () => revokeDialog(token) },
  ].filter((action) => action !== false);
}

/** The token's text: asked for each time, kept nowhere; the audit says who asked. @param {Token} token */
export async function textOf(token) {
  return /** @type {{ token: string }} */ (await get(`/tokens/${token.id}/token`)).token;
}

/** @param {Token} token */
async function show(token) {
  const text = await textOf(token);
  await openDialog(token.label, (close) => [
    h(
      'p',
      { class: 'muted' },
      'Anyone can read a public token in the pages that carry it. That you looked at it is in the audit log.',
    ),
    copyable(text, 'The token'),
    h('div', { class: 'actions' }, h('button', { type: 'button', on: { click: close } }, 'Close')),
  ]);
}

/** @param {Token} token */
export async function disable(token) {
  await post(`/tokens/${token.id}/disable`);
  announce(`${token.label} is disabled.`);
  after(token);
}

/** @param {Token} token */
export async function enable(token) {
  await post(`/tokens/${token.id}/enable`);
  announce(`${token.label} works again.`);
  after(token);
}

/** The token's page shows what has changed and by when it holds. @param {Token} token */
export function after(token) {
  const page = to(['token', token.id]);
  if (location.hash === page) reload();
  else go(page);
}

/** A failure of an act that has no form is said in a dialog. @param {() => Promise<void>} act */
export async function attempt(act) {
  try {
    await act();
  } catch (error) {
    await openDialog('That did not work', (close) => [
      h('p', null, wordsOf(error)),
      h(
        'div',
        { class: 'actions' },
        h('button', { type: 'button', class: 'primary', on: { click: close } }, 'Close'),
      ),
    ]);
  }
}
