// The times in a delta's body (docs/formats.md, "Delta"; postcard:
// https://postcard.jamesmunns.com/wire-format): epoch and n, then `this_update` and `next_update` in
// milliseconds. Integers are varints, signed ones zigzag.

/** The body with both times moved by this many milliseconds. */
export function moved(body, byMs) {
  const epoch = varint(body, 0);
  const n = varint(body, epoch.end);
  const thisUpdate = varint(body, n.end);
  const nextUpdate = varint(body, thisUpdate.end);
  const later = ({ value }) => bytesOf(zigzag(unzigzag(value) + BigInt(byMs)));
  return Buffer.concat([
    body.subarray(0, n.end),
    later(thisUpdate),
    later(nextUpdate),
    body.subarray(nextUpdate.end),
  ]);
}

/** `this_update` in a delta's body. */
export function thisUpdate(body) {
  return Number(unzigzag(varint(body, varint(body, varint(body, 0).end).end).value));
}

function varint(bytes, at) {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n, at += 1) {
    value |= BigInt(bytes[at] & 0x7f) << shift;
    if (bytes[at] < 0x80) return { value, end: at + 1 };
  }
}

function bytesOf(value) {
  const bytes = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

const zigzag = (value) => (value >= 0n ? value << 1n : (-value << 1n) - 1n);
const unzigzag = (value) => ((value & 1n) === 0n ? value >> 1n : -((value + 1n) >> 1n));
