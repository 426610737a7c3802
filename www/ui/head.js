// The top of a page: its heading, a line about it, and its buttons.

import { h } from '../dom.js';

/** @import { Child } from '../dom.js' */

/** @param {string} title @param {Child | Child[]} [about] @param {Child} [buttons] */
export function pageHead(title, about, buttons) {
  return h(
    'div',
    { class: 'head' },
    h('div', null, h('h1', null, title), about && h('p', null, about)),
    buttons,
  );
}
