// Whoever can write to KV can make locations refuse requests or ask the registry. They can never make them
// admit one.
//
// The location is cut off from the registry while it reads altered data, so KV is its only source. Then the
// registry comes back and provides the true data. The bound is 60 seconds: with a shorter one, lists are not
// read from KV.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';

const EVIL = 'https://evil.example';
const gateway = new Gateway({ variables, locations: { edge: () => ({}) } });
const { admin, kv, door } = gateway;
const edge = gateway.location('edge');

before(() => gateway.start());
after(() => gateway.stop());
afterEach(() => {
  kv.heal();
  door.open();
});

const recordKey = ({ id }, version = 1) => `token/${id.slice('tok_'.length)}/${version}`;
const newToken = (settings = {}) => admin.createToken({ audiences: ['weather'], ...settings });
const ask = ({ token }, origin = SITE) =>
  edge.get('/now', { headers: { Origin: origin, 'X-Api-Key': token } });
const inKv = (...keys) => eventually(`${keys} in KV`, () => keys.every((key) => kv.values.has(key)));
/** Waits until every committed change is in KV, including the list that names it. */
const published = () =>
  eventually('nothing owed to KV', async () => (await admin.status()).outbox.pending === 0);

async function assertAdmits(token, origin) {
  const answer = await ask(token, origin);
  assert.equal(answer.status, 200, String(answer));
}

/**
 * A token for every site, then for one. Both versions of its record and the list that names the second are in
 * KV.
 */
async function editedToken() {
  const token = await newToken({ origins: 'any' });
  await inKv(recordKey(token, 1));
  await admin.edit(token.id, { origins: [SITE] });
  await published();
  assert.ok(kv.values.has(recordKey(token, 2)));
  return token;
}

/**
 * Shuts the door. The location still has its list and KV, so it admits a similar token that was not altered.
 */
async function cutOff() {
  const untouched = await newToken();
  await inKv(recordKey(untouched));
  await assertAdmits(await newToken());
  door.shut();
  await assertAdmits(untouched);
}

const alterations = {
  'one bit of the tag': (bytes) => flipped(bytes, bytes.length - 1, 0),
  'one bit of the body': (bytes) => flipped(bytes, bytes.length >> 1, 3),
  'the format version': (bytes) => flipped(bytes, 0, 1),
  'the key id': (bytes) => flipped(bytes, 1, 0),
  'cut short': (bytes) => bytes.subarray(0, -1),
  'cut to nothing': () => Buffer.alloc(0),
  'one byte more': (bytes) => Buffer.concat([bytes, Buffer.from([0])]),
  'replaced by text': () => Buffer.from('{"origins":"any"}'),
  'replaced by 100 kB of noise': () => Buffer.alloc(100_000, 7),
};

describe('a record altered by hand never admits', () => {
  const ofRecord = {
    ...alterations,
    'the allowed site rewritten': (bytes) =>
      Buffer.from(bytes.toString('latin1').replace('shop.example', 'evil.example'), 'latin1'),
  };
  for (const [what, change] of Object.entries(ofRecord)) {
    it(what, async () => {
      const token = await newToken();
      await inKv(recordKey(token));
      kv.pin(recordKey(token), change);
      await cutOff();
      for (const origin of [SITE, EVIL]) assertProblem(await ask(token, origin), 'revocation_status_unknown');
      door.open();
      await eventually('the registry is tried again', async () => (await ask(token)).status !== 503);
      await assertAdmits(token);
      assertProblem(await ask(token, EVIL), 'origin_not_allowed');
    });
  }

  it("another token's record in its place", async () => {
    const [narrow, wide] = [await newToken(), await newToken({ origins: 'any' })];
    await inKv(recordKey(narrow), recordKey(wide));
    kv.pin(recordKey(narrow), () => kv.values.get(recordKey(wide)).bytes);
    await cutOff();
    assertProblem(await ask(narrow, EVIL), 'revocation_status_unknown');
  });

  it('its own earlier version under the key of the edited one', async () => {
    const token = await editedToken();
    kv.pin(recordKey(token, 2), () => kv.values.get(recordKey(token, 1)).bytes);
    // Makes the location cold again; its first list names version 2.
    await gateway.restart();
    await cutOff();
    assertProblem(await ask(token, EVIL), 'revocation_status_unknown');
    door.open();
    await eventually('the registry is tried again', async () => (await ask(token)).status !== 503);
    assertProblem(await ask(token, EVIL), 'origin_not_allowed');
  });

  it('its earlier version under its own key, which a location that knows of the edit never uses', async () => {
    const token = await editedToken();
    kv.unseen = (key) => key === recordKey(token, 2);
    await gateway.restart();
    await cutOff();
    assertProblem(await ask(token, EVIL), 'revocation_status_unknown');
  });
});

describe('a list altered by hand never admits', () => {
  const ofList = { ...alterations, 'a record in its place': () => kv.values.get(kv.keys('token/')[0]).bytes };
  for (const [what, change] of Object.entries(ofList)) {
    it(what, async () => {
      const token = await newToken();
      await admin.disable((await newToken()).id);
      await inKv(recordKey(token), 'list/delta');
      kv.pin('list/delta', change);
      await gateway.restart();
      door.shut();
      assertProblem(await ask(token), 'revocation_status_unknown');
      door.open();
      await eventually('the list is had from the registry', async () => (await ask(token)).status === 200);
    });
  }

  it('and the same list unaltered does admit, so that it was the alteration that was refused', async () => {
    const token = await newToken();
    await admin.disable((await newToken()).id);
    await inKv(recordKey(token), 'list/delta');
    await gateway.restart();
    door.shut();
    await assertAdmits(token);
  });
});

function flipped(bytes, at, bit) {
  const copy = Buffer.from(bytes);
  copy[at] ^= 1 << bit;
  return copy;
}
