// Makes and reads admin keys with Node alone: HKDF and HMAC from its crypto, CRC-32 from its zlib.
// Standard: docs/formats.md, "Admin key"; RFC 5869, RFC 2104; CRC-32 as in zlib.
import assert from 'node:assert/strict';
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import zlib from 'node:zlib';

const vectors = JSON.parse(readFileSync(new URL('admin_keys.json', import.meta.url), 'utf8'));
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const key = Buffer.from(
  hkdfSync(
    'sha256',
    Buffer.from(vectors.check_secret, 'base64'),
    vectors.deployment,
    'wayleave/v1/admin',
    32,
  ),
);

function base62(number, characters) {
  let text = '';
  for (let rest = number; rest > 0n; rest /= 62n) text = ALPHABET[Number(rest % 62n)] + text;
  return text.padStart(characters, '0');
}

// zlib.crc32 exists since Node 22.2. A gzip trailer contains the same checksum in every version.
function crc32(text) {
  return zlib.crc32 ? zlib.crc32(text) : zlib.gzipSync(text).readUInt32LE(zlib.gzipSync(text).length - 8);
}

function mint(random) {
  const check = createHmac('sha256', key).update(random).digest().subarray(0, 8);
  const hex = Buffer.concat([random, check]).toString('hex');
  const [first, second] = [hex.slice(0, 32), hex.slice(32)].map((half) => base62(BigInt(`0x${half}`), 22));
  const covered = `wla_${first}${second}`;
  return covered + base62(BigInt(crc32(covered)), 6);
}

for (const row of vectors.keys) {
  test(`${row.valid ? 'is' : 'is not'} an admin key: ${row.source}`, () => {
    if (row.valid) {
      assert.equal(mint(Buffer.from(row.random, 'hex')), row.text);
      assert.equal(createHash('sha256').update(row.text).digest('hex'), row.sha256);
      return;
    }
    // Whatever random bytes the text contains, the key made from them must differ from it.
    const digits = [...row.text.slice(4, 26), ...row.text.slice(26, 48)];
    const known = digits.every((digit) => ALPHABET.includes(digit)) && digits.length === 44;
    if (!known) return;
    const number = (part) =>
      [...part].reduce((sum, digit) => sum * 62n + BigInt(ALPHABET.indexOf(digit)), 0n);
    const hex = (part) => number(part).toString(16).padStart(32, '0');
    const bytes = hex(row.text.slice(4, 26)) + hex(row.text.slice(26, 48));
    assert.notEqual(mint(Buffer.from(bytes.slice(0, 48), 'hex')), row.text);
  });
}

test('a nonce gives the same random bytes', () => {
  const random = createHmac('sha256', key)
    .update('wayleave/v1/admin-key-random-bytes\0')
    .update(vectors.nonce.text)
    .digest()
    .subarray(0, 24);
  assert.equal(random.toString('hex'), vectors.nonce.random);
});
