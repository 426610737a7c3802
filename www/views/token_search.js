// What a search asks the API, and where a whole token goes: into a body, never into an address.

import { ApiError, get, post, query } from '../api.js';
import { read } from './pasted.js';

/** @import { Page, Token } from '../types.d.ts' */

const PAGE = 50;

/**
 * A page of the tokens that the filters find. `q` is what somebody typed: its readings are asked for in their
 * order, until one finds something.
 * @param {Record<string, string>} filters
 * @param {string} cursor
 * @param {AbortSignal} signal
 */
export async function findTokens({ q, ...filters }, cursor, signal) {
  /** @type {Page<Token>} */
  let page = { items: [], next_cursor: null };
  const { asks } = read(q ?? '');
  for (const [at, ask] of asks.entries()) {
    try {
      page = await get(`/tokens${query({ ...filters, ...ask, cursor, limit: PAGE })}`, signal);
    } catch (error) {
      // A reading that the API does not accept, such as half an address, was not meant.
      const isMisread = error instanceof ApiError && error.status === 400 && at + 1 < asks.length;
      if (!isMisread) throw error;
    }
    if (page.items.length > 0) break;
  }
  return page;
}

/** The token with this text. It is sent in a body, because an address could end up in a log. */
export const lookUp = (/** @type {string} */ text) =>
  /** @type {Promise<Token>} */ (post('/tokens/lookup', { token: text }));
