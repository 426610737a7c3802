// The audit log: append only, newest first; by token, family, person, action and time.

import { get, query } from '../api.js';
import { counted } from '../counted.js';
import { h, put } from '../dom.js';
import { latest } from '../latest.js';
import { go, here, rewrite, to } from '../router.js';
import { fromLocalInput, toLocalInput } from '../time.js';
import { failure } from '../ui/failure.js';
import { field } from '../ui/form.js';
import { pageHead } from '../ui/head.js';
import { announce } from '../ui/notice.js';
import { ACTIONS, actionWords, eventList } from '../views/event_list.js';
import { whySecret, withoutSecrets } from '../views/pasted.js';
import { may } from '../who.js';

/** @import { AdminKey, Event, Page } from '../types.d.ts' */
/** @import { Place } from '../router.js' */
/** @typedef {Record<'token' | 'family' | 'actor' | 'action' | 'from' | 'to', string>} Filters */

const FILTERS = ['token', 'family', 'actor', 'action', 'from', 'to'];
const PAGE = 50;
const SYSTEM = 'system';

/** @param {Place} place */
export async function view({ params, signal }) {
  const filters = filtersOf(params);
  // Somebody opened an address with a secret in it.
  if ([...params.values()].some(whySecret)) rewrite(to(['audit'], filters));
  const cursor = params.get('cursor') ?? '';
  const results = h('div', { class: 'stack' });
  const showAll = h('div');
  const next = latest(signal);
  const [page, people] = await Promise.all([load(filters, cursor, signal), actors(signal)]);
  show(page, filters, cursor);
  const seen = page.items.map(({ actor }) => actor);
  return h(
    'div',
    null,
    pageHead(
      'Audit log',
      'Who did what, newest first. Entries are never changed or deleted.' +
        (may('owner') ? '' : ' Events of admin keys, sessions and signing keys are shown to owners.'),
    ),
    filterForm(filters, [...new Set([SYSTEM, ...people, ...seen])], showAll, change),
    results,
  );

  /** @param {Partial<Filters>} chosen */
  function change(chosen) {
    // The others are those of the address: it may name another page by now, which is about to be drawn.
    const { path, params } = here(signal);
    if (path[0] !== 'audit') return;
    const filters = { ...filtersOf(params), ...chosen };
    const address = to(['audit'], filters);
    if (signal.aborted) return go(address);
    rewrite(address);
    ask(filters);
  }
  /** Reads the entries again. The focus stays where it is. @param {Filters} filters */
  async function ask(filters) {
    const asked = next();
    try {
      const page = await load(filters, '', asked);
      show(page, filters, '');
      announce(`${counted(page.items.length, 'event')} shown.`, { quietly: true });
    } catch (error) {
      if (!asked.aborted)
        put(
          results,
          failure(error, () => ask(filters)),
        );
    }
  }
  /** @param {Page<Event>} page @param {Filters} filters @param {string} cursor */
  function show(page, filters, cursor) {
    const isFiltered = Object.values(filters).some((value) => value !== '');
    put(showAll, isFiltered && h('a', { class: 'button', href: '#/audit' }, 'Show all'));
    put(results, entries(page, filters), pager(page, filters, cursor));
  }
}

/** @param {Filters} filters @param {string} cursor @param {AbortSignal} signal */
const load = (filters, cursor, signal) =>
  /** @type {Promise<Page<Event>>} */ (get(`/events${query({ ...filters, cursor, limit: PAGE })}`, signal));

/** @param {Page<Event>} page @param {Filters} filters */
function entries({ items, next_cursor: next }, filters) {
  return h(
    'div',
    { class: 'card' },
    items.length === 0 && next !== null
      ? h(
          'p',
          { class: 'muted' },
          'None among the last 50,000 entries that were searched. Older ones may match.',
        )
      : eventList(items, { toActor: (actor) => to(['audit'], { ...filters, actor }) }),
  );
}

