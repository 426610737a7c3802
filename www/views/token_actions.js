// The actions on a token that its state and the user's role allow. The list's menu and the token's page show
// them.

import { h } from '../dom.js';
import { loaded } from '../later.js';
import { go, to } from '../router.js';
import { copy, copyable } from '../ui/copy.js';
import { openDialog } from '../ui/dialog.js';
import { may } from '../who.js';
import { isRemovable, obstacleNext, obstacleWords } from './obstacles.js';
import { attempt, disable, enable, textOf } from './token_calls.js';

/** @import { Token } from '../types.d.ts' */
/** @import { Item } from '../ui/menu.js' */
/** @typedef {Item & { isMain?: boolean }} Action `isMain`: a button of its own on the token's page */

// The dialogs are loaded when they are opened.
/** @param {Token} token */
const rotate = (token) =>
  open(
    () => import('./rotate_dialog.js'),
    ({ rotateDialog }) => rotateDialog(token),
  );
/** @param {Token} token */
const revoke = (token) =>
  open(
    () => import('./revoke_dialog.js'),
    ({ revokeDialog }) => revokeDialog(token),
  );
/** @param {Token} token */
const stop = ({ family }) =>
  open(
    () => import('./stop_dialog.js'),
    ({ stopDialog }) => stopDialog(family),
  );

/**
 * Not over a page to which the user has gone meanwhile.
 * @template T
 * @param {() => Promise<T>} load
 * @param {(part: T) => Promise<void>} show
 */
function open(load, show) {
  const from = location.hash;
  return attempt(async () => {
    const part = await loaded(load);
    if (location.hash === from) await show(part);
  });
}

/** @param {Token} token @returns {Action[]} */
function rotations(token) {
  const { allowed, reason, token: other } = token.can_rotate;
  if (allowed) return [{ label: 'Rotate …', isMain: true, act: () => rotate(token) }];
  const why = obstacleWords(reason ?? '');
  const see = other && { words: obstacleNext(reason ?? ''), token: other };
  const another = isRemovable(reason ?? '') && {
    label: 'Rotate another way …',
    act: () => rotate(token),
  };
  return [
    { label: 'Rotate …', isMain: true, why, ...(see && { see }), act: () => {} },
    ...(another ? [another] : []),
  ];
}

/** @param {Token} token @returns {Action[]} */
export function tokenActions(token) {
  if (!may('operator')) return [];
  const live = token.state === 'active' || token.state === 'disabled';
  const guarded = token.protected
    ? 'It is protected. An owner can remove the protection: Edit, More settings.'
    : undefined;
  return [
    { label: 'Show', act: () => attempt(() => show(token)) },
    { label: 'Copy', act: () => attempt(async () => copy(await textOf(token), 'The token')) },
    ...(live ? rotations(token) : []),
    live && { label: 'Edit', isMain: true, act: () => go(to(['edit', token.id])) },
    { label: 'Clone', isMain: !live, act: () => go(to(['new'], { clone: token.id })) },
    token.state === 'active' && {
      label: 'Disable',
      why: guarded,
      act: () => attempt(() => disable(token)),
    },
    token.state === 'disabled' && {
      label: 'Enable',
      isMain: true,
      why: may('owner') ? undefined : guarded,
      act: () => attempt(() => enable(token)),
    },
    hasFamily(token) && { label: 'Revoke the family …', danger: true, act: () => stop(token) },
    live && {
      label: 'Revoke …',
      danger: true,
      isMain: true,
      why: guarded,
      act: () => revoke(token),
    },
  ].filter((action) => action !== false);
}

/** Whether other tokens of its family may be in use. @param {Token} token */
const hasFamily = ({ predecessor, successor, can_rotate: { reason } }) =>
  Boolean(predecessor ?? successor) && reason !== 'nothing_to_rotate';

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
