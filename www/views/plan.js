// What a rotation planned for a token, in a sentence.

import { exact, duration, relative } from '../time.js';

/** @import { Token } from '../types.d.ts' */

/** When nothing else was asked for. */
const WEEK_SECONDS = 7 * 86_400;

/** @param {Token} token */
export function planWords({ rotation, successor }) {
  if (!rotation) return '';
  const { revoke_old: how, begun_at: begun, planned_end: end, held_since: held } = rotation;
  const next = successor ?? 'its successor';
  if (held) return `Its end is held since ${exact(held)}: ${next} has not been used yet, or does not work.`;
  if (end) return `It ends ${relative(end)}, ${exact(end)}.`;
  if (how.when === 'first_use')
    return `It ends ${duration(how.drain_seconds ?? 86_400)} after the first use of ${next}.`;
  if (how.when === 'after') {
    const at = new Date(Date.parse(begun) + (how.after_seconds ?? WEEK_SECONDS) * 1000).toISOString();
    return `It ends ${relative(at)}, ${exact(at)}, once ${next} has been used.`;
  }
  if (how.when === 'never') return `It goes on beside ${next} until somebody ends it.`;
  return `It is replaced by ${next}.`;
}
