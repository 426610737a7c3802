// Short messages about what happened: shown for a while at the foot of the page, and read by screen readers.

import { h, put } from '../dom.js';

const SHOWN_MS = 6000;
const region = h('div', { class: 'notice', role: 'status', 'aria-live': 'polite' });
/** @type {number | undefined} */
let timer;

/** The element that shows the messages. There is one in the page. */
export const noticeRegion = () => region;

/** @param {string} text @param {{ quietly?: boolean }} [options] `quietly`: only read out */
export function announce(text, { quietly = false } = {}) {
  clearTimeout(timer);
  put(region, h('p', { class: quietly && 'hidden-visually' }, text));
  timer = setTimeout(() => put(region), SHOWN_MS);
}
