// Requests by outcome, each by its name: as numbers and as series of a chart.

import { h } from '../dom.js';
import { nameOf } from './refusal_words.js';

/** @import { UsageCounts } from '../types.d.ts' */
/** @import { Series } from '../ui/chart.js' */

/** Colours of refusals, the most frequent first. Those that find none are drawn together. */
const COLORS = ['--warn', '--bad', '--violet', '--blue'];

/** Refusals by code that occurred, the most frequent first. @param {UsageCounts} counts */
function refusals(counts) {
  const all = { ...counts.refused, ...counts.refused_without_token };
  return Object.entries(all)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a);
}

/**
 * What was refused, or would have been, each by its name, for where there is no room for a table. Empty where
 * nothing was.
 * @param {UsageCounts} counts
 */
export function refusedWords(counts) {
  const words = (/** @type {[string, number][]} */ rows) =>
    rows.map(([code, count]) => `${nameOf(code)}: ${count.toLocaleString('en')}`).join(', ');
  const reported = Object.entries(counts.reported).filter(([, count]) => count > 0);
  return [words(refusals(counts)), reported.length > 0 && `would be refused: ${words(reported)}`]
    .filter(Boolean)
    .join('; ');
}

/** @param {UsageCounts} totals */
export function outcomeNumbers(totals) {
  const refused = refusals(totals);
  const failed = Object.entries(totals.upstream ?? {}).filter(([, count]) => count > 0);
  const reported = sum(Object.entries(totals.reported));
  /** @type {[string, number, string?][]} */
  const rows = [
    ['Requests', totals.requests],
    ['Admitted', totals.admitted],
    ...(totals.anonymous ? [/** @type {[string, number]} */ (['Without a token', totals.anonymous])] : []),
    ...(refused.length === 0 ? [/** @type {[string, number]} */ (['Refused', 0])] : refused.map(named)),
    ...(reported > 0 ? [/** @type {[string, number]} */ (['Would be refused', reported])] : []),
    ...failed.map(named),
  ];
  return h(
    'dl',
    { class: 'numbers' },
    rows.map(([name, value, code]) =>
      h(
        'div',
        null,
        h('dt', { title: code }, name),
        h('dd', null, value.toLocaleString('en')),
        code && h('dd', { class: 'code' }, h('code', null, breakable(code))),
      ),
    ),
  );
}

/** @param {[string, number]} row @returns {[string, number, string]} */
const named = ([code, count]) => [nameOf(code), count, code];

/**
 * @param {UsageCounts} totals
 * @param {(of: (counts: UsageCounts) => number) => number[]} values the numbers over time
 * @returns {Series[]}
 */
export function outcomeSeries(totals, values) {
  const codes = refusals(totals).map(([code]) => code);
  const [shown, others] = [codes.slice(0, COLORS.length), codes.slice(COLORS.length)];
  const of = (/** @type {UsageCounts} */ counts, /** @type {string} */ code) =>
    counts.refused[code] ?? counts.refused_without_token?.[code] ?? 0;
  return [
    { name: 'admitted', color: '--good', values: values((counts) => counts.admitted) },
    ...shown.map((code, at) => ({
      name: code,
      color: COLORS[at],
      values: values((counts) => of(counts, code)),
    })),
    ...(others.length > 0
      ? [
          {
            name: others.join(', '),
            color: '--edge',
            values: values((counts) => others.reduce((sum, code) => sum + of(counts, code), 0)),
          },
        ]
      : []),
  ];
}

/** @param {[string, number][]} counts */
const sum = (counts) => counts.reduce((all, [, count]) => all + count, 0);

/** A name that may be broken after its underscores. @param {string} name */
const breakable = (name) =>
  name.split(/(?<=_)/).flatMap((part, at) => (at === 0 ? [part] : [h('wbr'), part]));
