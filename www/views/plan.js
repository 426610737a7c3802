// What a rotation planned for a token, as a sentence.

import { duration, exact, relative } from '../time.js';

/** @import { RevokeOld, Token } from '../types.d.ts' */

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
  const from = (/** @type {number} */ seconds) => {
    const at = new Date(Date.parse(begun) + seconds * 1000).toISOString();
    return `${relative(at)}, ${exact(at)}`;
  };
  if (how.when === 'first_use') {
    const deadline =
      how.deadline_seconds === undefined
        ? '.'
        : `, ${how.strict ? 'and in any case' : 'or once it was used'} ${from(how.deadline_seconds)}.`;
    return `It ends ${duration(how.drain_seconds ?? 86_400)} after the first use of ${next}${deadline}`;
  }
  if (how.when === 'after')
    return (
      `It ends ${from(how.after_seconds ?? WEEK_SECONDS)}` +
      (how.strict ? '.' : `, once ${next} has been used.`)
    );
  if (how.when === 'never') return `It works alongside ${next} until somebody ends it.`;
  return `It is replaced by ${next}.`;
}

/** @param {NonNullable<Token['auto_rotate']>} how */
export function autoRotateWords({ before_expiry_seconds: before, expires_in: life, revoke_old: old }) {
  return (
    `${duration(before)} before its end${life === undefined ? '' : `, for ${duration(life)}`}; ` +
    `the old one ${endWords(old ?? { when: 'after' })}`
  );
}

/** What a plan does with the old token, before it has begun. @param {RevokeOld} plan */
function endWords({ when, after_seconds: after, drain_seconds: drain, deadline_seconds: deadline, strict }) {
  if (when === 'never') return 'works on';
  if (when === 'first_use')
    return (
      `ends ${duration(drain ?? 86_400)} after the first use of the new one` +
      (deadline === undefined ? '' : `, ${duration(deadline)} after it was made at the latest`)
    );
  return `ends after ${duration(after ?? WEEK_SECONDS)}${strict ? '' : ', once the new one has been used'}`;
}
