// The tokens that are selected in the list, and the bar with what can be done to them.

import { h, put } from '../dom.js';
import { loaded } from '../later.js';
import { announce } from '../ui/notice.js';
import { attempt } from './token_calls.js';

/** @import { Token } from '../types.d.ts' */
/** @import { Selecting } from '../ui/dense_table.js' */
/** @import { Asked } from '../rare/bulk_run.js' */

/** What can be done to many: the kind, and its words. @type {[string, string][]} */
const ACTIONS = [
  ['rotate', 'Rotate'],
  ['disable', 'Disable'],
  ['enable', 'Enable'],
  ['owner', 'Change owner'],
  ['revoke', 'Revoke'],
];

/**
 * What is selected: some tokens, by id; or everything that the filters find.
 */
export class Selection {
  /** @type {Map<string, string>} labels by id */
  #tokens = new Map();
  #isAll = false;
  /** @type {Token[]} */
  #page = [];
  /** @type {Map<string, HTMLInputElement>} */
  #boxes = new Map();
  /** @type {HTMLInputElement | null} */
  #pageBox = null;

  /**
   * @param {() => { filter: Asked | null, total: string, more: boolean, words: string }} found what the
   *   filters find; `filter` is null where none holds; `words` are those of the filters
   */
  constructor(found) {
    this.found = found;
    this.bar = h('div', {
      class: 'action-bar',
      role: 'region',
      'aria-label': 'Selected tokens',
      hidden: true,
    });
  }

  /** Forgets everything, because other tokens are listed. */
  clear() {
    this.#tokens.clear();
    this.#isAll = false;
    this.#show();
  }

  /** The boxes for a page of the list. @param {Token[]} page @returns {Selecting<Token>} */
  of(page) {
    this.#page = page;
    this.#boxes.clear();
    this.#pageBox = null;
    return { all: () => this.#boxOfPage(), one: (token) => this.#boxOf(token) };
  }

  /** After the boxes of a page were made. */
  shown() {
    this.#show();
  }

  #boxOfPage() {
    this.#pageBox = h('input', {
      type: 'checkbox',
      'aria-label': 'Select every token of this page',
      on: {
        change: () => {
          const isChecked = this.#pageBox?.checked ?? false;
          this.#isAll = false;
          for (const token of this.#page) this.#set(token, isChecked);
          this.#show();
        },
      },
    });
    return this.#pageBox;
  }

  /** @param {Token} token */
  #boxOf(token) {
    const box = h('input', {
      type: 'checkbox',
      'aria-label': `Select ${token.label}`,
      on: {
        change: () => {
          if (this.#isAll) for (const other of this.#page) this.#set(other, true);
          this.#isAll = false;
          this.#set(token, box.checked);
          this.#show();
        },
      },
    });
    this.#boxes.set(token.id, box);
    return box;
  }

  /** @param {Token} token @param {boolean} isSelected */
  #set(token, isSelected) {
    if (isSelected) this.#tokens.set(token.id, token.label);
    else this.#tokens.delete(token.id);
  }

  #show() {
    const isSelected = (/** @type {string} */ id) => this.#isAll || this.#tokens.has(id);
    for (const [id, box] of this.#boxes) box.checked = isSelected(id);
    const onPage = this.#page.filter(({ id }) => isSelected(id)).length;
    if (this.#pageBox !== null) {
      this.#pageBox.checked = onPage > 0 && onPage === this.#page.length;
      this.#pageBox.indeterminate = onPage > 0 && onPage < this.#page.length;
    }
    const count = this.#tokens.size;
    this.bar.hidden = !this.#isAll && count === 0;
    if (!this.bar.hidden) put(this.bar, ...this.#actions(count, onPage));
  }

  /** @param {number} count @param {number} onPage */
  #actions(count, onPage) {
    const { filter, total, more } = this.found();
    const words = this.#isAll ? `All ${total} that match` : `${count} selected`;
    const offersAll = !this.#isAll && more && onPage === this.#page.length;
    return [
      h('strong', { role: 'status' }, words),
      offersAll &&
        (filter === null
          ? h('span', { class: 'muted' }, 'To select more than pages show, filter the list first.')
          : h(
              'button',
              {
                type: 'button',
                class: 'quiet',
                on: {
                  click: () => {
                    this.#isAll = true;
                    this.#show();
                    announce(`All ${total} tokens that match are selected.`, { quietly: true });
                  },
                },
              },
              `Select all ${total} that match`,
            )),
      h(
        'span',
        { class: 'buttons' },
        ACTIONS.map(([kind, words]) =>
          h(
            'button',
            {
              type: 'button',
              class: kind === 'revoke' || kind === 'disable' ? 'danger' : null,
              on: { click: () => attempt(() => this.#act(kind)) },
            },
            `${words} …`,
          ),
        ),
        h('button', { type: 'button', class: 'quiet', on: { click: () => this.clear() } }, 'Select none'),
      ),
    ];
  }

  /** @param {string} kind */
  async #act(kind) {
    const { filter, words } = this.found();
    const asked = this.#isAll ? filter : { ids: [...this.#tokens.keys()] };
    if (asked === null) return;
    const whose = this.#isAll ? `all that match (${words})` : 'those that were selected';
    const { bulkDialog } = await loaded(() => import('../rare/bulk_dialog.js'));
    await bulkDialog(kind, asked, whose);
  }
}
