// The audit log: append only, newest first.

import { get, query } from '../api.js';
import { h } from '../dom.js';
import { to } from '../router.js';
import { pageHead } from '../ui/head.js';
import { may } from '../who.js';
import { eventList } from './event_list.js';

/** @import { Event, Page } from '../types.d.ts' */
/** @import { Place } from '../router.js' */

/** @param {Place} place */
export async function view({ params, signal }) {
  const filters = { token: params.get('token') ?? '', family: params.get('family') ?? '' };
  const page = /** @type {Page<Event>} */ (
    await get(`/events${query({ ...filters, cursor: params.get('cursor'), limit: 50 })}`, signal)
  );
  const only = filters.token || filters.family;
  return h(
    'div',
    null,
    pageHead(
      'Audit log',
      only
        ? h(
            'span',
            null,
            'Only events of ',
            h('code', null, only),
            '. ',
            h('a', { href: '#/audit' }, 'Show all'),
          )
        : 'Who did what, newest first. Entries are never changed or deleted.' +
            (may('owner') ? '' : ' Events of admin keys, sessions and signing keys are shown to owners.'),
    ),
    h('div', { class: 'card' }, eventList(page.items)),
    (params.has('cursor') || page.next_cursor !== null) &&
      h(
        'nav',
        { class: 'pager bare', 'aria-label': 'Pages' },
        h('span'),
        h(
          'div',
          null,
          params.has('cursor') && h('a', { class: 'button', href: to(['audit'], filters) }, 'Newest'),
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
