// A second implementation of the token format (docs/formats.md, "Token"), with Node's own cryptography.
//
// It makes tokens that the product would not: expired ones, ones that were never issued, and ones with a
// wrong tag.

import { createHmac, hkdfSync } from 'node:crypto';

/** The key of one purpose: HKDF-SHA256 (RFC 5869), salt = the deployment, info = wayleave/v1/<purpose>. */
export function derivedKey(secret, deployment, purpose) {
  return Buffer.from(hkdfSync('sha256', secret, deployment, `wayleave/v1/${purpose}`, 32));
}

/** A token with these claims. Its tag verifies when `secret` and `deployment` are the gateway's. */
export function mintToken({ secret, deployment, keyId = 1, serial, expiresAt, version = 1 }) {
  const claims = Buffer.alloc(11);
  claims.writeUInt8(version, 0);
  claims.writeUInt8(keyId, 1);
  claims.writeUInt32BE(serial, 2);
  claims.writeUIntBE(expiresAt, 6, 5);
  const tag = createHmac('sha256', derivedKey(secret, deployment, 'token'))
    .update(claims)
    .digest()
    .subarray(0, 16);
  return `wlp_${Buffer.concat([claims, tag]).toString('base64url')}`;
}

export function claimsOf(token) {
  const bytes = Buffer.from(token.slice(4), 'base64url');
  return {
    version: bytes[0],
    keyId: bytes[1],
    serial: bytes.readUInt32BE(2),
    expiresAt: bytes.readUIntBE(6, 5),
    tag: bytes.subarray(11),
  };
}

/** The token with one bit of its 27 bytes flipped. */
export function withFlippedBit(token, bit) {
  const bytes = Buffer.from(token.slice(4), 'base64url');
  bytes[bit >> 3] ^= 1 << (bit & 7);
  return `wlp_${bytes.toString('base64url')}`;
}
