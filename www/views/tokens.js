// All tokens, with search, filters, order and pages. The address holds them and the cursor, for Back, reload
// and bookmarks.

import { h, put } from '../dom.js';
import { loaded } from '../later.js';
import { latest } from '../latest.js';
import { go, rewrite, to } from '../router.js';
import { failure, wordsOf } from '../ui/failure.js';
import { pageHead } from '../ui/head.js';
import { announce } from '../ui/notice.js';
import { may } from '../who.js';
import { attention } from './attention.js';
import { configuration } from './configuration.js';
import { guide } from './guide.js';
import { read, whySecret } from './pasted.js';
import { Selection } from './selection.js';
import { attempt } from './token_calls.js';
import {
  asJson,
  chosenIn,
  FILTERS,
  filtersOf,
  given,
  inWords,
  mainFilters,
  moreFilters,
  showChips,
} from './token_filters.js';
import { inOrder, tokenList } from './token_list.js';
import { findTokens, lookUp } from './token_search.js';

/** @import { Configuration } from '../types.d.ts' */
/** @import { Place } from '../router.js' */
/** @import { Found } from './token_search.js' */
/** @import { Filter, Filters } from './token_filters.js' */

const TYPED_MS = 300;
/**
 * Cursors of the earlier pages by filters: the API gives only the cursor of the next page.
 * @type {Map<string, string[]>}
 */
const ways = new Map();

/** @param {Place} place */
export async function view({ params, signal }) {
  const filters = filtersOf(params);
  const list = new List(filters, params.get('sort') ?? '', signal);
  if (FILTERS.some((name) => whySecret(params.get(name) ?? '') !== '')) {
    // Somebody opened an address with a secret or a whole token in it.
    filters.q = read(filters.q).shown;
    rewrite(list.address(''));
  }
  const cursor = params.get('cursor') ?? '';
  const [found, settings] = await Promise.all([list.find(cursor), configuration(signal).catch(() => null)]);
  list.show(found, cursor);
  return h(
    'div',
    { class: 'tokens' },
    pageHead('Tokens', null, h('div', { class: 'buttons' }, list.tools(), newToken())),
    attention(signal),
    filterForm(list, settings),
    list.place,
    list.selection.bar,
  );
}

const newToken = () => may('operator') && h('a', { class: 'button primary', href: '#/new' }, 'New token');

/** The list as it is shown: what it holds, and its order. */
class List {
  #next;
  /** @type {Found | null} */
  #found = null;

  /** @param {Filters} filters @param {string} sort @param {AbortSignal} signal */
  constructor(filters, sort, signal) {
    this.filters = filters;
    this.sort = sort;
    this.signal = signal;
    this.#next = latest(signal);
    this.place = h('div');
    this.chips = h('div', { class: 'chips', role: 'group', 'aria-label': 'Filters that hold' });
    this.selection = new Selection(() => ({
      filter: given(this.filters).length === 0 ? null : asJson(this.#found?.asked ?? {}),
      total: totalOf(this.#found),
      more: hasMore(this.#found),
      words: given(this.filters)
        .map((name) => inWords(name, this.filters[name]))
        .join(', '),
    }));
  }

  /** @param {string} cursor */
  address(cursor) {
    return to(['tokens'], { ...this.filters, sort: this.sort, cursor });
  }

  /** @param {string} cursor @param {AbortSignal} [signal] */
  find(cursor, signal = this.signal) {
    return findTokens({ ...this.filters, sort: this.sort }, cursor, signal);
  }

  /** @param {Found} found @param {string} cursor */
  show(found, cursor) {
    this.#found = found;
    const select = may('operator') ? this.selection.of(found.items) : undefined;
    put(
      this.place,
      found.items.length === 0
        ? empty(this.filters, cursor)
        : h(
            'div',
            { class: 'card table-card' },
            tokenList(found.items, {
              sort: this.sort,
              sorted: (sort) => this.#order(sort),
              signal: this.signal,
              select,
            }),
            pager(found, this, cursor),
          ),
    );
    this.selection.shown();
  }

  /** Reads the list again after a filter has changed. The focus stays where it is. */
  async refresh() {
    const signal = this.#next();
    // Nothing is done to what is still shown: the filters that hold find other tokens.
    this.#found = null;
    this.selection.clear();
    try {
      const found = await this.find('', signal);
      this.selection.clear();
      this.show(found, '');
      announce(`${totalOf(found)} ${found.items.length === 1 ? 'token' : 'tokens'}`, { quietly: true });
    } catch (error) {
      if (!signal.aborted)
        put(
          this.place,
          failure(error, () => this.refresh()),
        );
    }
  }

  /** @param {string} sort */
  async #order(sort) {
    this.sort = sort === '-created' ? '' : sort;
    rewrite(this.address(''));
    await this.refresh();
    const head = this.place.querySelector(`[data-sort="${sort.replace('-', '')}"]`);
    /** @type {HTMLElement | null} */ (head)?.focus();
  }

  async #views() {
    const { viewsDialog } = await loaded(() => import('../rare/saved_views.js'));
    await viewsDialog({ ...this.filters, sort: this.sort });
  }

  async #export() {
    const { exportCsv } = await loaded(() => import('../rare/token_csv.js'));
    const found = this.#found ?? (await this.find(''));
    await exportCsv({ ...found.asked, sort: this.sort }, totalOf(found));
  }

