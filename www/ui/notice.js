// What happened, said once: seen for a while at the foot of the page, and read out by screen readers.

import { h, put } from '../dom.js';

const SHOWN_MS = 6000;
const region = h('div', { class: 'notice', role: 'status', 'aria-live': 'polite' });
/** @type {number | undefined} */
let timer;

/** Where notices appear: once on the page. */
export const noticeRegion = () => region;

/** @param {string} text @param {{ quietly?: boolean }} [options] `quietly`: only read out */
export function announce(text, { quietly = false } = {}) {
  clearTimeout(timer);
  put(region, h('p', { class: quietly && 'hidden-visually' }, text));
  timer = setTimeout(() => put(region), SHOWN_MS);
}
