// The uses of a token in the last 24 hours as a small bar chart in the list. A row loads its chart when it
// scrolls into view, two rows at a time: a page has fifty rows, and most are never seen.

import { h, put } from '../dom.js';
import { lastUsed } from './last_used.js';
import { refusedWords } from './outcomes.js';
import { usageOf } from './usage.js';

/** @import { Token, UsageCounts } from '../types.d.ts' */

const AT_A_TIME = 2,
  HOURS = 24;

/** Charts for one page of the list; they end with `signal`. @param {AbortSignal} signal */
export function usageLines(signal) {
  /** @typedef {{ token: Token, used: HTMLElement, place: HTMLElement }} Row */
  /** @type {Map<Element, Row>} */
  const rows = new Map();
  /** @type {Row[]} */
  const waiting = [];
  let asked = 0;
  let isCounted = true;
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      const row = rows.get(target);
      rows.delete(target);
      if (row === undefined) continue;
      waiting.push(row);
      next();
    }
  });
  signal.addEventListener('abort', () => seen.disconnect());

  async function next() {
    if (asked >= AT_A_TIME || signal.aborted || !isCounted) return;
    const row = waiting.shift();
    if (row === undefined) return;
    asked += 1;
    try {
      const usage = await usageOf(row.token.id, signal);
      isCounted = usage.counting;
      const from = Date.parse(usage.to) - HOURS * 3_600_000;
      const hours = Array(HOURS).fill(0);
      for (const { at, admitted } of usage.periods) {
        const hour = Math.floor((Date.parse(at) - from) / 3_600_000);
        if (hour >= 0 && hour < HOURS) hours[hour] += admitted;
      }
      // The registry learns of a use later than the shard that has counted it.
      put(row.used, lastUsed(row.token.last_used_at, usage.last_used_at));
      draw(row.place, hours, usage.totals);
    } catch {
      // The list works without the chart.
    }
    asked -= 1;
    next();
  }

  /** When the token was last used, and its chart. */
  return (/** @type {Token} */ token) => {
    const used = h('span', null, lastUsed(token.last_used_at));
    const place = h('span', { class: 'line' });
    rows.set(place, { token, used, place });
    seen.observe(place);
    return [used, place];
  };
}

/**
 * The bars are uses: admitted requests. Refused ones are said beside them, in words.
 * @param {HTMLElement} place
 * @param {number[]} hours
 * @param {UsageCounts} totals
 */
function draw(place, hours, totals) {
  const { admitted } = totals;
  const refused = refusedWords(totals);
  if (admitted === 0) {
    const title = `In the last 24 hours: ${refused}`;
    if (refused !== '') put(place, h('span', { class: 'muted small cut', title }, refused));
    return;
  }
  const most = Math.max(...hours);
  put(
    place,
    hours.map((count) => {
      const bar = h('i');
      bar.style.height = `${count === 0 ? 0 : Math.max(12, (100 * count) / most)}%`;
      return bar;
    }),
  );
  const words = [`${admitted.toLocaleString('en')} admitted in the last 24 hours`, refused]
    .filter(Boolean)
    .join('; ');
  place.setAttribute('role', 'img');
  place.setAttribute('aria-label', words);
  place.title = words;
}
