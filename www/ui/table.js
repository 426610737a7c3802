// A table. On a phone console.css shows each row as a card with `display: block`. That would remove the
// table's ARIA roles, so they are set explicitly.

import { h } from '../dom.js';

/**
 * @template T
 * @typedef {{ name: string, hidden?: boolean, class?: string, cell: (item: T) => import('../dom.js').Child |
 *   import('../dom.js').Child[] }} Column
 */

/**
 * @template T
 * @param {string} caption the table's accessible name
 * @param {Column<T>[]} columns the first column names the row
 * @param {T[]} items
 */
export function table(caption, columns, items) {
  return h(
    'div',
    { class: 'scroll' },
    h(
      'table',
      { class: 'cards', role: 'table' },
      h('caption', { class: 'hidden-visually' }, caption),
      h(
        'thead',
        { role: 'rowgroup' },
        h(
          'tr',
          { role: 'row' },
          columns.map(({ name, hidden }) =>
            h(
              'th',
              { scope: 'col', role: 'columnheader' },
              hidden ? h('span', { class: 'hidden-visually' }, name) : name,
            ),
          ),
        ),
      ),
      h(
        'tbody',
        { role: 'rowgroup' },
        items.map((item) =>
          h(
            'tr',
            { role: 'row' },
            columns.map((column, index) =>
              h(
                'td',
                {
                  role: 'cell',
                  class: index === 0 ? 'first' : column.class,
                  'data-column': index === 0 || column.hidden ? null : column.name,
                },
                h('div', null, column.cell(item)),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}
