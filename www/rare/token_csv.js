// The tokens of a list as CSV (RFC 4180), all pages of it.

import { get, query } from '../api.js';
import { counted } from '../counted.js';
import { h, put } from '../dom.js';
import { openDialog } from '../ui/dialog.js';
import { wordsOf } from '../ui/failure.js';

/** @import { Token, TokenPage } from '../types.d.ts' */

const PAGE = 500;
/** @type {[string, (token: Token) => string | number | boolean | null | undefined][]} */
const COLUMNS = [
  ['id', (token) => token.id],
  ['label', (token) => token.label],
  ['fingerprint', (token) => token.fingerprint],
  ['state', (token) => token.state],
  ['owner', (token) => token.owner],
  ['external_id', (token) => token.external_id],
  ['sites', (token) => (token.origins === 'any' ? 'any' : token.origins.join(' '))],
  ['audiences', (token) => token.audiences.join(' ')],
  ['rate', (token) => token.rate],
  ['protected', (token) => token.protected],
  ['created_at', (token) => token.created_at],
  ['created_by', (token) => token.created_by],
  ['expires_at', (token) => token.expires_at],
  ['ends_at', (token) => token.ends_at],
  ['last_used_at', (token) => token.last_used_at],
  ['revoked_at', (token) => token.revoked_at],
  ['revoked_reason', (token) => token.revoked_reason],
  ['family', (token) => token.family],
  ['predecessor', (token) => token.predecessor],
  ['successor', (token) => token.successor],
  ['warnings', (token) => token.warnings.join(' ')],
];

/** A line of CSV. @param {(string | number | boolean | null | undefined)[]} values */
export const line = (values) => `${values.map(cell).join(',')}\r\n`;

/** @param {string | number | boolean | null | undefined} value */
function cell(value) {
  const text = value === null || value === undefined ? '' : String(value);
  // A spreadsheet would take these for a formula, and carry it out.
  const safe = /^[\s]*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** @param {Token[]} tokens */
export const lines = (tokens) => tokens.map((token) => line(COLUMNS.map(([, of]) => of(token)))).join('');
/** Spreadsheets take a file without it for one of an older encoding. */
const BYTE_ORDER_MARK = '\uFEFF';
export const HEAD = BYTE_ORDER_MARK + line(COLUMNS.map(([name]) => name));

/**
 * Fetches every page and offers the file.
 * @param {Record<string, string>} asked filters and order, as GET /tokens takes them
 * @param {string} total how many there are, in words
 */
export async function exportCsv(asked, total) {
  const loading = new AbortController();
  await openDialog('Export as CSV', (close) => {
    const said = h('p', { role: 'status' }, 'Reading …');
    const done = h('button', { type: 'button', class: 'primary', on: { click: close } }, 'Cancel');
    read(asked, loading.signal, (count) =>
      put(said, `${count.toLocaleString('en')} of ${total} tokens read …`),
    ).then(
      ({ parts, count }) => {
        download(parts);
        put(said, `${counted(count, 'token')} in the file.`);
        put(done, 'Close');
      },
      (error) => {
        if (!loading.signal.aborted) put(said, wordsOf(error));
        put(done, 'Close');
      },
    );
    return [said, h('div', { class: 'actions' }, done)];
  });
  loading.abort();
}

/** @param {Record<string, string>} asked @param {AbortSignal} signal @param {(count: number) => void} tell */
async function read(asked, signal, tell) {
  const parts = [HEAD];
  let count = 0;
  /** @type {string | null} */
  let cursor = '';
  while (cursor !== null) {
    /** @type {TokenPage} */
    const page = await get(`/tokens${query({ ...asked, cursor, limit: PAGE })}`, signal);
    parts.push(lines(page.items));
    count += page.items.length;
    cursor = page.next_cursor;
    tell(count);
  }
  return { parts, count };
}

/** @param {string[]} parts */
function download(parts) {
  const url = URL.createObjectURL(new Blob(parts, { type: 'text/csv;charset=utf-8' }));
  h('a', { href: url, download: 'wayleave-tokens.csv' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
