// Names and their values, as a description list.

import { h } from '../dom.js';

/** @import { Child } from '../dom.js' */

/** @param {...(Child | Child[])} rows each is a `fact`, or nothing */
export const facts = (...rows) => h('dl', { class: 'facts' }, ...rows);

/** @param {string} name @param {Child} value */
export const fact = (name, value) => [h('dt', null, name), h('dd', null, value)];
