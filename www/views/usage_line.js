// The uses of a token in the last 24 hours as a small bar chart in the list. A row loads its chart when it
// scrolls into view, two rows at a time: a page has fifty rows, and most are never seen.

import { h, put } from '../dom.js';
import { usageOf } from './usage.js';

/** @import { Token, UsageCounts } from '../types.d.ts' */

const AT_A_TIME = 2,
  HOURS = 24;

/** Charts for one page of the list; they end with `signal`. @param {AbortSignal} signal */
export function usageLines(signal) {
  /** @type {{ id: string, place: HTMLElement }[]} */
  const waiting = [];
  let asked = 0;
  let isCounted = true;
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      const place = /** @type {HTMLElement} */ (target);
      waiting.push({ id: place.dataset.token ?? '', place });
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
      const usage = await usageOf(row.id, signal);
      isCounted = usage.counting;
      const from = Date.parse(usage.to) - HOURS * 3_600_000;
      const hours = Array(HOURS).fill(0);
      for (const { at, admitted } of usage.periods) {
        const hour = Math.floor((Date.parse(at) - from) / 3_600_000);
        if (hour >= 0 && hour < HOURS) hours[hour] += admitted;
      }
      draw(row.place, hours, usage.totals);
    } catch {
      // The list works without the chart.
    }
    asked -= 1;
    next();
  }

  return (/** @type {Token} */ token) => {
    const place = h('span', { class: 'line', 'data-token': token.id });
    seen.observe(place);
    return place;
  };
}

/**
 * The bars are uses: admitted requests. Refused ones are said beside them, in words.
 * @param {HTMLElement} place
 * @param {number[]} hours
 * @param {UsageCounts} totals
 */
function draw(place, hours, { requests, admitted }) {
  const refused = requests - admitted;
  const number = (/** @type {number} */ count) => count.toLocaleString('en');
  if (admitted === 0) {
    if (refused > 0)
      put(place, h('span', { class: 'muted small' }, `${number(refused)} refused in 24 hours`));
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
  const words =
    `${number(admitted)} requests in the last 24 hours` +
    (refused > 0 ? `, and ${number(refused)} refused ones` : '');
  place.setAttribute('role', 'img');
  place.setAttribute('aria-label', words);
  place.title = words;
}
