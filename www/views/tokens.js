// All tokens, with search, filters and pages. The address holds filters and cursor, for Back, reload and
// bookmarks.

import { get, post, query } from '../api.js';
import { h, put } from '../dom.js';
import { go, to } from '../router.js';
import { day, exact, time } from '../time.js';
import { badge, place, stateBadge, warningText } from '../ui/badge.js';
import { failure } from '../ui/failure.js';
import { pageHead } from '../ui/head.js';
import { menuButton } from '../ui/menu.js';
import { announce } from '../ui/notice.js';
import { table } from '../ui/table.js';
import { may } from '../who.js';
import { attention } from './attention.js';
import { tokenActions } from './token_actions.js';
import { usageLines } from './usage_line.js';

/** @import { Page, Token } from '../types.d.ts' */
/** @import { Place } from '../router.js' */

const PAGE = 50;
const TYPED_MS = 300;
const FILTERS = ['q', 'state', 'expiring_within_seconds', 'unused_for_seconds', 'has_successor', 'audience'];
/** @type {[string, string][]} */
const STATES = [
  ['', 'Any'],
  ['active', 'Active'],
  ['disabled', 'Disabled'],
  ['revoked', 'Revoked'],
  ['expired', 'Expired'],
];
/** @type {[string, string][]} */
const UNUSED = [
  ['', 'Any'],
  ['604800', 'Not for 7 days'],
  ['2592000', 'Not for 30 days'],
  ['7776000', 'Not for 90 days'],
];
/** @type {[string, string][]} */
const EXPIRING = [
  ['', 'Any'],
  ['86400', 'Within a day'],
  ['604800', 'Within 7 days'],
  ['2592000', 'Within 30 days'],
];
/**
 * Cursors of the earlier pages by filters: the API gives only the cursor of the next page.
 * @type {Map<string, string[]>}
 */
const ways = new Map();

/** @param {Place} place */
export async function view({ params, signal }) {
  const filters = Object.fromEntries(FILTERS.map((name) => [name, params.get(name) ?? '']));
  const cursor = params.get('cursor') ?? '';
  const page = await load(filters, cursor, signal);
  const results = h('div', null, list(page, filters, cursor, signal));
  const changed = new Refresh(results, signal);
  return h(
    'div',
    null,
    pageHead(
      'Tokens',
      null,
      may('operator') &&
        h('div', { class: 'buttons' }, h('a', { class: 'button primary', href: '#/new' }, 'New token')),
    ),
    attention(signal),
    filterForm(filters, changed),
    results,
  );
}

/**
 * @param {Record<string, string>} filters
 * @param {string} cursor
 * @param {AbortSignal} signal
 * @returns {Promise<Page<Token>>}
 */
const load = (filters, cursor, signal) => get(`/tokens${query({ ...filters, cursor, limit: PAGE })}`, signal);

/** Reloads the list while the user types in the filters. The focus stays where it is. */
class Refresh {
  #loading = new AbortController();
  /** @param {HTMLElement} results @param {AbortSignal} signal */
  constructor(results, signal) {
    this.results = results;
    this.signal = signal;
  }

