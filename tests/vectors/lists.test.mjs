// Checks lists.json without code of the product: with Node's crypto, a postcard reader written here, and
// CRoaring.
import assert from 'node:assert/strict';
import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { RoaringBitmap32, roaringLibraryInitialize } from 'roaring-wasm';

const { deployment, signing_keys, deltas, bases } = JSON.parse(
  readFileSync(new URL('lists.json', import.meta.url)),
);

before(() => roaringLibraryInitialize());

function tag(keyId, key, sealed) {
  const secret = signing_keys[String(keyId)];
  if (secret === undefined) return Buffer.alloc(16);
  const derived = Buffer.from(
    hkdfSync('sha256', Buffer.from(secret, 'base64'), deployment, 'wayleave/v1/list', 32),
  );
  return createHmac('sha256', derived).update(key).update('\0').update(sealed).digest().subarray(0, 16);
}

/** `read` of the body under `key`, or the reason of its refusal. */
function opened(key, text, read) {
  const value = Buffer.from(text, 'base64');
  if (value.length < 18) return refused('BrokenSeal');
  const [sealed, given] = [value.subarray(0, -16), value.subarray(-16)];
  if (!timingSafeEqual(tag(sealed[1], key, sealed), given)) return refused('BrokenSeal');
  if (![1, 2].includes(sealed[0])) return refused('UnknownFormat');
  try {
    return read(sealed.subarray(2), sealed[1], sealed[0]);
  } catch {
    return refused('Misshapen');
  }
}

const refused = (fault) => ({ outcome: 'refused', fault });

/**
 * Postcard: integers are LEB128, signed ones zigzag-encoded first. A sequence is its length and then its
 * items.
 */
class Postcard {
  #at = 0;

  constructor(bytes) {
    this.bytes = bytes;
  }

  big() {
    for (let [value, shift] = [0n, 0n]; ; shift += 7n) {
      const byte = BigInt(this.take(1)[0]);
      value |= (byte & 127n) << shift;
      if (byte < 128n) return value;
    }
  }

  number() {
    return Number(this.big());
  }

  signed() {
    const value = this.big();
    return Number(value & 1n ? -(value >> 1n) - 1n : value >> 1n);
  }

  take(count) {
    if (this.#at + count > this.bytes.length) throw new Error('cut');
    const from = this.#at;
    this.#at += count;
    return this.bytes.subarray(from, this.#at);
  }

  sequence(item) {
    return Array.from({ length: this.number() }, item);
  }

  bitmap() {
    return RoaringBitmap32.deserialize(this.take(this.number()), 'portable');
  }

  end() {
    if (this.#at !== this.bytes.length) throw new Error('bytes left over');
  }
}

/** A status: of a used up quota with the end of its period, which format 2 has at least one of. */
function status(from, format, seen) {
  const number = from.number();
  if (number < 3) return ['Good', 'Disabled', 'Revoked'][number];
  if (number > 3 || format !== 2) throw new Error('no such status');
  seen.exhausted = true;
  return `Exhausted until ${from.signed()}`;
}

function delta(body, sealed_by, format) {
  const from = new Postcard(body);
  const number = [from.number(), from.number()];
  const [this_update, next_update] = [from.signed(), from.signed()];
  const base = [from.number(), from.number()];
  const base_sha256 = from.take(32).toString('hex');
  const since = from.number();
  const since_sha256 = from.take(32).toString('hex');
  const [changed, highest_serial] = [from.number(), from.number()];
  const seen = { exhausted: false };
  const changes = from.sequence(() => [from.number(), status(from, format, seen), from.number()]);
  const retired = from.sequence(() => from.take(1)[0]);
  from.end();
  if (seen.exhausted !== (format === 2)) throw new Error('not the format for it');
  if (since > base[1] || base[1] > number[1] || base[0] !== number[0]) throw new Error('out of order');
  if ((since === base[1]) !== (since_sha256 === base_sha256)) throw new Error('a base and its hash disagree');
  if (retired.includes(sealed_by)) return refused('RetiredKey');
  return {
    outcome: 'opened',
    sealed_by,
    number,
    this_update,
    next_update,
    base,
    base_sha256,
    since,
    since_sha256,
    changed,
    highest_serial,
    changes,
    retired,
  };
}

function base(key, body, sealed_by, format, serials) {
  const from = new Postcard(body);
  const number = [from.number(), from.number()];
  const [revoked, disabled] = [from.bitmap(), from.bitmap()];
  const slices = from.sequence(() => from.bitmap());
  const groups = format === 1 ? [] : from.sequence(() => [from.signed(), from.bitmap()]);
  from.end();
  if (format === 2 && groups.length === 0) throw new Error('not the format for it');
  if (key !== `list/base/${number.join('.')}`) throw new Error('another number');
  const says = serials.map((serial) => {
    const group = groups.find(([, serials]) => serials.has(serial));
    const good = group ? `Exhausted until ${group[0]}` : 'Good';
    const status = revoked.has(serial) ? 'Revoked' : disabled.has(serial) ? 'Disabled' : good;
    const version = slices.reduce((sum, slice, bit) => sum + (slice.has(serial) ? 2 ** bit : 0), 1);
    return [serial, status, version];
  });
  const named = RoaringBitmap32.orMany([
    revoked,
    disabled,
    ...slices,
    ...groups.map(([, serials]) => serials),
  ]);
  const sha256 = createHash('sha256').update(body).digest('hex');
  return { outcome: 'opened', sealed_by, number, sha256, entries: named.size, says };
}

for (const { name, value, expect } of deltas) {
  test(`delta: ${name}`, () => assert.deepEqual(opened('list/delta', value, delta), expect));
}

for (const { name, key, value, expect } of bases) {
  const serials = expect.says?.map(([serial]) => serial) ?? [];
  test(`base: ${name}`, () => {
    assert.deepEqual(
      opened(key, value, (body, sealed_by, format) => base(key, body, sealed_by, format, serials)),
      expect,
    );
  });
}
