// Edits a token. The request carries the version that was read (If-Match), so it never overwrites a change
// that somebody else made meanwhile. In that case the input stays in the form.

import { ApiError, call } from '../api.js';
import { h } from '../dom.js';
import { go, to } from '../router.js';
import { exact } from '../time.js';
import { checkbox, form, isChecked } from '../ui/form.js';
import { pageHead } from '../ui/head.js';
import { announce } from '../ui/notice.js';
import { may } from '../who.js';
import { configuration } from './configuration.js';
import { dangerDialog } from './danger_dialog.js';
import { edited, lostUse } from './lost_sites.js';
import { policyFields } from './policy_fields.js';
import { originList } from './usage.js';

/** @import { Token } from '../types.d.ts' */
/** @import { Place } from '../router.js' */

/** What decides which sites may use a token. */
const RULES = ['origins', 'origin_mode', 'missing_origin'];

/** @param {Place} place */
export async function view({ path: [, id], params, signal }) {
  const address = `/tokens/${encodeURIComponent(id ?? '')}`;
  const [{ data: token, etag }, settings] = await Promise.all([
    /** @type {Promise<{ data: Token, etag: string | null }>} */ (call('GET', address, { signal })),
    configuration(signal),
  ]);
  const site = toAllow(token, params.get('allow'));
  const policy = policyFields(
    site ? { ...token, origins: [...token.origins, site] } : token,
    settings,
    signal,
  );
  const isInFamily = Boolean(token.predecessor ?? token.successor);
  const attempts = keysOfAttempts();
  return h(
    'div',
    null,
    h(
      'p',
      { class: 'crumbs' },
      h('a', { href: '#/tokens' }, 'Tokens'),
      ' / ',
      h('a', { href: to(['token', token.id]) }, token.label),
    ),
    pageHead(
      `Edit “${token.label}”`,
      `A change holds everywhere within ${settings.revocation_bound_seconds} s of the acknowledgement` +
        `${settings.on_unknown === 'admit' ? ', which ON_UNKNOWN does not guarantee' : ''}. ` +
        `The end, ${exact(token.expires_at)}, is signed into the token.`,
    ),
    token.protected &&
      !may('owner') &&
      h(
        'section',
        { class: 'box banner', 'aria-label': 'Protected' },
        h(
          'p',
          null,
          'This token is protected. ' +
            'You may change its label, owner and metadata. Only an owner may change what it admits.',
        ),
      ),
    site &&
      h(
        'section',
        { class: 'box banner', 'aria-label': 'Site to allow' },
        h('p', null, h('code', null, site), ' was added to its sites below. Nothing is saved yet.'),
      ),
    h(
      'div',
      { class: 'card' },
      form(
        {
          submit: 'Save',
          cancel: () => go(to(['token', token.id])),
          send: async (form) => {
            const wanted = policy.read(form);
            const changed = changedOf(token, wanted);
            const wholeFamily = isChecked(form, 'whole_family');
            if (!(await agreed(token, changed, wholeFamily, signal))) return false;
            const isSaved = await save(address, token, changed, etag, wholeFamily, attempts);
            announce(isSaved ? 'The changes were saved.' : 'Nothing was changed.');
            // Who has gone elsewhere meanwhile stays there.
            if (!signal.aborted) go(to(['token', token.id]));
          },
        },
        policy.element,
        isInFamily &&
          checkbox({
            name: 'whole_family',
            label: 'Change the family’s other tokens too',
            hint: 'What you change here is set on every token of the family that has not ended.',
          }),
      ),
    ),
  );
}

/**
 * Asks once more where requests would be refused that were admitted today.
 * @param {Token} token
 * @param {Record<string, unknown>} changed
 * @param {boolean} wholeFamily
 * @param {AbortSignal} signal
 */
async function agreed(token, changed, wholeFamily, signal) {
  if (!RULES.some((name) => name in changed)) return true;
  const { sites, unnamed } = await lostUse(await edited(token, wholeFamily), changed, signal);
  if (sites.length === 0 && unnamed === 0) return true;
  const requests = unnamed === 1 ? '1 request' : `${unnamed.toLocaleString('en')} requests`;
  const whose = wholeFamily ? 'a token of the family' : 'the token';
  return dangerDialog({
    title:
      sites.length === 0
        ? 'Refuse requests without a site?'
        : sites.length === 1
          ? 'Refuse a site that used it since yesterday?'
          : 'Refuse sites that used it since yesterday?',
    what: [
      unnamed > 0 &&
        h('span', null, `${requests} without a site since yesterday would have got 403 origin_missing. `),
      sites.length > 0 &&
        `Pages on these sites used ${whose} today or yesterday, and would get 403 origin_not_allowed:`,
    ],
    submit: 'Save, and refuse them',
    tokens: [],
    name: token.label,
    hasReason: false,
    isUsed: true,
    list: sites.length > 0 && originList(sites, ''),
    send: async () => {},
  });
}

/**
 * The site that a link asks to allow, if the token's list lacks it.
 * @param {Token} token
 * @param {string | null} site
 */
function toAllow({ origins }, site) {
  return site && origins !== 'any' && !origins.includes(site) ? site : null;
}

/** What differs from the token that was read. @param {Token} token @param {Record<string, unknown>} wanted */
const changedOf = (token, wanted) =>
  Object.fromEntries(
    Object.entries(wanted).filter(
      ([name, value]) => sorted(value) !== sorted(/** @type {any} */ (token)[name] ?? null),
    ),
  );

/**
 * Sends what was changed, and says whether anything was.
 * @param {string} address
 * @param {Token} token
 * @param {Record<string, unknown>} body
 * @param {string | null} etag
 * @param {boolean} wholeFamily
 * @param {(content: string) => string} attempts
 */
async function save(address, token, body, etag, wholeFamily, attempts) {
  if (Object.keys(body).length === 0) return false;
  const once = attempts(sorted([body, wholeFamily]));
  try {
    if (wholeFamily) await call('PATCH', `/families/${token.family}`, { body, once });
    else await call('PATCH', address, { body, ifMatch: etag, once });
  } catch (error) {
    throw error instanceof ApiError && error.status === 412 ? overtaken(error) : error;
  }
  return true;
}

/**
 * Idempotency keys: what is sent again after a lost answer has the key of the first attempt. Its `If-Match`
 * need not fit any more then.
 */
function keysOfAttempts() {
  /** @type {Map<string, string>} */
  const keys = new Map();
  return (/** @type {string} */ content) => {
    const key = keys.get(content) ?? crypto.randomUUID();
    keys.set(content, key);
    return key;
  };
}

/** A value as text, with the names of its members in order. @param {unknown} value @returns {string} */
const sorted = (value) =>
  JSON.stringify(value, (_name, part) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );

/** @param {ApiError} error */
function overtaken(error) {
  return new ApiError({
    ...error.problem,
    code: 'overtaken',
    detail:
      'Somebody changed this token after you opened it, so nothing was saved. ' +
      'Open the token in another window to see what changed, then enter your changes there.',
  });
}
