// Keys for people who use the console all day. Single keys act only where nobody types, and can be switched
// off (WCAG 2.1.4); combinations with the browser's modifiers are left to the browser, but for the palette's.

import { kept } from './kept.js';
import { loaded } from './later.js';
import { go } from './router.js';
import { attempt } from './views/token_calls.js';
import { may } from './who.js';

/** @typedef {{ title: string, address: string }} Destination */

/** Things in lists: rows, events, tokens of a family. */
const ENTRIES = 'main tbody tr, main .events > li, main .tree .entry';
const TYPING = 'input, textarea, select, [contenteditable], [role=menu], [role=combobox], [role=listbox]';

/** What each single key does. @type {Record<string, () => void>} */
const SINGLE = {
  '/': search,
  n: () => may('operator') && go('#/new'),
  j: () => move(1),
  k: () => move(-1),
  '?': openKeys,
};

/** @type {() => Destination[]} */
let destinations = () => [];

/** Listens from now on. @param {() => Destination[]} pages that the user may open */
export function listenToKeys(pages) {
  destinations = pages;
  document.addEventListener('keydown', pressed);
}

/** Whether single keys act. */
export const areOn = () => kept('keys') !== 'off';

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open]')) return;
  const { key, ctrlKey, metaKey, altKey, target } = event;
  if (key.toLowerCase() === 'k' && (ctrlKey || metaKey) && !altKey && !event.shiftKey) {
    event.preventDefault();
    openPalette();
    return;
  }
  const isTyping = target instanceof Element && target.closest(TYPING) !== null;
  if (ctrlKey || metaKey || altKey || isTyping || !areOn()) return;
  const act = Object.hasOwn(SINGLE, key) ? SINGLE[key] : undefined;
  if (act === undefined) return;
  event.preventDefault();
  act();
}

export async function openPalette() {
  await attempt(async () => {
    const { palette } = await loaded(() => import('./rare/palette.js'));
    await palette(destinations());
  });
}

export async function openKeys() {
  await attempt(async () => {
    const { keyList } = await loaded(() => import('./rare/key_list.js'));
    await keyList();
  });
}

/** Puts the focus into the search, which is on the list of tokens. */
function search() {
  const field = () =>
    /** @type {HTMLInputElement | null} */ (document.querySelector('main input[type=search]'));
  if (field()) return field()?.focus();
  go('#/tokens');
  // The list comes with its data. Whatever else the user does meanwhile ends the waiting.
  const main = /** @type {HTMLElement} */ (document.querySelector('main'));
  const coming = new MutationObserver(() => {
    if (!field()) return;
    stop();
    // The page's heading gets the focus first.
    requestAnimationFrame(() => field()?.focus());
  });
  const stop = () => {
    coming.disconnect();
    for (const event of ['keydown', 'pointerdown']) removeEventListener(event, stop, true);
  };
  coming.observe(main, { childList: true, subtree: true });
  for (const event of ['keydown', 'pointerdown']) addEventListener(event, stop, true);
}

/** Moves the focus to the link of the next or the previous thing in the lists. @param {1 | -1} step */
function move(step) {
  const entries = [...document.querySelectorAll(ENTRIES)].filter((entry) => linkOf(entry) !== null);
  if (entries.length === 0) return;
  const at = entries.findIndex((entry) => entry.contains(document.activeElement));
  const to = at === -1 ? (step === 1 ? 0 : entries.length - 1) : at + step;
  const link = linkOf(entries[Math.max(0, Math.min(to, entries.length - 1))]);
  link?.focus();
  link?.scrollIntoView({ block: 'nearest' });
}

/** @param {Element} entry @returns {HTMLElement | null} */
const linkOf = (entry) => entry.querySelector('a[href]');
