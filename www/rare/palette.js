// The command palette: pages, actions, and tokens by what one types or pastes. A combobox with a list (ARIA
// Authoring Practices): arrows move, Enter takes, Escape closes.

import { get } from '../api.js';
import { h, put, uniqueId } from '../dom.js';
import { openKeys } from '../hands.js';
import { latest } from '../latest.js';
import { go, here, to } from '../router.js';
import { openDialog } from '../ui/dialog.js';
import { themeItems } from '../ui/theme.js';
import { tokenActions } from '../views/token_actions.js';
import { findTokens } from '../views/token_search.js';
import { may } from '../who.js';

/**
 * @import { Token } from '../types.d.ts'
 * @import { Destination } from '../hands.js'
 * @typedef {{ label: string, about?: string, why?: string, act: () => void }} Choice
 */

const TYPED_MS = 200;
const TOKENS_SHOWN = 8;
const SETTLES_MS = 300;

/** @param {Destination[]} pages */
export async function palette(pages) {
  const closed = new AbortController();
  /** @type {Choice | null} */
  let taken = null;
  const build = (/** @type {() => void} */ close) =>
    content(fixedChoices(pages), actionsHere(closed.signal), closed.signal, (choice) => {
      taken = choice;
      close();
    });
  await openDialog('Go to', build, { single: true });
  closed.abort();
  /** @type {Choice | null} */ (taken)?.act();
}

/** @param {Destination[]} pages @returns {Choice[]} */
function fixedChoices(pages) {
  const page = (/** @type {Destination} */ { title, address }) => ({
    label: title,
    about: 'page',
    act: () => go(address),
  });
  return [
    ...(may('operator') ? [page({ title: 'New token', address: '#/new' })] : []),
    ...pages.map(page),
    ...themeItems().map((item) => ({ ...item, about: 'theme' })),
    { label: 'Keys', about: 'list of keys', act: openKeys },
  ];
}

/** The actions on the token whose page is open. @param {AbortSignal} signal @returns {Promise<Choice[]>} */
async function actionsHere(signal) {
  const [page, id] = here(signal).path;
  if (page !== 'token' || id === undefined) return [];
  try {
    const token = /** @type {Token} */ (await get(`/tokens/${encodeURIComponent(id)}`, signal));
    return tokenActions(token).map((action) => ({ ...action, about: `“${token.label}”` }));
  } catch {
    return [];
  }
}

/**
 * @param {Choice[]} choices that are there without a search
 * @param {Promise<Choice[]>} more that come before them
 * @param {AbortSignal} signal
 * @param {(choice: Choice) => void} take
 */
function content(choices, more, signal, take) {
  const listId = uniqueId('choices');
  const list = h('ul', { id: listId, role: 'listbox', class: 'choices', 'aria-label': 'What to go to' });
  const count = h('p', { class: 'hidden-visually', role: 'status' });
  /** @type {Choice[]} */
  let shown = [];
  let at = 0;
  /** Whether the mark was moved by hand. */
  let isMoved = false;
  let changedMs = 0;
  const input = h('input', {
    type: 'text',
    role: 'combobox',
    autofocus: true,
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'A page, an action, a token …',
    'aria-label': 'A page, an action or a token',
    'aria-expanded': 'true',
    'aria-controls': listId,
    'aria-autocomplete': 'list',
    on: { input: typed, keydown: pressed },
  });

  /** @param {Choice[]} found */
  function show(found) {
    shown = found;
    at = 0;
    put(list, found.map(option));
    put(count, found.length === 0 ? 'Nothing matches.' : `${found.length} choices`);
    mark();
  }
  /** @param {Choice} choice @param {number} index */
  function option(choice, index) {
    const { label, about, why } = choice;
    return h(
      'li',
      {
        id: `${listId}-${index}`,
        role: 'option',
        'aria-disabled': why ? 'true' : null,
        // Not what has just moved under the pointer.
        on: { click: () => !why && performance.now() - changedMs > SETTLES_MS && take(choice) },
      },
      h('span', null, label),
      h('span', { class: 'muted small' }, why ?? about),
    );
  }
  function mark() {
    for (const [index, item] of [...list.children].entries())
      item.setAttribute('aria-selected', String(index === at));
    list.children[at]?.scrollIntoView({ block: 'nearest' });
    if (shown.length > 0) input.setAttribute('aria-activedescendant', `${listId}-${at}`);
    else input.removeAttribute('aria-activedescendant');
  }
  /** @param {KeyboardEvent} event */
  function pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && shown.length > 0) {
      at = (at + step + shown.length) % shown.length;
      isMoved = true;
      mark();
    } else if (event.key === 'Enter') {
      if (isMoved) takeMarked();
      // What somebody means who types fast may be among the actions that are still being asked for.
      else more.then(takeMarked);
    } else return;
    event.preventDefault();
  }

  function takeMarked() {
    const choice = shown[at];
    if (choice && !choice.why && !signal.aborted) take(choice);
  }

  /** @type {number | undefined} */
  let timer;
  const next = latest(signal);
  signal.addEventListener('abort', () => clearTimeout(timer));
  function typed() {
    clearTimeout(timer);
    const asked = next();
    isMoved = false;
    const text = input.value.trim();
    const matching = matches(choices, text);
    show(matching);
    if (text.length < 2) return;
    timer = setTimeout(async () => {
      try {
        const { items } = await findTokens({ q: text }, '', asked);
        const chosen = at;
        show([...matching, ...items.slice(0, TOKENS_SHOWN).map(tokenChoice)]);
        at = chosen;
        mark();
      } catch {
        // Pages and actions are there all the same.
      }
    }, TYPED_MS);
  }
  show(choices);
  more.then((first) => {
    if (first.length === 0 || signal.aborted) return;
    choices = [...first, ...choices];
    const marked = isMoved ? shown[at] : undefined;
    if (input.value === '') show(choices);
    else typed();
    changedMs = performance.now();
    if (marked === undefined) return;
    isMoved = true;
    at = Math.max(0, shown.indexOf(marked));
    mark();
  });
  return [input, count, list];
}

/** @param {Token} token @returns {Choice} */
const tokenChoice = (token) => ({
  label: token.label,
  about: `${token.fingerprint} · ${token.state}`,
  act: () => go(to(['token', token.id])),
});

/** Those in which every typed word stands. @param {Choice[]} choices @param {string} text */
function matches(choices, text) {
  const words = text.toLowerCase().split(/\s+/);
  return choices.filter(({ label, about = '' }) => {
    const where = `${label} ${about}`.toLowerCase();
    return words.every((word) => where.includes(word));
  });
}
