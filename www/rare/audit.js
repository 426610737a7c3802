// The audit log: append only, newest first; by token, family, person, action and time.

import { get, query } from '../api.js';
import { h, put } from '../dom.js';
import { go, here, rewrite, to } from '../router.js';
import { fromLocalInput, toLocalInput } from '../time.js';
import { field } from '../ui/form.js';
import { pageHead } from '../ui/head.js';
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
  const cursor = params.get('cursor');
  const [page, people] = await Promise.all([
    /** @type {Promise<Page<Event>>} */ (get(`/events${query({ ...filters, cursor, limit: PAGE })}`, signal)),
    actors(signal),
  ]);
  const seen = page.items.map(({ actor }) => actor);
  return h(
    'div',
    null,
    pageHead(
      'Audit log',
      'Who did what, newest first. Entries are never changed or deleted.' +
        (may('owner') ? '' : ' Events of admin keys, sessions and signing keys are shown to owners.'),
    ),
    filterForm(filters, [...new Set([SYSTEM, ...people, ...seen])], signal),
    h(
      'div',
      { class: 'card' },
      page.items.length === 0 && page.next_cursor !== null
        ? h(
            'p',
            { class: 'muted' },
            'None among the last 50,000 entries that were searched. Older ones may match.',
          )
        : eventList(page.items, { toActor: (actor) => to(['audit'], { ...filters, actor }) }),
    ),
    (cursor !== null || page.next_cursor !== null) &&
      h(
        'nav',
        { class: 'pager bare', 'aria-label': 'Pages' },
        h('span'),
        h(
          'div',
          null,
          cursor !== null && h('a', { class: 'button', href: to(['audit'], filters) }, 'Newest'),
          page.next_cursor !== null &&
            h(
              'a',
              { class: 'button', href: to(['audit'], { ...filters, cursor: page.next_cursor }) },
              'Older',
            ),
        ),
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

/** @param {Filters} filters @param {string[]} people @param {AbortSignal} signal */
function filterForm(filters, people, signal) {
  // The others are those of the address: it may name another page by now, which is about to be drawn.
  const change = (/** @type {Partial<Filters>} */ chosen) => {
    const { path, params } = here(signal);
    if (path[0] === 'audit') go(to(['audit'], { ...filtersOf(params), ...chosen }));
  };
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
    Object.values(filters).some((value) => value !== '') &&
      h('div', null, h('a', { class: 'button', href: '#/audit' }, 'Show all')),
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
