// Wraps the native <dialog>: it traps the focus, closes on Escape, and returns the focus to the element that
// opened it. Before typed text is lost, it asks.

import { h, uniqueId } from '../dom.js';
import { discard, hasUnsaved } from './unsaved.js';

/**
 * Opens a modal dialog. Resolves when it closes, for any reason.
 * @param {string} title
 * @param {(close: () => void) => import('../dom.js').Child | import('../dom.js').Child[]} body
 * @param {{ lasting?: boolean }} [options] `lasting`: Escape does not close it
 * @returns {Promise<void>}
 */
export function openDialog(title, body, { lasting = false } = {}) {
  const id = uniqueId('dialog');
  const opener = /** @type {HTMLElement | null} */ (document.activeElement);
  return new Promise((resolve) => {
    const close = () => dialog.close();
    const dialog = h(
      'dialog',
      {
        'aria-labelledby': id,
        on: {
          cancel: (/** @type {Event} */ event) => {
            if (!lasting && !hasUnsaved(dialog)) return;
            event.preventDefault();
            if (!lasting) ifDiscarded(dialog, close);
          },
          close: () => {
            dialog.remove();
            if (opener?.isConnected) opener.focus();
            resolve();
          },
        },
      },
      h('h2', { id, tabindex: '-1' }, title),
      body(close),
    );
    document.body.append(dialog);
    dialog.showModal();
    const first =
      /** @type {HTMLElement | null} */ (dialog.querySelector('[autofocus]')) ?? dialog.querySelector('h2');
    first?.focus();
  });
}

/**
 * Does what would lose the typed text below `root`, unless the user would rather keep it.
 * @param {Node} root
 * @param {() => void} act
 */
export async function ifDiscarded(root, act) {
  if (hasUnsaved(root)) {
    if (!(await isAgreed())) return;
    discard(root);
  }
  act();
}

/** @type {Promise<boolean> | null} */
let asking = null;

/** Asked once, however often something would lose it. */
function isAgreed() {
  asking ??= askToDiscard().finally(() => (asking = null));
  return asking;
}

async function askToDiscard() {
  let isDiscarded = false;
  await openDialog('Discard what you typed?', (close) => [
    h('p', null, 'The form has not been sent. What you typed in it would be lost.'),
    h(
      'div',
      { class: 'actions' },
      h(
        'button',
        { type: 'button', class: 'primary', autofocus: true, on: { click: close } },
        'Keep editing',
      ),
      h(
        'button',
        {
          type: 'button',
          class: 'danger',
          on: {
            click: () => {
              isDiscarded = true;
              close();
            },
          },
        },
        'Discard',
      ),
    ),
  ]);
  return isDiscarded;
}
