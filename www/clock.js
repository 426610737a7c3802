// The server's clock, as far as its answers tell it: countdowns must not believe a browser whose clock is
// wrong.

/** The `Date` of an answer has whole seconds, and a proxy may have another clock than the registry. */
const TOLERANCE_MS = 3_000;

let aheadMs = 0;

/**
 * Notes the `Date` header (RFC 9110 section 6.6.1) of an answer.
 * @param {string | null} date
 * @param {number} sentMs when the request was sent, by this machine's clock
 * @param {number} [nowMs]
 */
export function noteDate(date, sentMs, nowMs = Date.now()) {
  const made = Date.parse(date ?? '');
  if (Number.isNaN(made)) return;
  // It was made between both times, within the second that it names.
  const isRight = made + 1000 > sentMs - TOLERANCE_MS && made < nowMs + TOLERANCE_MS;
  aheadMs = isRight ? 0 : made + 500 - (sentMs + nowMs) / 2;
}

/** Milliseconds since 1970 by the server's clock. */
export const serverNow = () => Date.now() + aheadMs;
