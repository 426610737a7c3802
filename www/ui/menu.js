// A menu button (ARIA practices): Enter or arrow down opens, arrows move, Escape closes, letters jump.

import { h, uniqueId } from '../dom.js';

/**
 * @param {string} label what the button is for, to those who cannot see where it stands
 * @param {{ label: string, act: () => void, danger?: boolean }[]} items
 */
export function menuButton(label, items) {
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
      on: { click: toggle, keydown: keyOnButton },
    },
    '⋯',
  );
  const menu = h('div', {
    id,
    role: 'menu',
    class: 'menu',
    popover: 'manual',
    'aria-label': label,
    on: { keydown: keyInMenu },
  });

  function fill() {
    menu.replaceChildren(
      ...items.map(({ label, act, danger }) =>
        h(
          'button',
          {
            type: 'button',
            role: 'menuitem',
            tabindex: '-1',
            class: danger ? 'danger' : null,
            on: {
              click: () => {
                close();
                act();
              },
            },
          },
          label,
        ),
      ),
    );
  }
  function toggle() {
    if (menu.matches(':popover-open')) close();
    else open();
  }
  function open() {
    fill();
    menu.showPopover();
    button.setAttribute('aria-expanded', 'true');
    const anchor = button.getBoundingClientRect();
    const { width, height } = menu.getBoundingClientRect();
    const below = anchor.bottom + height + 8 <= innerHeight;
    menu.style.left = `${Math.max(8, anchor.right - width)}px`;
    menu.style.top = `${below ? anchor.bottom + 4 : Math.max(8, anchor.top - height - 4)}px`;
    item(0)?.focus();
    document.addEventListener('pointerdown', outside, true);
    addEventListener('scroll', closeQuietly, { capture: true, once: true });
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
    const at = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + entries.length, Home: 0, End: entries.length - 1 }[
      event.key
    ];
    if (to !== undefined) item(to)?.focus();
    else if (event.key === 'Escape') close();
    else if (event.key === 'Tab') return closeQuietly();
    else if (/^\S$/.test(event.key))
      entries.find((entry) => entry.textContent?.toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  /** @param {number} index */
  const item = (index) =>
    /** @type {HTMLElement | undefined} */ (menu.children[index % menu.children.length]);

  return h('div', { class: 'menu-holder' }, button, menu);
}
