// A menu button (ARIA Authoring Practices): Enter or arrow down opens it, arrows move, Escape closes, letters
// jump.

import { h, uniqueId } from '../dom.js';

/**
 * An action; with `why` it is shown, but cannot be taken. `see`: the token that stands in the way, or to take
 * instead.
 * @typedef {{ label: string, act: () => void, danger?: boolean, why?: string, see?: { words: string, token:
 *   string } }} Item
 */

/**
 * @param {string} label what the button is for, as read by screen readers
 * @param {Item[] | (() => Item[])} items a function is asked each time the menu opens
 * @param {string} [text] on the button
 */
export function menuButton(label, items, text = '⋯') {
  const id = uniqueId('menu');
  const button = h(
    'button',
    {
      type: 'button',
      class: 'quiet menu-button',
      'aria-haspopup': 'menu',
      'aria-expanded': 'false',
      'aria-controls': id,
      'aria-label': label,
      on: { click: () => (menu.matches(':popover-open') ? close() : open()), keydown: keyOnButton },
    },
    text,
  );
  const menu = h('div', {
    id,
    role: 'menu',
    class: 'menu',
    popover: 'manual',
    'aria-label': label,
    on: { keydown: keyInMenu },
  });

  let openedAt = button.getBoundingClientRect();

  function open() {
    menu.replaceChildren(
      ...(typeof items === 'function' ? items() : items).map((item) => entry(item, close)),
    );
    menu.showPopover();
    button.setAttribute('aria-expanded', 'true');
    placeAt(menu, button);
    /** @type {HTMLElement | null} */ (menu.querySelector('button'))?.focus();
    document.addEventListener('pointerdown', outside, true);
    openedAt = button.getBoundingClientRect();
    addEventListener('scroll', scrolled, true);
  }
  function close() {
    closeQuietly();
    button.focus();
  }
  function closeQuietly() {
    if (!menu.matches(':popover-open')) return;
    menu.hidePopover();
    button.setAttribute('aria-expanded', 'false');
    document.removeEventListener('pointerdown', outside, true);
    removeEventListener('scroll', scrolled, true);
  }
  /** The event comes a frame after the scrolling, which may have been before the menu was opened. */
  function scrolled() {
    const { top, left } = button.getBoundingClientRect();
    if (top !== openedAt.top || left !== openedAt.left) closeQuietly();
  }
  /** @param {Event} event */
  function outside(event) {
    if (!menu.contains(/** @type {Node} */ (event.target)) && event.target !== button) closeQuietly();
  }
  /** @param {KeyboardEvent} event */
  function keyOnButton(event) {
    if (event.key !== 'ArrowDown') return;
    event.preventDefault();
    open();
  }
  /** @param {KeyboardEvent} event */
  function keyInMenu(event) {
    const entries = /** @type {HTMLElement[]} */ ([...menu.children]);
    const to = destination(event.key, entries);
    if (to !== undefined) to.focus();
    else if (event.key === 'Escape') close();
    else if (event.key === 'Tab') return closeQuietly();
    else if (/^\S$/.test(event.key)) beginningWith(event.key, entries)?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  return h('div', { class: 'menu-holder' }, button, menu);
}

/**
 * Where an arrow, Home or End leads. Arrows go round.
 * @param {string} key
 * @param {HTMLElement[]} entries
 */
function destination(key, entries) {
  const at = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 + entries.length, Home: 0, End: entries.length - 1 }[key];
  return to === undefined ? undefined : entries[to % entries.length];
}

/** @param {string} letter @param {HTMLElement[]} entries */
const beginningWith = (letter, entries) =>
  entries.find((entry) => entry.textContent?.toLowerCase().startsWith(letter.toLowerCase()));

/** @param {Item} item @param {() => void} close the menu, before the item acts */
function entry({ label, act, danger, why, see }, close) {
  const click = () => {
    if (why) return;
    close();
    act();
  };
  return h(
    'button',
    {
      type: 'button',
      role: 'menuitem',
      tabindex: '-1',
      class: danger ? 'danger' : null,
      'aria-disabled': why ? 'true' : null,
      on: { click },
    },
    label,
    why && h('span', { class: 'under' }, see ? `${why} ${see.words} ${see.token}` : why),
  );
}

/**
 * Puts the menu below its button where there is room, otherwise above.
 * @param {HTMLElement} menu
 * @param {Element} button
 */
function placeAt(menu, button) {
  const anchor = button.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const below = anchor.bottom + height + 8 <= innerHeight;
  menu.style.left = `${Math.max(8, anchor.right - width)}px`;
  menu.style.top = `${below ? anchor.bottom + 4 : Math.max(8, anchor.top - height - 4)}px`;
}
