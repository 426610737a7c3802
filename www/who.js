// Who is signed in. What the role may not do is not offered; the API refuses it all the same.

/**
 * @import { Role, Session } from './types.d.ts'
 */

/** @type {Session | null} */
let current = null;

export const who = () => current;
/** @param {Session | null} session */
export function becomes(session) {
  current = session;
}

/** @type {Role[]} */
const RANKS = ['viewer', 'operator', 'owner'];

/** Whether whoever is signed in may do what `least` may. @param {'viewer' | 'operator' | 'owner'} least */
export const may = (least) => current !== null && RANKS.indexOf(current.role) >= RANKS.indexOf(least);
