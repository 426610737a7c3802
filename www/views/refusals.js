// Why does my page get 403? Recent refused requests, by token and by site. The address holds the filters.

import { ApiError, get, query } from '../api.js';
import { h, put } from '../dom.js';
import { go, rewrite, to } from '../router.js';
import { duration, exact, time } from '../time.js';
import { failure } from '../ui/failure.js';
import { pageHead } from '../ui/head.js';
import { announce } from '../ui/notice.js';
import { table } from '../ui/table.js';
import { read, siteIn, whySecret, withoutSecrets } from './pasted.js';
import { refresh } from './refresher.js';
import { adviceOn, allowLink, nameOf, siteName } from './refusal_words.js';
import { tokenNames } from './token_names.js';
import { lookUp } from './token_search.js';

/** @import { Refusal, RefusalPage } from '../types.d.ts' */
/** @import { Place } from '../router.js' */

const PAGE = 50;
/** Isolates send what they refused within 5 to 30 s, so asking more often would show little more. */
const AGAIN_MS = 10_000;

/** @param {Place} place */
export async function view({ params, signal }) {
  const asked = { token: params.get('token') ?? '', site: siteIn(params.get('site') ?? '') };
  const { token, site } = withoutSecrets(asked);
  const filters = { token, site };
  // Somebody opened an address with a secret in it.
  if ([...params.values()].some(whySecret)) rewrite(to(['refusals'], filters));
  const cursor = params.get('cursor') ?? '';
  const load = () =>
    /** @type {Promise<RefusalPage>} */ (
      get(`/refusals${query({ ...filters, cursor, limit: PAGE })}`, signal)
    );
  const names = tokenNames(signal);
  const page = await load();
  const results = h('div', null, shown(page, filters, cursor, names));
  let shownText = JSON.stringify(page);
  const ask = async () => {
    try {
      const page = await load();
      // What has not changed is not drawn anew: somebody may be reading or selecting it.
      if (JSON.stringify(page) === shownText) return;
      shownText = JSON.stringify(page);
      put(results, shown(page, filters, cursor, names));
      announce('New refusals are shown.', { quietly: true });
    } catch (error) {
      if (signal.aborted) return;
      shownText = '';
      put(results, failure(error, ask));
    }
  };
  return h(
    'div',
    null,
    pageHead('Refusals', about(page), buttons(ask, cursor, signal)),
    filterForm(filters, signal),
    results,
  );
}

/** @param {RefusalPage} page */
function about({ keeping, kept_seconds: seconds }) {
  if (!keeping) return null;
  return (
    'Why does a page get 403? Recent requests that were refused. ' +
    `Kept for ${duration(seconds)} at most: time, reason, site, token, method, the beginning of the path ` +
    'without query, and location. No address, nothing else.'
  );
}

/** @param {() => Promise<void>} ask @param {string} cursor @param {AbortSignal} signal */
function buttons(ask, cursor, signal) {
  // Older pages do not change.
  let paused = cursor !== '';
  const { next } = refresh(ask, () => (paused ? null : AGAIN_MS), signal);
  const pause = h(
    'button',
    {
      type: 'button',
      on: {
        click: () => {
          paused = !paused;
          put(pause, paused ? 'Resume' : 'Pause');
          next();
        },
      },
    },
    'Pause',
  );
  return h(
    'div',
    { class: 'buttons' },
    cursor === '' && pause,
    h('button', { type: 'button', on: { click: ask } }, 'Refresh'),
  );
}

/** @param {{ token: string, site: string }} filters @param {AbortSignal} signal */
function filterForm(filters, signal) {
  const error = (/** @type {string} */ id) => h('p', { class: 'error', id: `${id}-error` });
  const [said, saidOfSite] = [error('refused-token'), error('refused-site')];
  const input = (/** @type {string} */ id, /** @type {string} */ value, /** @type {string} */ placeholder) =>
    h('input', {
      type: 'search',
      id,
      value,
      placeholder,
      autocomplete: 'off',
      spellcheck: 'false',
      'aria-describedby': `${id}-error`,
    });
  const token = input('refused-token', filters.token, 'tok_7, or the token itself');
  const site = input('refused-site', filters.site, 'https://example.com');
  return h(
    'form',
    {
      class: 'filters',
      role: 'search',
      'aria-label': 'Refusals',
      on: {
        submit: async (/** @type {Event} */ event) => {
          event.preventDefault();
          const from = siteIn(site.value.trim());
          const { isAdminKey } = read(token.value);
          put(said, isAdminKey && whySecret(token.value));
          put(saidOfSite, whySecret(from));
          if (isAdminKey || whySecret(from) !== '') return;
          try {
            const id = await idOf(token.value.trim());
            // Who has gone elsewhere meanwhile stays there.
            if (!signal.aborted) go(to(['refusals'], { token: id, site: from }));
          } catch (error) {
            put(said, error instanceof ApiError ? error.message : 'That is not known.');
          }
        },
      },
    },
    h('div', { class: 'search' }, h('label', { for: 'refused-token' }, 'Token'), token, said),
    h('div', { class: 'search' }, h('label', { for: 'refused-site' }, 'Site'), site, saidOfSite),
    h('div', { class: 'apply' }, h('button', { type: 'submit' }, 'Show')),
  );
}

