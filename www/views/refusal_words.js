// What each refusal means in words, and what to do about it.

import { h } from '../dom.js';
import { to } from '../router.js';
import { site } from '../ui/site.js';
import { may } from '../who.js';

/** @import { Refusal } from '../types.d.ts' */

/** Names of refusals by problem code. @type {Record<string, string>} */
const NAMES = {
  token_missing: 'No token',
  token_malformed: 'Not a whole token',
  token_invalid: 'Not a token of this deployment',
  token_expired: 'Expired',
  token_revoked: 'Revoked',
  token_disabled: 'Disabled',
  credential_conflict: 'Two credentials',
  origin_missing: 'No site named',
  origin_not_allowed: 'Site not on its list',
  audience_mismatch: 'Not for this API',
  scope_mismatch: 'Outside its scope',
  rate_limited: 'Too many requests',
  quota_exceeded: 'Quota used up',
  revocation_status_unknown: 'No current list',
  upstream_unreachable: 'API not reachable',
  upstream_timeout: 'API too slow',
};

/** What to do, by problem code. @type {Record<string, string>} */
const ADVICE = {
  token_missing:
    'The request carried no token. Put it in one of the places that Settings or its route lists.',
  token_malformed: 'What was sent is cut short or changed. Copy the whole token again.',
  token_invalid: 'Another deployment made it, or its signing key is retired. Use a token of this deployment.',
  token_expired: 'Put its successor into the page, or create another token.',
  token_revoked: 'Put another token into the page. A revoked one never works again.',
  token_disabled: 'Enable it on its page, if it should work again.',
  credential_conflict: 'The request carried more than one token. Send it in one place only.',
  origin_missing:
    'The request named no site: a script sent it, or a page with Referrer-Policy: no-referrer. ' +
    'The token’s settings can admit such requests.',
  origin_not_allowed: 'Add the site to the token’s list, if it may use the token.',
  audience_mismatch: 'The token is for another API. Add this API to it, or use another token.',
  scope_mismatch: 'The token’s settings do not list this method or path.',
  rate_limited: 'Requests came faster than its rate class allows. Wait, or give it another class.',
  quota_exceeded: 'It is refused until the quota’s next period. Raise the quota, or wait.',
  revocation_status_unknown:
    'The location could not learn which tokens are revoked. “Revocation” shows how locations are doing.',
  upstream_unreachable: 'The token was right, but the API behind Wayleave did not answer.',
  upstream_timeout: 'The token was right, but the API behind Wayleave answered too late.',
};

/** @param {string} code */
export const nameOf = (code) => NAMES[code] ?? code.replaceAll('_', ' ');

/** @param {string} code */
export const adviceOn = (code) => ADVICE[code] ?? '';

/**
 * A link that opens the token's settings with the site filled in. Nothing where there is nothing to allow.
 * @param {Pick<Refusal, 'code' | 'token' | 'site'>} refusal
 */
export function allowLink({ code, token, site: origin }) {
  if (code !== 'origin_not_allowed' || token === null || origin === null || origin === 'null') return null;
  if (!may('operator')) return null;
  return h(
    'a',
    { href: to(['edit', token], { allow: origin }) },
    'Allow this site',
    h('span', { class: 'hidden-visually' }, ` ${origin} for ${token}`),
  );
}

/** The site, as it is shown. @param {string | null} origin */
export function siteName(origin) {
  if (origin === null) return h('span', { class: 'muted' }, 'none named');
  return origin === 'null' ? h('span', null, 'a hidden origin') : site(origin);
}
