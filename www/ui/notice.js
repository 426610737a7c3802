// Short messages about what happened: shown for a while at the foot of the page, and read by screen readers.
// One may have a button that undoes it.

import { h, put } from '../dom.js';

const SHOWN_MS = 6000,
  SHOWN_WITH_ACTION_MS = 30_000;
const region = h('div', { class: 'notice', role: 'status', 'aria-live': 'polite' });
/** @type {number | undefined} */
let timer;

/** The element that shows the messages. There is one in the page. */
export const noticeRegion = () => region;

/**
 * @param {string} text
 * @param {{ quietly?: boolean, action?: { label: string, act: () => void } }} [options] `quietly`: only read
 *   out
 */
export function announce(text, { quietly = false, action } = {}) {
  clearTimeout(timer);
  const click = () => {
    put(region);
    action?.act();
  };
  put(
    region,
    h(
      'p',
      { class: quietly && 'hidden-visually' },
      text,
      action && h('button', { type: 'button', on: { click } }, action.label),
    ),
  );
  timer = setTimeout(() => put(region), action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
}