/** @param {Page<Event>} page @param {Filters} filters @param {string} cursor */
function pager({ next_cursor: next }, filters, cursor) {
  if (cursor === '' && next === null) return false;
  return h(
    'nav',
    { class: 'pager bare', 'aria-label': 'Pages' },
    h('span'),
    h(
      'div',
      null,
      cursor !== '' && h('a', { class: 'button', href: to(['audit'], filters) }, 'Newest'),
      next !== null &&
        h('a', { class: 'button', href: to(['audit'], { ...filters, cursor: next }) }, 'Older'),
    ),
  );
}

/** The filters of an address, without what is a secret. @param {URLSearchParams} params */
const filtersOf = (params) =>
  /** @type {Filters} */ (
    withoutSecrets(Object.fromEntries(FILTERS.map((name) => [name, params.get(name) ?? ''])))
  );

/**
 * Who may have acted: the list of keys is for owners.
 * @param {AbortSignal} signal
 * @returns {Promise<string[]>}
 */
async function actors(signal) {
  if (!may('owner')) return [];
  const keys = /** @type {Page<AdminKey>} */ (await get('/admin-keys', signal)).items;
  return keys.map(({ id, label }) => `${id} ${label}`);
}

/**
 * @param {Filters} filters
 * @param {string[]} people
 * @param {Element} showAll
 * @param {(chosen: Partial<Filters>) => void} change
 */
function filterForm(filters, people, showAll, change) {
  const actor = select(
    people.map((name) => [name, name]),
    'Anybody',
    filters.actor,
    (actor) => change({ actor }),
  );
  const actions = Object.keys(ACTIONS).map((name) => /** @type {[string, string]} */ ([name, words(name)]));
  const action = select(actions, 'Anything', filters.action, (action) => change({ action }));
  const from = moment(filters.from, (from) => change({ from }));
  const until = moment(filters.to, (to) => change({ to }));
  return h(
    'form',
    { class: 'filters', role: 'search', 'aria-label': 'Filters', on: { submit: prevented } },
    field({ name: 'actor', label: 'Who', control: actor }),
    field({ name: 'action', label: 'Did what', control: action }),
    aboutField(filters, change),
    field({ name: 'from', label: 'From', control: from }),
    field({ name: 'to', label: 'Before', control: until }),
    showAll,
  );
}

/**
 * Takes the id of a token or a family, and says where it is none.
 * @param {Filters} filters
 * @param {(chosen: Partial<Filters>) => void} chosen
 */
function aboutField(filters, chosen) {
  const change = () => {
    const id = about.value.trim();
    const isId = id === '' || /^(?:tok_\d+|fam_[\w-]+)$/.test(id);
    const said = of.querySelector('.error');
    if (said) put(said, !isId && (whySecret(id) || 'An id: tok_ or fam_ and what follows.'));
    about.setAttribute('aria-invalid', String(!isId));
    if (isId) chosen({ token: id.startsWith('tok_') ? id : '', family: id.startsWith('fam_') ? id : '' });
  };
  const about = h('input', {
    type: 'text',
    value: filters.token || filters.family,
    placeholder: 'tok_… or fam_…',
    spellcheck: 'false',
    on: { change },
  });
  const of = field({ name: 'about', label: 'Token or family', control: about });
  return of;
}

/** @param {string} value @param {(time: string) => void} chosen */
function moment(value, chosen) {
  const input = h('input', {
    type: 'datetime-local',
    value: value === '' ? '' : toLocalInput(value),
    on: { change: () => chosen(fromLocalInput(input.value) ?? '') },
  });
  return input;
}

/** @param {globalThis.Event} event */
const prevented = (event) => event.preventDefault();

/** @param {string} action */
function words(action) {
  const text = actionWords(action)
    .filter((part) => part !== '')
    .join(' … ');
  return action.startsWith('token.') ? `${text} (token)` : text;
}

/**
 * @param {[string, string][]} options value and text
 * @param {string} none
 * @param {string} value
 * @param {(value: string) => void} chosen
 */
function select(options, none, value, chosen) {
  const all = [/** @type {[string, string]} */ (['', none]), ...options];
  if (!all.some(([option]) => option === value)) all.push([value, value]);
  const control = h(
    'select',
    { on: { change: () => chosen(control.value) } },
    all.map(([option, text]) => h('option', { value: option, selected: option === value }, text)),
  );
  return control;
}
