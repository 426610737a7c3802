// A second implementation of the seal of values in KV (docs/formats.md, "Seal"), with Node's own
// cryptography: format, key id, body, then 16 bytes of HMAC-SHA256 over the key's name, a zero byte and
// everything before the tag.

import { createHmac } from 'node:crypto';
import { DEPLOYMENT, SIGNING_SECRETS } from '../../workerd/harness/product.mjs';
import { derivedKey } from '../../workerd/harness/tokens.mjs';

const TAG_BYTES = 16;

/** Splits a sealed value into its parts without checking the tag. */
export function unsealed(value) {
  return { format: value[0], keyId: value[1], body: value.subarray(2, -TAG_BYTES) };
}

/** Seals a value for `name`, for this or another deployment, with a tag that verifies there. */
export function sealed(name, { format, keyId, body }, { deployment = DEPLOYMENT, purpose = 'list' } = {}) {
  const untagged = Buffer.concat([Buffer.from([format, keyId]), body]);
  const key = derivedKey(SIGNING_SECRETS[1], deployment, purpose);
  const tag = createHmac('sha256', key)
    .update(name)
    .update(Buffer.from([0]))
    .update(untagged)
    .digest()
    .subarray(0, TAG_BYTES);
  return Buffer.concat([untagged, tag]);
}
