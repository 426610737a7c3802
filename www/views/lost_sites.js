// Which sites used a token today and would be refused by its new rules, as the API itself reads the rules.

import { post } from '../api.js';
import { usageOf } from './usage.js';

/** @import { OriginCount, OriginTest, Token } from '../types.d.ts' */

/**
 * @param {Token} token
 * @param {Record<string, any>} wanted its new settings
 * @param {AbortSignal} signal
 * @returns {Promise<OriginCount[]>}
 */
export async function lostSites(token, wanted, signal) {
  const { origins, origin_mode: mode } = wanted;
  const isSame = JSON.stringify([origins, mode]) === JSON.stringify([token.origins, token.origin_mode]);
  if (isSame || origins === 'any' || mode === 'report') return [];
  try {
    const usage = await usageOf(token.id, signal);
    const tests = usage.origins.allowed.map(async (site) => {
      const { allowed } = /** @type {OriginTest} */ (
        await post('/origin-test', { origins, origin: site.origin }, { signal })
      );
      return allowed ? [] : [site];
    });
    return (await Promise.all(tests)).flat();
  } catch {
    // Faulty rules are refused by the edit itself, and unknown use must not prevent it.
    return [];
  }
}
