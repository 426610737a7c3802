// Checks tokens.json with Node's crypto and no code of the product.
import assert from 'node:assert/strict';
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const { deployment, signing_keys, rows } = JSON.parse(readFileSync(new URL('tokens.json', import.meta.url)));

function tagKey(keyId) {
  const secret = signing_keys[String(keyId)];
  return (
    secret &&
    Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'base64'), deployment, 'wayleave/v1/token', 32))
  );
}

function tag(keyId, signed) {
  return createHmac('sha256', tagKey(keyId)).update(signed).digest().subarray(0, 16);
}

function verify(token) {
  if (!/^wlp_[A-Za-z0-9_-]{36}$/.test(token) || token.length !== 40) return { outcome: 'malformed' };
  const bytes = Buffer.from(token.slice(4), 'base64url');
  if (bytes[0] !== 1) return { outcome: 'malformed' };
  if (!tagKey(bytes[1]) || !timingSafeEqual(tag(bytes[1], bytes.subarray(0, 11)), bytes.subarray(11))) {
    return { outcome: 'unverifiable' };
  }
  const expires_at = Number(bytes.readBigUInt64BE(3) & 0xff_ffff_ffffn);
  return { outcome: 'verified', key_id: bytes[1], serial: bytes.readUInt32BE(2), expires_at };
}

function mint({ key_id, serial, expires_at }) {
  const signed = Buffer.alloc(11);
  signed[0] = 1;
  signed[1] = key_id;
  signed.writeUInt32BE(serial, 2);
  signed.writeUIntBE(Math.floor(expires_at / 2 ** 32), 6, 1);
  signed.writeUInt32BE(expires_at % 2 ** 32, 7);
  return `wlp_${Buffer.concat([signed, tag(key_id, signed)]).toString('base64url')}`;
}

for (const { name, token, expect } of rows) {
  test(`token: ${name}`, () => {
    assert.deepEqual(verify(token), expect);
    if (expect.outcome === 'verified') assert.equal(mint(expect), token);
  });
}
