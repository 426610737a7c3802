// Which requests of today an edit would refuse: sites that its new rules do not list, as the API itself reads
// the rules, and requests without a site.

import { get, post, query } from '../api.js';
import { countingIs } from './last_used.js';

/**
 * @import { Family, OriginCount, OriginTest, Token, TokenUsage } from '../types.d.ts'
 * @typedef {{ sites: OriginCount[], unnamed: number }} Lost `unnamed`: requests without a site
 */

const DAY_MS = 86_400_000;
/** The API names so many sites at most. With so many, what is left is not all without a site. */
const SITES_MAX = 20;

/** The tokens that an edit of this one changes. @param {Token} token @param {boolean} wholeFamily */
export async function edited(token, wholeFamily) {
  if (!wholeFamily) return [token];
  const { tokens } = /** @type {Family} */ (await get(`/families/${token.family}`));
  return tokens.filter(({ state }) => state === 'active' || state === 'disabled');
}

/**
 * @param {Token[]} tokens
 * @param {Record<string, unknown>} changed their new settings
 * @param {AbortSignal} signal
 * @returns {Promise<Lost>}
 */
export async function lostUse(tokens, changed, signal) {
  const all = await Promise.all(tokens.map((token) => lostOf(token, { ...token, ...changed }, signal)));
  /** @type {Map<string, OriginCount>} */
  const sites = new Map();
  for (const site of all.flatMap(({ sites }) => sites)) {
    const requests = site.requests + (sites.get(site.origin)?.requests ?? 0);
    sites.set(site.origin, { ...site, requests });
  }
  return { sites: [...sites.values()], unnamed: all.reduce((sum, { unnamed }) => sum + unnamed, 0) };
}

/**
 * @param {Token} before
 * @param {Token} after
 * @param {AbortSignal} signal
 * @returns {Promise<Lost>}
 */
async function lostOf(before, after, signal) {
  const { origins } = after;
  const rules = (/** @type {Token} */ token) =>
    JSON.stringify([token.origins, token.origin_mode, token.missing_origin]);
  if (rules(before) === rules(after) || origins === 'any' || after.origin_mode === 'report')
    return { sites: [], unnamed: 0 };
  try {
    const usage = await lately(before.id, signal);
    const isReported = before.origin_mode === 'report' && usage.totals.reported.origin_not_allowed > 0;
    // Report mode admits sites that are not listed, and counts them as what it would refuse.
    const used = [...usage.origins.allowed, ...(isReported ? usage.origins.refused : [])];
    const tests = used.map(async (site) => {
      const { allowed } = /** @type {OriginTest} */ (
        await post('/origin-test', { origins, origin: site.origin }, { signal })
      );
      return allowed ? [] : [site];
    });
    return {
      sites: (await Promise.all(tests)).flat(),
      unnamed: after.missing_origin === 'refuse' ? unnamed(before, usage) : 0,
    };
  } catch {
    // Faulty rules are refused by the edit itself, and unknown use must not prevent it.
    return { sites: [], unnamed: 0 };
  }
}

/**
 * Use of yesterday and today (UTC): sites are counted by whole days, and both must be of the same time.
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function lately(id, signal) {
  const yesterday = Math.floor(Date.now() / DAY_MS - 1) * DAY_MS;
  const range = query({ step: 'hour', from: new Date(yesterday).toISOString() });
  const usage = /** @type {TokenUsage} */ (await get(`/tokens/${id}/usage${range}`, signal));
  countingIs(usage.counting);
  return usage;
}

/**
 * Requests without a site that were admitted. Those that only report mode admits have a count of their own.
 * Others are what is left of the admitted requests without those of each site.
 * @param {Token} token
 * @param {TokenUsage} usage
 */
function unnamed({ origins, missing_origin: missing }, { totals, origins: { allowed } }) {
  const reported = totals.reported.origin_missing;
  if ((missing === 'refuse' && origins !== 'any') || allowed.length >= SITES_MAX) return reported;
  const byRule = totals.admitted - Object.values(totals.reported).reduce((sum, count) => sum + count, 0);
  const named = allowed.reduce((sum, { requests }) => sum + requests, 0);
  return reported + Math.max(0, byRule - named);
}
