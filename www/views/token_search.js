// What a search asks the API, and where a whole token goes: into a body, never into an address.

import { ApiError, get, post, query } from '../api.js';
import { read } from './pasted.js';

/** @import { Token, TokenPage } from '../types.d.ts' */

/** A page, and what found it: the filters as GET /tokens takes them. */
/** @typedef {TokenPage & { asked: Record<string, string> }} Found */

const PAGE = 50;

/**
 * A page of the tokens that the filters find. `q` is what somebody typed: its readings are asked for in their
 * order, until one finds something.
 * @param {Record<string, string>} filters and `sort`
 * @param {string} cursor
 * @param {AbortSignal} signal
 */
export async function findTokens({ q, sort, ...filters }, cursor, signal) {
  /** @type {TokenPage} */
  let page = { items: [], next_cursor: null };
  /** @type {Record<string, string>} */
  let asked = filters;
  const { asks } = read(q ?? '');
  for (const [at, ask] of asks.entries()) {
    try {
      asked = { ...filters, ...ask };
      page = await get(`/tokens${query({ ...asked, sort, cursor, total: true, limit: PAGE })}`, signal);
    } catch (error) {
      // A reading that the API does not accept, such as half an address, was not meant.
      const isMisread = error instanceof ApiError && error.status === 400 && at + 1 < asks.length;
      if (!isMisread) throw error;
    }
    if (page.items.length > 0) break;
  }
  return { ...page, asked };
}

/** The token with this text. It is sent in a body, because an address could end up in a log. */
export const lookUp = (/** @type {string} */ text) =>
  /** @type {Promise<Token>} */ (post('/tokens/lookup', { token: text }));
