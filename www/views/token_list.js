// The list of tokens: one line for each, with its sites, ends and uses.

import { h } from '../dom.js';
import { to } from '../router.js';
import { day, exact, time } from '../time.js';
import { badge, place, stateBadge, warningText } from '../ui/badge.js';
import { denseTable } from '../ui/dense_table.js';
import { menuButton } from '../ui/menu.js';
import { tokenActions } from './token_actions.js';
import { usageLines } from './usage_line.js';

/** @import { Token } from '../types.d.ts' */
/** @import { Column, Selecting } from '../ui/dense_table.js' */

/**
 * @param {Token[]} items
 * @param {{ sort: string, sorted: (sort: string) => void, signal: AbortSignal, select?: Selecting<Token> }}
 *   options
 */
export function tokenList(items, { sort, sorted, signal, select }) {
  return denseTable({
    caption: `Tokens, ${inOrder(sort)}`,
    columns: columns(signal),
    items,
    sort: sort === '' ? '-created' : sort,
    sorted,
    select,
  });
}

/** @type {Record<string, string>} */
const ORDERS = {
  created: 'oldest first',
  label: 'by label',
  owner: 'by owner',
  ends: 'by end',
  used: 'by last use, longest ago first',
  '-label': 'by label, from the end',
  '-owner': 'by owner, from the end',
  '-ends': 'by end, latest first',
  '-used': 'by last use, latest first',
};

/** The order in words. @param {string} sort */
export const inOrder = (sort) => ORDERS[sort] ?? 'newest first';

/** @param {AbortSignal} signal @returns {Column<Token>[]} */
function columns(signal) {
  const line = usageLines(signal);
  return [
    {
      name: 'Token',
      class: 'label',
      sort: 'label',
      cell: (token) =>
        h('a', { class: 'label', href: to(['token', token.id]), title: token.label }, token.label),
    },
    { name: 'Fingerprint', class: 'fingerprint', cell: (token) => h('code', null, token.fingerprint) },
    {
      name: 'State',
      class: 'state',
      cell: (token) => [stateBadge(token.state), ' ', place(token), ' ', warnings(token)],
    },
    { name: 'Works from', class: 'sites', cell: sites },
    {
      name: 'Owner',
      class: 'owner',
      sort: 'owner',
      cell: ({ owner }) => owner && h('span', { title: owner }, owner),
    },
    { name: 'Ends', class: 'ends', sort: 'ends', cell: (token) => end(token) },
    {
      name: 'Last used',
      class: 'used',
      sort: 'used',
      first: 'desc',
      cell: (token) => line(token),
    },
    {
      name: 'Created',
      class: 'created',
      sort: 'created',
      first: 'desc',
      cell: (token) =>
        h('time', { datetime: token.created_at, title: exact(token.created_at) }, day(token.created_at)),
    },
    {
      name: 'Actions',
      hidden: true,
      class: 'menu',
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
  if (told.length === 0) return false;
  const words = told.length === 1 ? '1 warning' : `${told.length} warnings`;
  const why = told.map(warningText).join('\n');
  return h(
    'span',
    { class: 'badge warn', title: why },
    h('span', { 'aria-hidden': 'true' }, `! ${told.length}`),
    h('span', { class: 'hidden-visually' }, words),
  );
}

/**
 * The first site, cut where it does not fit; all of them in a tooltip and for screen readers.
 * @param {Token} token
 */
function sites({ origins }) {
  if (origins === 'any') return badge('Every site', 'warn');
  const all = origins.join('\n');
  const others = origins.length - 1;
  return h(
    'span',
    { class: 'sites', title: all },
    h('code', { class: 'cut', 'aria-hidden': 'true' }, origins[0].replace(/^https:\/\//, '')),
    others > 0 && h('span', { class: 'more', 'aria-hidden': 'true' }, `+${others}`),
    h('span', { class: 'hidden-visually' }, origins.join(', ')),
  );
}

/** @param {Token} token */
function end(token) {
  if (token.state === 'revoked') return time(token.revoked_at);
  return time(token.ends_at ?? token.expires_at);
}
