// A token that was just made, or that a rotation made: its text goes from the form to the token's own
// address, where it is shown once.

/** @import { Token } from '../types.d.ts' */

/** @type {(Token & { token: string }) | null} */
let made = null;

/** @param {Token & { token: string }} token */
export function remember(token) {
  made = token;
}

/** The token with this id, if it was just made and not shown yet. @param {string | undefined} id */
export function take(id) {
  const found = made?.id === id ? made : null;
  made = null;
  return found;
}
