// Links to tokens by id, whose labels are filled in as they arrive. Each is asked for once.

import { get } from '../api.js';
import { h, put } from '../dom.js';
import { to } from '../router.js';

/** @import { Token } from '../types.d.ts' */

/** Labels known in this page. @type {Map<string, string>} */
const known = new Map();
const AT_A_TIME = 3;

/** Makes links while `signal` has not aborted. @param {AbortSignal} signal */
export function tokenNames(signal) {
  /** @type {Map<string, HTMLElement[]>} */
  const waiting = new Map();
  let asked = 0;

  async function next() {
    const [id, links] = waiting.entries().next().value ?? [];
    if (id === undefined || links === undefined || asked >= AT_A_TIME || signal.aborted) return;
    waiting.delete(id);
    asked += 1;
    try {
      const { label } = /** @type {Token} */ (await get(`/tokens/${encodeURIComponent(id)}`, signal));
      known.set(id, label);
      for (const link of links) put(link, label);
    } catch {
      // The id is a name too.
    }
    asked -= 1;
    next();
  }

  return (/** @type {string} */ id) => {
    const link = h('a', { href: to(['token', id]), title: id }, known.get(id) ?? id);
    if (!known.has(id)) {
      waiting.set(id, [...(waiting.get(id) ?? []), link]);
      next();
    }
    return link;
  };
}
