// The actions on a token that its state and the user's role allow. The list's menu and the token's page show
// them.

import { h } from '../dom.js';
import { go, to } from '../router.js';
import { copy, copyable } from '../ui/copy.js';
import { openDialog } from '../ui/dialog.js';
import { may } from '../who.js';
import { revokeDialog } from './revoke_dialog.js';
import { rotateDialog } from './rotate_dialog.js';
import { attempt, disable, enable, textOf } from './token_calls.js';

/** @import { Token } from '../types.d.ts' */
/** @import { Item } from '../ui/menu.js' */

/** Why a token cannot be rotated by the default plan. @type {Record<string, string>} */
const OBSTACLES = {
  successor_unused: 'Its successor was never used. Deploy that one first.',
  max_active_tokens: 'Two tokens of the family are in use. End the older one first.',
  has_successor: 'It has a successor already. Rotate that one.',
  disabled: 'It is disabled. Enable it first.',
  rotate_another: 'It has ended. Another token of the family can be rotated.',
  nothing_to_rotate: 'It has ended, and so has every other token of the family.',
};

/** The obstacles that a choice in the dialog removes, or that ending all tokens at once ignores. */
const REMOVABLE = ['successor_unused', 'max_active_tokens'];

/** @param {Token} token @returns {Item[]} */
function rotations(token) {
  const { allowed, reason, token: other } = token.can_rotate;
  if (allowed) return [{ label: 'Rotate …', act: () => rotateDialog(token) }];
  const words = OBSTACLES[reason ?? ''] ?? (reason ?? '').replaceAll('_', ' ');
  const why = other ? `${words} (${other})` : words;
  const another = REMOVABLE.includes(reason ?? '') && {
    label: 'Rotate another way …',
    act: () => rotateDialog(token),
  };
  return [{ label: 'Rotate …', why, act: () => {} }, ...(another ? [another] : [])];
}

/** @param {Token} token @returns {Item[]} */
export function tokenActions(token) {
  if (!may('operator')) return [];
  const live = token.state === 'active' || token.state === 'disabled';
  return [
    live && { label: 'Show', act: () => attempt(() => show(token)) },
    live && { label: 'Copy', act: () => attempt(async () => copy(await textOf(token), 'The token')) },
    ...(live ? rotations(token) : []),
    live && { label: 'Edit', act: () => go(to(['edit', token.id])) },
    { label: 'Clone', act: () => go(to(['new'], { clone: token.id })) },
    token.state === 'active' &&
      !token.protected && { label: 'Disable', act: () => attempt(() => disable(token)) },
    token.state === 'disabled' &&
      (!token.protected || may('owner')) && { label: 'Enable', act: () => attempt(() => enable(token)) },
    live && !token.protected && { label: 'Revoke …', danger: true, act: () => revokeDialog(token) },
  ].filter((action) => action !== false);
}

/** @param {Token} token */
async function show(token) {
  const text = await textOf(token);
  await openDialog(token.label, (close) => [
    h(
      'p',
      { class: 'muted' },
      'Anyone can read a public token in the pages that carry it. The audit log records that you viewed it.',
    ),
    copyable(text, 'The token'),
    h('div', { class: 'actions' }, h('button', { type: 'button', on: { click: close } }, 'Close')),
  ]);
}
