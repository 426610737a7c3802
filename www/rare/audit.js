// The audit log: append only, newest first; by token, family, person, action and time.

import { get, query } from '../api.js';
import { h, put } from '../dom.js';
import { go, rewrite, to } from '../router.js';
import { fromLocalInput, toLocalInput } from '../time.js';
import { field } from '../ui/form.js';
import { pageHead } from '../ui/head.js';
import { ACTIONS, actionWords, eventList } from '../views/event_list.js';
import { whySecret, withoutSecrets } from '../views/pasted.js';
import { may } from '../who.js';

/** @import { AdminKey, Event, Page } from '../types.d.ts' */
/** @import { Place } from '../router.js' */
/** @typedef {Record<'token' | 'family' | 'actor' | 'action' | 'from' | 'to', string>} Filters */

const PAGE = 50;
const SYSTEM = 'system';

/** @param {Place} place */
export async function view({ params, signal }) {
  const filters = /** @type {Filters} */ (
    withoutSecrets(
      Object.fromEntries(
        ['token', 'family', 'actor', 'action', 'from', 'to'].map((name) => [name, params.get(name) ?? '']),
      ),
    )
  );
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
    filterForm(filters, [...new Set([SYSTEM, ...people, ...seen])]),
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

/** @param {Filters} filters @param {string[]} people */
function filterForm(filters, people) {
  const change = () => {
    const id = about.value.trim();
    const isId = id === '' || /^(?:tok_\d+|fam_[\w-]+)$/.test(id);
    const said = of.querySelector('.error');
    if (said) put(said, !isId && (whySecret(id) || 'An id: tok_ or fam_ and what follows.'));
    about.setAttribute('aria-invalid', String(!isId));
    if (!isId) return;
    const at = (/** @type {HTMLInputElement} */ input) => fromLocalInput(input.value) ?? '';
    go(
      to(['audit'], {
        ...filters,
        token: id.startsWith('tok_') ? id : '',
        family: id.startsWith('fam_') ? id : '',
        actor: actor.value,
        action: action.value,
        from: at(from),
        to: at(until),
      }),
    );
  };
  const on = { change };
  const actor = select(
    people.map((name) => [name, name]),
    'Anybody',
    filters.actor,
    on,
  );
  const actions = Object.keys(ACTIONS).map((name) => /** @type {[string, string]} */ ([name, words(name)]));
  const action = select(actions, 'Anything', filters.action, on);
  const [from, until] = [filters.from, filters.to].map((value) =>
    h('input', { type: 'datetime-local', value: value === '' ? '' : toLocalInput(value), on }),
  );
  const about = h('input', {
    type: 'text',
    value: filters.token || filters.family,
    placeholder: 'tok_… or fam_…',
    spellcheck: 'false',
    on,
  });
  const of = field({ name: 'about', label: 'Token or family', control: about });
  return h(
    'form',
    { class: 'filters', role: 'search', 'aria-label': 'Filters', on: { submit: prevented } },
    field({ name: 'actor', label: 'Who', control: actor }),
    field({ name: 'action', label: 'Did what', control: action }),
    of,
    field({ name: 'from', label: 'From', control: from }),
    field({ name: 'to', label: 'Before', control: until }),
    Object.values(filters).some((value) => value !== '') &&
      h('div', null, h('a', { class: 'button', href: '#/audit' }, 'Show all')),
  );
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
 * @param {string} chosen
 * @param {Record<string, () => void>} on
 */
function select(options, none, chosen, on) {
  const all = [/** @type {[string, string]} */ (['', none]), ...options];
  if (!all.some(([value]) => value === chosen)) all.push([chosen, chosen]);
  return h(
    'select',
    { on },
    all.map(([value, text]) => h('option', { value, selected: value === chosen }, text)),
  );
}