  /** @param {Record<string, string>} filters @returns {Promise<void>} */
  async run(filters) {
    this.#loading.abort(new DOMException('superseded', 'AbortError'));
    this.#loading = new AbortController();
    const signal = AbortSignal.any([this.#loading.signal, this.signal]);
    try {
      const page = await load(filters, '', signal);
      put(this.results, list(page, filters, '', signal));
      const more = page.next_cursor === null ? '' : ' or more';
      announce(`${page.items.length}${more} ${page.items.length === 1 ? 'token' : 'tokens'}`, {
        quietly: true,
      });
    } catch (error) {
      if (!signal.aborted)
        put(
          this.results,
          failure(error, () => this.run(filters)),
        );
    }
  }
}

/** @param {Record<string, string>} filters @param {Refresh} refresh */
function filterForm(filters, refresh) {
  /** @type {number | undefined} */
  let timer;
  const said = h('p', { class: 'error', id: 'search-error' });
  const search = h('input', {
    type: 'search',
    id: 'search',
    value: filters.q,
    placeholder: 'Label, owner, id, first or last characters',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': 'search-error',
    on: {
      input: () => {
        clearTimeout(timer);
        timer = setTimeout(apply, TYPED_MS);
      },
    },
  });
  const state = select('state', filters.state, STATES, apply);
  const unused = select('unused', filters.unused_for_seconds, UNUSED, apply);
  const expiring = select('expiring', filters.expiring_within_seconds, EXPIRING, apply);
  const form = h(
    'form',
    {
      class: 'filters',
      role: 'search',
      'aria-label': 'Tokens',
      on: {
        submit: (/** @type {Event} */ event) => {
          event.preventDefault();
          apply();
        },
      },
    },
    h('div', { class: 'search' }, h('label', { for: 'search' }, 'Search'), search, said),
    h('div', null, h('label', { for: 'state' }, 'State'), state),
    h('div', null, h('label', { for: 'expiring' }, 'Expires'), expiring),
    h('div', null, h('label', { for: 'unused' }, 'Used'), unused),
  );
  refresh.signal.addEventListener('abort', () => clearTimeout(timer));

  async function apply() {
    clearTimeout(timer);
    const q = search.value.trim();
    put(said);
    if (/\bwla_/.test(q)) return put(said, 'That is an admin key. Enter it only in the sign-in form.');
    if (/^wlp_[\w-]{36}$/.test(q)) return lookUp(q, said);
    const chosen = {
      ...filters,
      q,
      state: state.value,
      expiring_within_seconds: expiring.value,
      unused_for_seconds: unused.value,
    };
    history.replaceState(null, '', to(['tokens'], chosen));
    await refresh.run(chosen);
  }
  return form;
}

/**
 * @param {string} id
 * @param {string} value
 * @param {[string, string][]} options
 * @param {() => void} change
 */
function select(id, value, options, change) {
  return h(
    'select',
    { id, on: { change } },
    options.map(([option, text]) => h('option', { value: option, selected: option === value }, text)),
  );
}

/**
 * Looks up a whole token. It is sent in a body, because an address could end up in a log.
 * @param {string} text
 * @param {Element} said where a fault is shown
 */
async function lookUp(text, said) {
  try {
    const token = /** @type {Token} */ (await post('/tokens/lookup', { token: text }));
    go(to(['token', token.id]));
  } catch (error) {
    put(said, error instanceof Error ? error.message : '');
  }
}

/**
 * @param {Page<Token>} page
 * @param {Record<string, string>} filters
 * @param {string} cursor
 * @param {AbortSignal} signal
 */
function list(page, filters, cursor, signal) {
  if (page.items.length === 0) return empty(filters, cursor);
  return h(
    'div',
    { class: 'card table-card' },
    table('Tokens, newest first', columns(signal), page.items),
    pager(page, filters, cursor),
  );
}

/** @param {AbortSignal} signal @returns {import('../ui/table.js').Column<Token>[]} */
function columns(signal) {
  const line = usageLines(signal);
  return [
    {
      name: 'Token',
      cell: (token) => [
        h('a', { class: 'label', href: to(['token', token.id]) }, token.label),
        h('span', { class: 'under' }, h('code', null, token.fingerprint)),
        token.owner && h('span', { class: 'under' }, token.owner),
      ],
    },
    { name: 'State', cell: (token) => [stateBadge(token.state), ' ', place(token), ' ', ...warnings(token)] },
    { name: 'Works from', cell: (token) => origins(token) },
    { name: 'Ends', class: 'nowrap', cell: (token) => end(token) },
    {
      name: 'Last used',
      class: 'nowrap',
      cell: (token) => [time(token.last_used_at, 'not known'), line(token)],
    },
    {
      name: 'Created',
      class: 'nowrap',
      cell: (token) =>
        h('time', { datetime: token.created_at, title: exact(token.created_at) }, day(token.created_at)),
    },
    {
      name: 'Actions',
      hidden: true,
      class: 'menu-cell',
      cell: (token) => {
        const actions = tokenActions(token);
        return actions.length > 0 && menuButton(`Actions for ${token.label}`, actions);
      },
    },
  ];
}

/** @param {Token} token */
function warnings(token) {
  const told = token.state === 'active' ? token.warnings.filter((code) => code !== 'long_lived') : [];
  return told.length === 0
    ? []
    : [
        h(
          'span',
          { class: 'badge warn', title: told.map(warningText).join('\n') },
          told.length === 1 ? '1 warning' : `${told.length} warnings`,
        ),
      ];
}

/** @param {Token} token */
function origins(token) {
  if (token.origins === 'any') return badge('Every site', 'warn');
  const [first, second, ...others] = token.origins;
  return [
    h('span', { class: 'under' }, first),
    second && h('span', { class: 'under' }, second),
    others.length > 0 && h('span', { class: 'under', title: others.join('\n') }, `and ${others.length} more`),
  ];
}

/** @param {Token} token */
function end(token) {
  if (token.state === 'revoked') return time(token.revoked_at);
  return time(token.ends_at ?? token.expires_at);
}

/** @param {Page<Token>} page @param {Record<string, string>} filters @param {string} cursor */
function pager(page, filters, cursor) {
  const key = JSON.stringify(filters);
  const way = ways.get(key) ?? [''];
  const at = way.indexOf(cursor);
  // After a reload the cursors of earlier pages are unknown. Then Back leads to the first page.
  const before = at === -1 ? [''] : way.slice(0, at);
  ways.clear();
  if (at !== -1) ways.set(key, [...before, cursor, ...(page.next_cursor === null ? [] : [page.next_cursor])]);
  const number = at === -1 ? '' : `Page ${before.length + 1}, `;
  const link = (/** @type {string} */ text, /** @type {string} */ where) =>
    h('a', { class: 'button', href: to(['tokens'], { ...filters, cursor: where }) }, text);
  const only = cursor === '' && page.next_cursor === null;
  return h(
    'nav',
    { class: 'pager', 'aria-label': 'Pages' },
    h(
      'span',
      { class: 'muted' },
      only ? `${page.items.length} ${page.items.length === 1 ? 'token' : 'tokens'}` : `${number}newest first`,
    ),
    !only &&
      h(
        'div',
        null,
        cursor !== '' && link('First', ''),
        cursor !== '' && link('Previous', before[before.length - 1] ?? ''),
        page.next_cursor !== null && link('Next', page.next_cursor),
      ),
  );
}

/** @param {Record<string, string>} filters @param {string} cursor */
function empty(filters, cursor) {
  if (cursor !== '' || Object.values(filters).some((value) => value !== '')) {
    return h(
      'div',
      { class: 'card empty' },
      h('h2', null, 'No token matches'),
      h(
        'p',
        null,
        'A search finds part of a label, owner or external id, ' +
          'a whole id such as tok_7, a whole token, its first 12 or its last 8 characters, or both ' +
          'as shown here.',
      ),
      h('p', null, h('a', { class: 'button', href: '#/tokens' }, 'Show all tokens')),
    );
  }
  return h(
    'div',
    { class: 'card empty' },
    h('h2', null, 'No tokens yet'),
    h(
      'p',
      null,
      'A token lets web pages call your API. ' +
        'Create one for each site or customer, so that you can end one without the others.',
    ),
    may('operator')
      ? h('p', null, h('a', { class: 'button primary', href: '#/new' }, 'Create the first token'))
      : h('p', null, 'Your role may not create tokens.'),
  );
}
