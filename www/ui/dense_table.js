// A table of one line a row, with fixed columns, for long lists. Headers can sort, rows can be selected. On a
// phone console.css shows each row as a card, as for ui/table.js.

import { h } from '../dom.js';

/**
 * `sort`: the name of the order, ascending; `first`: the direction that the first click asks for.
 * @template T
 * @typedef {{ name: string, class: string, hidden?: boolean, sort?: string, first?: 'asc' | 'desc',
 *   cell: (item: T) => import('../dom.js').Child | import('../dom.js').Child[] }} Column
 */

/**
 * @template T
 * @param {{ caption: string, columns: Column<T>[], items: T[], sort: string, sorted: (sort: string) => void,
 *   select?: Selecting<T> }} options `sort`: the order of the list, with `-` where it is descending
 */
export function denseTable({ caption, columns, items, sort, sorted, select }) {
  const heads = columns.map((column) => head(column, sort, sorted));
  const table = h(
    'table',
    { class: 'cards dense', role: 'table' },
    h('caption', { class: 'hidden-visually' }, caption),
    h(
      'colgroup',
      null,
      select && h('col', { class: 'col-select' }),
      columns.map((column) => h('col', { class: `col-${column.class}` })),
    ),
    h(
      'thead',
      { role: 'rowgroup' },
      h(
        'tr',
        { role: 'row' },
        select && h('th', { scope: 'col', role: 'columnheader' }, select.all()),
        heads,
      ),
    ),
    h(
      'tbody',
      { role: 'rowgroup' },
      items.map((item) => row(item, columns, select)),
    ),
  );
  return h('div', { class: 'scroll' }, table);
}

/**
 * How rows are selected: a box for the whole page, and one for each row.
 * @template T
 * @typedef {{ all: () => HTMLElement, one: (item: T) => HTMLElement }} Selecting
 */

/**
 * @template T
 * @param {Column<T>} column
 * @param {string} sort
 * @param {(sort: string) => void} sorted
 */
function head({ name, hidden, sort: order, first = 'asc', class: kind }, sort, sorted) {
  const props = { scope: 'col', role: 'columnheader', class: `is-${kind}` };
  if (hidden) return h('th', props, h('span', { class: 'hidden-visually' }, name));
  if (order === undefined) return h('th', props, name);
  const isAscending = sort === order;
  const isDescending = sort === `-${order}`;
  const next = isAscending ? `-${order}` : isDescending ? order : first === 'asc' ? order : `-${order}`;
  return h(
    'th',
    { ...props, 'aria-sort': isAscending ? 'ascending' : isDescending ? 'descending' : null },
    h(
      'button',
      { type: 'button', class: 'sort', 'data-sort': order, on: { click: () => sorted(next) } },
      name,
      h('span', { class: 'arrow', 'aria-hidden': 'true' }, isAscending ? '↑' : isDescending ? '↓' : '↕'),
    ),
  );
}

/**
 * @template T
 * @param {T} item
 * @param {Column<T>[]} columns
 * @param {Selecting<T> | undefined} select
 */
function row(item, columns, select) {
  return h(
    'tr',
    { role: 'row' },
    select && h('td', { role: 'cell', class: 'is-select' }, select.one(item)),
    columns.map((column, index) =>
      h(
        'td',
        {
          role: 'cell',
          class: `is-${column.class}${index === 0 ? ' first' : ''}`,
          'data-column': index === 0 || column.hidden ? null : column.name,
        },
        h('div', null, column.cell(item)),
      ),
    ),
  );
}
