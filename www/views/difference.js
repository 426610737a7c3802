// What an event changed, as people read it: words for fields, times and durations, and what was added to a
// list or taken from it.

import { h } from '../dom.js';
import { duration, exact } from '../time.js';

/** @import { Child } from '../dom.js' */
/** @import { Event } from '../types.d.ts' */

/** @type {Record<string, string>} */
const FIELDS = {
  origins: 'sites',
  origin_mode: 'sites not listed',
  missing_origin: 'requests without a site',
  audiences: 'APIs',
  rate: 'rate class',
  scope_mode: 'other methods and paths',
  external_id: 'external id',
  auto_rotate: 'automatic rotation',
  expires_at: 'expiry',
  ends_at: 'planned end',
  licensed_until: 'licensed until',
  effective_by: 'holds everywhere by',
  revoke_old: 'end of the old one',
  revoked_reason: 'reason',
};
const SHOWN_IN_SUMMARY = 3;
const IS_TIME = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/;

/** @param {Event} event */
export function difference({ before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  if (names.length === 0) return null;
  const words = names.map((name) => FIELDS[name] ?? name.replaceAll('_', ' '));
  const others = names.length - SHOWN_IN_SUMMARY;
  return h(
    'details',
    { class: 'small' },
    h('summary', null, words.slice(0, SHOWN_IN_SUMMARY).join(', '), others > 0 && ` and ${others} more`),
    h(
      'dl',
      { class: 'change' },
      names.flatMap((name, at) => [
        h('dt', null, words[at]),
        h('dd', null, change(name, before ?? {}, after ?? {})),
      ]),
    ),
  );
}

/**
 * @param {string} name
 * @param {Record<string, unknown>} before
 * @param {Record<string, unknown>} after
 * @returns {Child[]}
 */
function change(name, before, after) {
  const [was, is] = [before[name], after[name]];
  if (Array.isArray(was) && Array.isArray(is)) return ofLists(was, is);
  const isBoth = name in before && name in after;
  return [
    name in before && h('del', null, text(name, was)),
    isBoth && ' → ',
    name in after && h('ins', null, text(name, is)),
  ];
}

/**
 * What was taken from a list, what was added, and how many items stayed.
 * @param {unknown[]} was
 * @param {unknown[]} is
 */
function ofLists(was, is) {
  const [old, now] = [was, is].map((items) => items.map((item) => text('', item)));
  const gone = old.filter((item) => !now.includes(item));
  const added = now.filter((item) => !old.includes(item));
  const same = now.length - added.length;
  return [
    ...gone.map((item) => h('p', null, 'without ', h('del', null, item))),
    ...added.map((item) => h('p', null, 'with ', h('ins', null, item))),
    same > 0 && h('p', { class: 'muted' }, `${same} unchanged`),
  ];
}

/** A value in words. @param {string} name @param {unknown} value @returns {string} */
function text(name, value) {
  if (value === null || value === undefined || value === '') return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number' && name.endsWith('_seconds')) return duration(value);
  if (typeof value === 'string') return IS_TIME.test(value) ? exact(value) : value;
  if (Array.isArray(value)) return value.map((item) => text('', item)).join(', ') || 'none';
  if (typeof value === 'object')
    return Object.entries(value)
      .map(([inner, part]) => `${inner.replaceAll('_', ' ')}: ${text(inner, part)}`)
      .join(', ');
  return String(value);
}
