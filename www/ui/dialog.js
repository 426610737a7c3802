// Wraps the native <dialog>: it traps the focus, closes on Escape, and returns the focus to the element that
// opened it. Before typed text is lost, it asks.

import { h, uniqueId } from '../dom.js';
import { showNoticesIn } from './notice.js';
import { discard, hasUnsaved } from './unsaved.js';

/**
 * Opens a modal dialog. Resolves when it closes, for any reason.
 * @param {string} title
 * @param {(close: () => void) => import('../dom.js').Child | import('../dom.js').Child[]} body
 * @param {{ lasting?: boolean | (() => boolean), single?: boolean }} [options] `lasting`: Escape does not
 *   close it, while it says so; `single`: it is not opened again while one of this title is open, as after a
 *   second click
 * @returns {Promise<void>}
 */
export function openDialog(title, body, { lasting = false, single = false } = {}) {
  const alike = [...document.querySelectorAll('dialog[data-single] > h2')];
  if (single && alike.some((open) => open.textContent === title)) return Promise.resolve();
  const isLasting = typeof lasting === 'function' ? lasting : () => lasting;
  const id = uniqueId('dialog');
  const opener = /** @type {HTMLElement | null} */ (document.activeElement);
  return new Promise((resolve) => {
    const close = () => dialog.close();
    const dialog = h(
      'dialog',
      {
        'aria-labelledby': id,
        closedby: lasting === true && 'none',
        'data-single': single && '',
        on: {
          cancel: kept,
          close: () => {
            document.removeEventListener('keydown', pressed);
            showNoticesIn(topmost(dialog));
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
    showNoticesIn(dialog);
    // Browsers let a second Escape pass that is refused in `cancel` alone. On the document, since nothing in
    // the dialog may be focused.
    document.addEventListener('keydown', pressed);
    /** @param {KeyboardEvent} event */
    function pressed(event) {
      if (event.key === 'Escape' && topmost() === dialog) kept(event);
    }
    /** Keeps what typed text or its importance keeps open. @param {Event} event */
    function kept(event) {
      if (event.defaultPrevented || !(isLasting() || hasUnsaved(dialog))) return;
      event.preventDefault();
      if (!isLasting()) ifDiscarded(dialog, close);
    }
    const first =
      /** @type {HTMLElement | null} */ (dialog.querySelector('[autofocus]')) ?? dialog.querySelector('h2');
    first?.focus();
  });
}

/** The dialog on top, but for one that is closing; or the page. @param {HTMLElement} [closing] */
const topmost = (closing) =>
  [...document.querySelectorAll('dialog')].findLast((dialog) => dialog !== closing && dialog.open) ??
  document.body;

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
