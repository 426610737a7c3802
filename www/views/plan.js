// What a rotation planned for a token, as a sentence.

import { duration, exact, relative } from '../time.js';

/** @import { Token } from '../types.d.ts' */

/** The default of `after_seconds` in a rotation. */
const WEEK_SECONDS = 7 * 86_400;

/** @param {Token} token */
export function planWords({ rotation, successor }) {
  if (!rotation) return '';
  const { revoke_old: how, begun_at: begun, planned_end: end, held_since: held } = rotation;
  const next = successor ?? 'its successor';
  if (held)
    return `Its end has been delayed since ${exact(held)}: ${next} has not been used yet, or is not active.`;
  if (end) return `It ends ${relative(end)}, ${exact(end)}.`;
  if (how.when === 'first_use')
    return `It ends ${duration(how.drain_seconds ?? 86_400)} after the first use of ${next}.`;
  if (how.when === 'after') {
    const at = new Date(Date.parse(begun) + (how.after_seconds ?? WEEK_SECONDS) * 1000).toISOString();
    return `It ends ${relative(at)}, ${exact(at)}, once ${next} has been used.`;
  }
  if (how.when === 'never') return `It works alongside ${next} until somebody ends it.`;
  return `It is replaced by ${next}.`;
}
