// What a rotation planned for a token, in a sentence.

import { exact, duration, relative } from '../time.js';

/** @import { Token } from '../types.d.ts' */

/** @param {Token} token */
export function planWords({ rotation, successor }) {
  if (!rotation) return '';
  const { revoke_old: how, planned_end: end, held_since: held } = rotation;
  const next = successor ?? 'its successor';
  if (held) return `Its end is held since ${exact(held)}: ${next} has not been used yet, or does not work.`;
  if (end) return `It ends ${relative(end)}, ${exact(end)}.`;
  if (how.when === 'first_use') return `It ends ${duration(how.drain_seconds ?? 86_400)} after the first use of ${next}.`;
  if (how.when === 'never') return `It goes on beside ${next} until somebody ends it.`;
  return `It is replaced by ${next}.`;
}
