// The current session and its role. The console does not offer what the role forbids; the API refuses it in
// any case.

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

/** Whether the role includes the rights of `least`. @param {'viewer' | 'operator' | 'owner'} least */
export const may = (least) => current !== null && RANKS.indexOf(current.role) >= RANKS.indexOf(least);