  /** What can be done with the whole list. */
  tools() {
    return [
      h('button', { type: 'button', on: { click: () => attempt(() => this.#views()) } }, 'Views …'),
      h(
        'button',
        {
          type: 'button',
          on: { click: () => attempt(() => this.#export()) },
        },
        'Export CSV …',
      ),
    ];
  }
}

/** @param {Found | null} found */
function totalOf(found) {
  const { count, exact } = found?.total ?? { count: 0, exact: true };
  return exact ? count.toLocaleString('en') : `at least ${count.toLocaleString('en')}`;
}

/** Whether other tokens match than those of the page, or may. @param {Found | null} found */
function hasMore(found) {
  return !!found?.total && (!found.total.exact || found.total.count > found.items.length);
}

/** @param {List} list @param {Configuration | null} settings */
function filterForm(list, settings) {
  /** @type {number | undefined} */
  let timer;
  const { filters } = list;
  const said = h('p', { class: 'error', id: 'search-error' });
  const search = h('input', {
    type: 'search',
    id: 'search',
    value: filters.q,
    placeholder: 'Label, owner, site, id, token or a part of it',
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
  const main = mainFilters(filters, apply);
  const more = settings === null ? [] : moreFilters(filters, settings, apply);
  const controls = [...main, ...more];
  const isOpen = more.some(({ name }) => filters[name] !== '');
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    apply();
  };
  list.signal.addEventListener('abort', () => clearTimeout(timer));
  chips();
  return h(
    'form',
    { class: 'filters', role: 'search', 'aria-label': 'Tokens', on: { submit } },
    h('div', { class: 'search' }, h('label', { for: 'search' }, 'Search'), search, said),
    main.map(({ place }) => place),
    more.length > 0 &&
      h(
        'details',
        { class: 'more-filters', open: isOpen },
        h('summary', null, 'More filters'),
        h(
          'div',
          { class: 'filters' },
          more.map(({ place }) => place),
        ),
      ),
    list.chips,
  );

  /** Shows a chip for each filter that holds. */
  function chips() {
    showChips(list.chips, filters, (removed) => {
      for (const name of removed === '' ? given(filters) : [removed]) clear(name, filters, controls);
      if (filters.q === '') search.value = '';
      search.focus();
      apply();
    });
  }

  async function apply() {
    clearTimeout(timer);
    // Another page is about to be drawn, and the address is its own.
    if (list.signal.aborted) return;
    const { shown: q, token, isAdminKey } = read(search.value);
    put(said);
    if (isAdminKey) return put(said, 'That is an admin key. Enter it only in the sign-in form.');
    if (token) search.value = q;
    filters.q = q;
    for (const filter of controls) filters[filter.name] = chosenIn(filter);
    rewrite(list.address(''));
    chips();
    if (token && (await opened(token, said, list.signal))) return;
    await list.refresh();
  }
}

/** @param {string} name @param {Filters} filters @param {Filter[]} controls */
function clear(name, filters, controls) {
  filters[name] = '';
  for (const filter of controls) if (filter.name === name) filter.control.value = '';
}

/**
 * Opens the page of a whole token; false where there is none.
 * @param {string} text
 * @param {Element} said where a fault is shown
 * @param {AbortSignal} signal
 */
async function opened(text, said, signal) {
  try {
    const { id } = await lookUp(text);
    // Who has gone elsewhere meanwhile stays there.
    if (!signal.aborted) go(to(['token', id]));
    return true;
  } catch (error) {
    put(said, wordsOf(error));
    return false;
  }
}

/** @param {Found} found @param {List} list @param {string} cursor */
function pager(found, list, cursor) {
  const key = JSON.stringify([list.filters, list.sort]);
  const way = ways.get(key) ?? [''];
  const at = way.indexOf(cursor);
  // After a reload the cursors of earlier pages are unknown. Then Back leads to the first page.
  const before = at === -1 ? [''] : way.slice(0, at);
  const next = found.next_cursor;
  ways.clear();
  if (at !== -1) ways.set(key, [...before, cursor, ...(next === null ? [] : [next])]);
  const number = at === -1 ? '' : `Page ${before.length + 1}, `;
  const link = (/** @type {string} */ text, /** @type {string} */ where) =>
    h('a', { class: 'button', href: list.address(where) }, text);
  const only = cursor === '' && next === null;
  const total = `${totalOf(found)} ${found.total?.count === 1 ? 'token' : 'tokens'}`;
  return h(
    'nav',
    { class: 'pager', 'aria-label': 'Pages' },
    h('span', { class: 'muted' }, only ? total : `${number}${inOrder(list.sort)}, of ${total}`),
    !only &&
      h(
        'div',
        null,
        cursor !== '' && link('First', ''),
        cursor !== '' && link('Previous', before[before.length - 1] ?? ''),
        next !== null && link('Next', next),
      ),
  );
}

/** @param {Filters} filters @param {string} cursor */
function empty(filters, cursor) {
  if (cursor !== '' || given(filters).length > 0) {
    return h(
      'div',
      { class: 'card empty' },
      h('h2', null, 'No token matches'),
      h(
        'p',
        null,
        'A search finds part of a label, owner or external id; a site or the address of a page; ' +
          'an id such as tok_7 or fam_…; a token, also with Bearer or an address around it; ' +
          'its first 12 or last 8 characters, or both as shown here.',
      ),
      h('p', null, h('a', { class: 'button', href: '#/tokens' }, 'Show all tokens')),
    );
  }
  return guide();
}
