// The ends of the next 30 days on a line of days, and the nearest ones by name.

import { h } from '../dom.js';
import { to } from '../router.js';
import { day, time } from '../time.js';
import { badge } from '../ui/badge.js';

/** @import { Page, Token } from '../types.d.ts' */

export const SHOWN_DAYS = 30;
const DAY_MS = 86_400_000;
const NAMED = 6;
const SOON_SECONDS = SHOWN_DAYS * 86_400;

/** @param {Page<Token>} page tokens that end within the days shown */
export function endings({ items, next_cursor: more }) {
  const ends = items.map((token) => ({ token, at: token.ends_at ?? token.expires_at }));
  ends.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  if (ends.length === 0)
    return [h('p', { class: 'muted' }, `No active token ends within ${SHOWN_DAYS} days.`)];
  const alone = ends.filter(({ token }) => !token.successor);
  return [
    h(
      'p',
      null,
      `${ends.length}${more === null ? '' : ' or more'} ${ends.length === 1 ? 'token ends' : 'tokens end'} `,
      `within ${SHOWN_DAYS} days, ${alone.length} without a successor.`,
    ),
    line(ends.map(({ at }) => at)),
    h(
      'ul',
      { class: 'origins' },
      ends
        .slice(0, NAMED)
        .map(({ token, at }) =>
          h(
            'li',
            null,
            h(
              'span',
              null,
              h('a', { href: to(['token', token.id]) }, token.label),
              ' ',
              token.successor ? badge('Has a successor') : badge('No successor', 'warn'),
              token.ends_at && ' ',
              token.ends_at && badge('Planned'),
            ),
            h('span', { class: 'muted' }, time(at)),
          ),
        ),
    ),
    ends.length > NAMED &&
      h(
        'p',
        { class: 'small' },
        h('a', { href: to(['tokens'], { expiring_within_seconds: String(SOON_SECONDS) }) }, 'Show them'),
      ),
  ];
}

/** A bar for each day. @param {string[]} ends */
function line(ends) {
  const now = Date.now();
  const days = Array(SHOWN_DAYS).fill(0);
  for (const at of ends) {
    const number = Math.floor((Date.parse(at) - now) / DAY_MS);
    days[Math.min(SHOWN_DAYS - 1, Math.max(0, number))] += 1;
  }
  const most = Math.max(...days);
  const busiest = days.indexOf(most);
  const date = (/** @type {number} */ number) => day(new Date(now + number * DAY_MS).toISOString());
  return h(
    'div',
    {
      class: 'endings',
      role: 'img',
      'aria-label': `Ends by day: most, ${most}, in the 24 hours from ${date(busiest)}`,
    },
    h(
      'div',
      { class: 'days' },
      days.map((count, number) => {
        const bar = h('i', { title: `${date(number)}: ${count === 1 ? '1 end' : `${count} ends`}` });
        bar.style.height = `${count === 0 ? 0 : Math.max(8, (100 * count) / most)}%`;
        return bar;
      }),
    ),
    h('div', { class: 'life-ends' }, h('span', null, 'now'), h('span', null, date(SHOWN_DAYS))),
  );
}
