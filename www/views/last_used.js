// When a token was last used, in the same words everywhere. A use is an admitted request.

import { h } from '../dom.js';
import { time } from '../time.js';

/** Whether this deployment counts uses. Known with the first answer that says so. */
let isCounted = true;

/** @param {boolean} is as an answer of the API says */
export function countingIs(is) {
  if (is === isCounted) return;
  isCounted = is;
  for (const place of document.querySelectorAll('[data-unused]')) place.textContent = unused();
}

const unused = () => (isCounted ? 'never' : 'not counted');

/**
 * The latest of the uses that are known: the registry learns of them later than the shards that count.
 * @param {...(string | null | undefined)} uses
 */
export const latestUse = (...uses) =>
  uses.reduce(
    (latest, at) => (at && (!latest || Date.parse(at) > Date.parse(latest)) ? at : latest),
    undefined,
  );

/** @param {...(string | null | undefined)} uses */
export function lastUsed(...uses) {
  const at = latestUse(...uses);
  return at
    ? time(at)
    : h('span', { class: 'muted', 'data-unused': '', title: 'Uses are counted within a minute.' }, unused());
}
