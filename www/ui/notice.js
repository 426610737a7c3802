// Short messages about what happened: shown for a while at the foot of the page, and read by screen readers.
// One may have a button that undoes it.

import { h, put } from '../dom.js';

const SHOWN_MS = 6000,
  SHOWN_WITH_ACTION_MS = 30_000;
/** @type {HTMLElement | undefined} */
let region;
/** @type {number | undefined} */
let timer;

/** The element that shows the messages. There is one in the page. */
export function noticeRegion() {
  region ??= h('div', { class: 'notice', role: 'status', 'aria-live': 'polite' });
  return region;
}

/** Moves it into what is on top: a modal dialog covers and silences the page. @param {HTMLElement} place */
export const showNoticesIn = (place) => place.append(noticeRegion());

/**
 * @param {string} text
 * @param {{ quietly?: boolean, action?: { label: string, act: () => void } }} [options] `quietly`: only read
 *   out
 */
export function announce(text, { quietly = false, action } = {}) {
  clearTimeout(timer);
  const region = noticeRegion();
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
