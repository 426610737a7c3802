// What somebody put into the search, as questions to the API. People paste tokens with what stands around
// them, parts of tokens, ids, and the addresses of pages.

/** Characters of a token, and of its two ends that a fingerprint shows (docs/formats.md, "Fingerprint"). */
const TOKEN_CHARS = 40,
  HEAD_CHARS = 12,
  TAIL_CHARS = 8;
/** The start that fingerprints of earlier releases show. */
const EARLIER_HEAD_CHARS = 8;

const ADMIN_KEY = /\bwla_/;
/** The start of a token, wherever it stands: its prefix is followed by characters of base64url. */
const TOKENS = /wlp_[\w-]{4,}/g;
const FINGERPRINT = /(wlp_[\w-]{4,})\s*(?:…|\.\.\.)\s*([\w-]+)/;
const TOKEN_ID = /(?:^|[/=#?&\s"'`,(])(tok_\d+)(?![\w-])/;
const FAMILY_ID = /(?:^|[/=#?&\s"'`,(])(fam_[\w-]+)/;
const WITH_SCHEME = /^[a-z][a-z0-9+.-]*:\/\/\S+$/i;
const HOST = /^(?:[^\s@/:"'`]+\.[^\s@/:"'`.]+|localhost|\[[\da-f:.]+\])(?::\d+)?(?:[/?#]\S*)?$/iu;

/**
 * `asks`: queries of GET /tokens, to be tried in this order until one finds something. `shown`: what may
 * stand in an address. That is never a whole token, nor so much of one that the rest could be guessed.
 * `token`: a whole token, which POST /tokens/lookup takes in a body.
 * @typedef {{ asks: Record<string, string>[], shown: string, token?: string, isAdminKey?: boolean }} Pasted
 */

/** @param {string} typed @returns {Pasted} */
export function read(typed) {
  const text = typed.trim();
  if (text === '') return { asks: [{}], shown: '' };
  if (ADMIN_KEY.test(text)) return { asks: [], shown: '', isAdminKey: true };
  return fingerprint(text) ?? token(text) ?? id(text) ?? site(text) ?? { asks: [{ q: text }], shown: text };
}

/** A shown fingerprint, of this release or an earlier one. @param {string} text @returns {Pasted | null} */
function fingerprint(text) {
  const [, start, end] = FINGERPRINT.exec(text) ?? [];
  if (start === undefined || end.length < TAIL_CHARS) return null;
  const head = start.slice(0, start.length < HEAD_CHARS ? EARLIER_HEAD_CHARS : HEAD_CHARS);
  const shown = `${head}…${end.slice(-TAIL_CHARS)}`;
  return { asks: [{ q: shown }], shown };
}

/**
 * A whole token, or its start; with `Bearer` or an address around it.
 * @param {string} text
 * @returns {Pasted | null}
 */
function token(text) {
  const found = longestToken(text);
  if (found === undefined) return null;
  if (found.length >= TOKEN_CHARS) {
    const whole = found.slice(0, TOKEN_CHARS);
    const shown = fingerprintOf(whole);
    return { asks: [{ q: shown }], shown, token: whole };
  }
  if (found.length < HEAD_CHARS) return null;
  // The first 12 characters name the token. The others are not needed, and would be nearly a whole token.
  const head = found.slice(0, HEAD_CHARS);
  return { asks: [{ q: head }], shown: found === head ? head : `${head}…` };
}

/** The longest token, or start of one, that stands in the text. @param {string} text */
const longestToken = (text) =>
  [...(fromBasic(text).match(TOKENS) ?? []), ...(text.match(TOKENS) ?? [])].reduce(
    (/** @type {string | undefined} */ longest, one) =>
      longest === undefined || one.length > longest.length ? one : longest,
    undefined,
  );

/** What `Authorization: Basic …` says, where a token is user name or password. @param {string} text */
function fromBasic(text) {
  const [, coded] = /\bBasic\s+([A-Za-z0-9+/]+={0,2})/i.exec(text) ?? [];
  try {
    return atob(coded ?? '');
  } catch {
    return '';
  }
}

/**
 * Why a text must not stand in an address, which ends up in histories and logs; '' if it may. A fingerprint
 * may: it shows less of a token.
 * @param {string} text
 */
export function whySecret(text) {
  if (ADMIN_KEY.test(text)) return 'That is an admin key. Enter it only in the sign-in form.';
  if ((longestToken(text)?.length ?? 0) <= HEAD_CHARS) return '';
  return 'That has a token in it, which must not stand in an address. Search for it on the page Tokens.';
}

/** Filters of an address that somebody opened, without those that have a secret in them. */
export const withoutSecrets = (/** @type {Record<string, string>} */ filters) =>
  Object.fromEntries(
    Object.entries(filters).map(([name, value]) => [name, whySecret(value) === '' ? value : '']),
  );

/** The origin of a site that was typed or pasted; the text itself where it has none. @param {string} text */
export function siteIn(text) {
  if (text === '') return '';
  return originOf(text.includes('://') ? text : `https://${text}`) ?? text;
}

/** The ends of a whole token, as every page shows them. @param {string} whole */
export const fingerprintOf = (whole) => `${whole.slice(0, HEAD_CHARS)}…${whole.slice(-TAIL_CHARS)}`;

/**
 * An id of a token or a family, alone or in an address of the console.
 * @param {string} text
 * @returns {Pasted | null}
 */
function id(text) {
  const [, one] = TOKEN_ID.exec(text) ?? [];
  if (one !== undefined) return { asks: [{ q: one }, { q: text }], shown: text };
  const [, family] = FAMILY_ID.exec(text) ?? [];
  return family === undefined ? null : { asks: [{ family }, { q: text }], shown: text };
}

/** The address of a page, or its host. @param {string} text @returns {Pasted | null} */
function site(text) {
  // A rule for all subdomains is found by any of them.
  const one = text.replace('*.', 'any.');
  if (WITH_SCHEME.test(text)) {
    const origin = originOf(one);
    return origin === null ? null : { asks: [{ origin }, { q: text }], shown: text };
  }
  if (!HOST.test(text)) return null;
  const origins = ['https', 'http'].map((scheme) => originOf(`${scheme}://${one}`));
  const host = origins[0]?.replace('https://', '') ?? '';
  const asks = [{ q: text }, { q: host }, ...origins.map((origin) => ({ origin: origin ?? '' }))];
  return { asks: asks.filter((ask) => Object.values(ask).every((value) => value !== '')), shown: text };
}

/** @param {string} address @returns {string | null} */
function originOf(address) {
  try {
    const url = new URL(address);
    if (url.host === '') return null;
    return url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin;
  } catch {
    return null;
  }
}
