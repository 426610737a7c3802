// Wraps the native <dialog>: it traps the focus, closes on Escape, and returns the focus to the element that
// opened it.

import { h, uniqueId } from '../dom.js';

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
          cancel: (/** @type {Event} */ event) => lasting && event.preventDefault(),
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
