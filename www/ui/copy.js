// Shows a text with a button that copies it.

import { h } from '../dom.js';
import { announce } from './notice.js';

/** @param {string} text @param {string} what as in "The token was copied" */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    announce(`${what} was copied.`);
  } catch {
    announce('The browser did not allow copying; select the text and copy it by hand.');
  }
}

/**
 * A text with a button that copies all of it.
 * @param {string} text
 * @param {string} what
 * @param {string} [label]
 */
export function copyable(text, what, label = 'Copy') {
  return h(
    'div',
    { class: 'copyable' },
    h('code', { tabindex: '0', role: 'textbox', 'aria-readonly': 'true', 'aria-label': what }, text),
    h('button', { type: 'button', on: { click: () => copy(text, what) } }, label),
  );
}
