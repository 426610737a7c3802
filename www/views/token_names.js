// Tokens by id, as links with their labels and fingerprints, which are filled in as they arrive. Each is
// asked for once.

import { get } from '../api.js';
import { h, put } from '../dom.js';
import { to } from '../router.js';

/** @import { Token } from '../types.d.ts' */
/** @typedef {{ link: HTMLElement, fingerprint: HTMLElement }} Name */

/** What is known in this page. @type {Map<string, Pick<Token, 'label' | 'fingerprint'>>} */
const known = new Map();
const AT_A_TIME = 3;

/** Makes names while `signal` has not aborted. @param {AbortSignal} signal */
export function tokenNames(signal) {
  /** @type {Map<string, Name[]>} */
  const waiting = new Map();
  let asked = 0;

  async function next() {
    const [id, names] = waiting.entries().next().value ?? [];
    if (id === undefined || names === undefined || asked >= AT_A_TIME || signal.aborted) return;
    waiting.delete(id);
    asked += 1;
    try {
      const { label, fingerprint } = /** @type {Token} */ (
        await get(`/tokens/${encodeURIComponent(id)}`, signal)
      );
      known.set(id, { label, fingerprint });
      for (const name of names) fill(name, id);
    } catch {
      // The id is a name too.
    }
    asked -= 1;
    next();
  }

  return (/** @type {string} */ id) => {
    const link = h('a', { href: to(['token', id]), title: id }, id);
    const fingerprint = h('code', { class: 'under' });
    if (known.has(id)) fill({ link, fingerprint }, id);
    else {
      waiting.set(id, [...(waiting.get(id) ?? []), { link, fingerprint }]);
      next();
    }
    return [link, fingerprint];
  };
}

/** @param {Name} name @param {string} id */
function fill({ link, fingerprint }, id) {
  put(link, known.get(id)?.label);
  put(fingerprint, known.get(id)?.fingerprint);
}
