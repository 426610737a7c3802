// What the registry learns from locations: which list each holds, and how long changes took to reach them. An
// SRE reads it in /status, and for one token with a probe.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from '../workerd/harness/admin_api.mjs';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Random } from '../workerd/harness/random.mjs';
import { Replicas } from './harness/replicas.mjs';

const BOUND_SECONDS = 5;
const NAMES = ['amsterdam', 'bogota', 'chennai'];
const REVOCATIONS = 6;

const replicas = new Replicas({
  variables: { REVOCATION_BOUND_SECONDS: String(BOUND_SECONDS) },
  locations: Object.fromEntries(NAMES.map((name) => [name, {}])),
  random: Random.ofRun(),
});
const { admin } = replicas;
let traffic;

const createToken = () => admin.createToken({ audiences: ['weather'] });
const ask = ({ clients }, { token }) =>
  clients[0].get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } });
const probe = async (method, { id }) =>
  await admin.call(method, `/tokens/${id}/probe`, method === 'POST' ? { body: {} } : {});
const isAtLeast = (number, other) =>
  number[0] > other[0] || (number[0] === other[0] && number[1] >= other[1]);

before(() => replicas.start());
after(async () => {
  await traffic?.stop();
  await replicas.stop();
});

describe('before any traffic', () => {
  it('nothing was measured, and a probe says that nobody will answer', async () => {
    const { propagation, locations } = await admin.status();
    assert.deepEqual(propagation, { samples: 0, p50_ms: null, p99_ms: null, max_ms: null, histogram: [] });
    assert.deepEqual(locations, []);
    const answer = await probe('POST', await createToken());
    assert.equal(answer.status, 202, String(answer));
    assert.equal(answer.json.idle, true);
    assert.deepEqual(answer.json.locations, []);
  });
});

describe('with traffic at every location', () => {
  let last;

  before(async () => {
    traffic = await steadyTraffic();
    // Each location holds a list before the first revocation, so that later arrivals are measured.
    await eventually(
      'every location has told',
      async () => (await admin.status()).locations.length === NAMES.length,
    );
  });

  it('/status tells the locations and how long changes took to reach them', async () => {
    for (let count = 0; count < REVOCATIONS; count += 1) {
      last = await createToken();
      await Promise.all(replicas.locations.map((location) => ask(location, last)));
      await admin.revoke(last.id);
      await pause(700);
    }
    // Changes in one list are one sample, so there may be fewer samples than revocations × locations.
    const { propagation, locations } = await eventually(
      'samples',
      async () => {
        const status = await admin.status();
        return status.propagation.samples >= REVOCATIONS && status;
      },
      30_000,
    );
    console.log(JSON.stringify(propagation));
    const { p50_ms, p99_ms, max_ms } = propagation;
    assert.ok(0 <= p50_ms && p50_ms <= p99_ms && p99_ms <= max_ms, JSON.stringify(propagation));
    assert.ok(max_ms > 0 && max_ms <= BOUND_SECONDS * 1_000, JSON.stringify(propagation));
    assert.deepEqual(locations.map(({ id }) => id).sort(), NAMES);
  });

  it('a probe is answered by every location within seconds, and then they do refuse', async () => {
    const receipt = await admin.revoke(last.id); // the receipt that it already has
    const begun = await probe('POST', last);
    assert.equal(begun.status, 202, String(begun));
    assert.equal(begun.json.idle, false);
    const { locations, list_number } = await eventually(
      'every location has heard',
      async () => {
        const { json } = await probe('GET', last);
        const heard = json.locations.filter((location) =>
          isAtLeast(location.list_number, json.probe_list_number),
        );
        return heard.length === NAMES.length && json;
      },
      30_000,
    );
    assert.deepEqual(list_number, receipt.list_number);
    assert.deepEqual(locations.map(({ id }) => id).sort(), NAMES);
    for (const location of replicas.locations)
      assert.equal((await ask(location, last)).json.code, 'token_revoked');
  });

  it('a location that is cut off is not among those that have heard', async () => {
    const [cutOff, ...others] = replicas.locations;
    cutOff.door.shut();
    const token = await createToken();
    await admin.revoke(token.id);
    const json = await eventually(
      'the others have heard',
      async () => {
        const { json } = await probe('GET', token);
        const heard = new Set(
          json.locations
            .filter(({ list_number }) => isAtLeast(list_number, json.list_number))
            .map(({ id }) => id),
        );
        return others.every(({ name }) => heard.has(name)) && { ...json, heard };
      },
      30_000,
    );
    assert.ok(!json.heard.has(cutOff.name), 'it cannot have heard');
    cutOff.door.open();
  });
});

/** Keeps every location in use with a token that stays good. */
async function steadyTraffic() {
  const token = await createToken();
  let ended = false;
  const loops = replicas.locations.map(async (location) => {
    while (!ended) {
      await ask(location, token);
      await pause(100);
    }
  });
  return {
    stop: () => {
      ended = true;
      return Promise.all(loops);
    },
  };
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
