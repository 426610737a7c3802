// A filter that holds, with a button that takes it away.

import { h } from '../dom.js';

/** @param {string} text what holds @param {() => void} remove */
export function chip(text, remove) {
  return h(
    'button',
    { type: 'button', class: 'chip', 'aria-label': `${text}: remove this filter`, on: { click: remove } },
    text,
    h('span', { 'aria-hidden': 'true' }, ' ×'),
  );
}