/** The id of a token that was typed or pasted. @param {string} text */
async function idOf(text) {
  if (text === '' || /^tok_\d+$/.test(text)) return text;
  return (await lookUp(read(text).token ?? text)).id;
}

/**
 * @param {RefusalPage} page
 * @param {{ token: string, site: string }} filters
 * @param {string} cursor
 * @param {(id: string) => HTMLElement[]} names
 */
function shown(page, filters, cursor, names) {
  if (!page.keeping) return off();
  if (page.items.length === 0) return none(filters, cursor);
  return h(
    'div',
    { class: 'card table-card' },
    table('Refusals, newest first', columns(filters, names), page.items),
    h(
      'nav',
      { class: 'pager', 'aria-label': 'Pages' },
      h('span', { class: 'muted' }, 'Newest first; those alike within half a minute are one line'),
      h(
        'div',
        null,
        cursor !== '' && h('a', { class: 'button', href: to(['refusals'], filters) }, 'Newest'),
        page.next_cursor !== null &&
          h(
            'a',
            { class: 'button', href: to(['refusals'], { ...filters, cursor: page.next_cursor }) },
            'Older',
          ),
      ),
    ),
  );
}

/**
 * @param {{ token: string, site: string }} filters
 * @param {(id: string) => HTMLElement[]} names
 * @returns {import('../ui/table.js').Column<Refusal>[]}
 */
function columns(filters, names) {
  return [
    {
      name: 'Why',
      cell: ({ code }) => [
        h('strong', null, nameOf(code)),
        ' ',
        h('code', { class: 'muted' }, code),
        h('span', { class: 'under muted small' }, adviceOn(code)),
      ],
    },
    {
      name: 'Site',
      cell: (refusal) => [
        refusal.site === null || refusal.site === 'null'
          ? siteName(refusal.site)
          : h('a', { href: to(['refusals'], { ...filters, site: refusal.site }) }, siteName(refusal.site)),
        h('span', { class: 'under' }, allowLink(refusal)),
      ],
    },
    {
      name: 'Token',
      cell: ({ token }) => (token === null ? h('span', { class: 'muted' }, 'none of ours') : names(token)),
    },
    {
      name: 'Request',
      cell: ({ method, path }) => h('code', { class: 'path', title: path }, `${method} ${path}`),
    },
    { name: 'Location', cell: ({ location }) => location },
    {
      name: 'When',
      class: 'nowrap',
      cell: ({ at, requests }) => [
        time(at),
        requests > 1 &&
          h(
            'span',
            { class: 'under muted small', title: `The last at ${exact(at)}` },
            `${requests} requests`,
          ),
      ],
    },
  ];
}

function off() {
  return h(
    'div',
    { class: 'card empty' },
    h('h2', null, 'No refusals are kept'),
    h(
      'p',
      null,
      'REFUSAL_TAIL is off, or use is not counted here. ' +
        'A token’s page still counts its refusals by reason and site.',
    ),
  );
}

/** @param {{ token: string, site: string }} filters @param {string} cursor */
function none(filters, cursor) {
  const isFiltered = cursor !== '' || filters.token !== '' || filters.site !== '';
  return h(
    'div',
    { class: 'card empty' },
    h('h2', null, isFiltered ? 'No such refusal' : 'Nothing was refused lately'),
    h('p', null, 'A refused request shows up here within about half a minute.'),
    isFiltered && h('p', null, h('a', { class: 'button', href: '#/refusals' }, 'Show all refusals')),
  );
}
