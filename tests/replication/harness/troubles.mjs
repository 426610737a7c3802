// The troubles of a location, and the sources that each makes useless. The judge checks these before it
// accepts a 503.

import { moved, thisUpdate } from './delta_times.mjs';
import { sealed, unsealed } from './seal.mjs';

/**
 * name → { cuts: useless sources during the trouble, begin(location, world) }. "kv" is all of KV, "kv lists"
 * only its lists.
 */
export const TROUBLES = {
  nothing: { cuts: [], begin: () => {} },
  'KV stalled': { cuts: ['kv'], begin: ({ kv }) => kv.freeze() },
  'KV down': { cuts: ['kv'], begin: ({ kv }) => (kv.down = true) },
  'KV hangs': { cuts: ['kv'], begin: ({ kv }) => (kv.hangs = true) },
  'KV rolled back': {
    cuts: ['kv'],
    begin: ({ kv }, { startedAt }) => kv.freeze((startedAt + Date.now()) / 2),
  },
  'registry down': { cuts: ['registry'], begin: ({ door }) => door.shut() },
  'registry hangs': { cuts: ['registry'], begin: ({ door }) => door.hang() },
  'registry slow': { cuts: [], begin: ({ door }) => (door.lagMs = 700) },
  'both down': {
    cuts: ['kv', 'registry'],
    begin: ({ kv, door }) => {
      door.shut();
      kv.down = true;
    },
  },
  'cache keeps everything': { cuts: [], begin: ({ cache }) => (cache.forgetsNothing = true) },
  'cache altered': {
    cuts: [],
    begin: ({ cache }) => (cache.alter = (bytes) => flipped(bytes, bytes.length >> 1)),
  },
  'cache down': { cuts: [], begin: ({ cache }) => (cache.down = true) },
  'stalled, registry down': {
    cuts: ['kv', 'registry'],
    begin: ({ kv, door }) => {
      door.shut();
      kv.freeze();
    },
  },
};

/**
 * Lists that must be refused: name → (bytes, key, location) => bytes. They replace the true ones: in KV where
 * a location reads lists there, otherwise in the registry's answers.
 */
export const BAD_LISTS = {
  'altered by hand': (bytes) => flipped(bytes, bytes.length >> 1),
  cut: (bytes) => bytes.subarray(0, bytes.length - 5),
  'of another deployment': (bytes, key) => sealed(key, unsealed(bytes), { deployment: 'another' }),
  'of an unknown version': (bytes, key) => sealed(key, { ...unsealed(bytes), format: 99 }),
  'sealed by an unknown key': (bytes, key) => sealed(key, { ...unsealed(bytes), keyId: 77 }),
  // Correctly sealed and newer than any other: if it were accepted, it could be used for an hour.
  'from the future': (bytes, key) => {
    const { body, ...parts } = unsealed(bytes);
    if (Math.abs(Date.now() - thisUpdate(body)) > 10 * 60_000)
      throw new Error("a delta's times do not stand where this test reads them");
    return sealed(key, { ...parts, body: moved(body, 3_600_000) });
  },
  // The first list that was published: intact, but older than the one held.
  replayed: (_bytes, key, { kv }) => kv.history.versions(key)[0].bytes,
};

const isList = (key) => key.startsWith('list/');
for (const [name, change] of Object.entries(BAD_LISTS)) {
  const inKv = (location) =>
    (location.kv.alter = (key, bytes) => (isList(key) ? change(bytes, key, location) : bytes));
  const inAnswers = (location) =>
    location.door.alterAnswers((text) => inAnswer(text, (bytes) => change(bytes, 'list/delta', location)));
  TROUBLES[`list in KV ${name}`] = { cuts: ['kv lists'], begin: inKv };
  TROUBLES[`list ${name}`] = {
    cuts: ['kv lists', 'registry'],
    begin: (location) => {
      inKv(location);
      inAnswers(location);
    },
  };
}

/** Replaces the sealed list in the registry's answers to calls for it; leaves all other answers alone. */
function inAnswer(text, change) {
  const answer = JSON.parse(text);
  const kind = ['List', 'Pushed'].find((name) => answer[name] !== undefined);
  if (kind === undefined) return text;
  const sealedList = change(Buffer.from(answer[kind].sealed, 'base64'));
  return JSON.stringify({ [kind]: { ...answer[kind], sealed: sealedList.toString('base64') } });
}

function flipped(bytes, at) {
  const copy = Buffer.from(bytes);
  copy[at] ^= 8;
  return copy;
}
