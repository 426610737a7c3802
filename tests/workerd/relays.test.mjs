// Relays: isolates wait at a relay, and only the relay waits at the registry. Doors stand on both sides of
// it.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';

const BOUND_SECONDS = 15;
const variables = (upstream) => ({
  UPSTREAM: upstream,
  REVOCATION_BOUND_SECONDS: String(BOUND_SECONDS),
  PUSH_SECONDS: '3',
  RELAYS: '1',
});
const edges = ['edge', 'other', 'third'];
const gateway = new Gateway({
  variables,
  relays: true,
  locations: Object.fromEntries(
    edges.map((name) => [name, (upstream) => ({ ...variables(upstream), LOCATION: 'FRA' })]),
  ),
});
const { admin, door, relayDoor, doorOfRelays } = gateway;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ask = async (name, { token }) =>
  (await gateway.location(name).get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } })).status;
const of = (calls, kind) =>
  calls.filter((call) => call.startsWith(`{"${kind}"`)).map((call) => JSON.parse(call)[kind]);

/** Keeps every isolate in use. */
async function traffic() {
  const token = await admin.createToken();
  let ended = false;
  const loops = edges.map(async (name) => {
    while (!ended) {
      await ask(name, token);
      await pause(100);
    }
  });
  return () => {
    ended = true;
    return Promise.all(loops);
  };
}

const untilRefused = (token) =>
  Promise.all(
    edges.map((name) =>
      eventually(`${name} refuses`, async () => (await ask(name, token)) === 401, BOUND_SECONDS * 1_000),
    ),
  );

/** A relay that did not reach the registry tries again after 16 s at the latest. */
const BACK_OFF_MS = 25_000;

before(() => gateway.start());
after(() => gateway.stop());

it('isolates wait at the relay, and the relay alone at the registry', async () => {
  const stop = await traffic();
  await eventually(
    'all wait at the relay',
    () => new Set(of(relayDoor.calls, 'Subscribe').map(({ isolate }) => isolate)).size === 3,
  );
  await eventually('the relay waits at the registry', () =>
    of(doorOfRelays.calls, 'Relay').some(({ wait_ms }) => wait_ms > 0),
  );
  // Each compares its clock with the registry's once.
  const compared = of(door.calls, 'Subscribe');
  assert.deepEqual(
    compared.map(({ wait_ms, holding }) => [wait_ms, holding]),
    [
      [0, null],
      [0, null],
      [0, null],
    ],
  );
  const token = await admin.createToken();
  await Promise.all(edges.map((name) => ask(name, token)));
  await pause(1_200);
  const receipt = await admin.revoke(token.id);
  const begun = performance.now();
  await untilRefused(token);
  console.log(`refused at three isolates behind a relay after ${Math.round(performance.now() - begun)} ms`);
  const probe = await eventually('the probe knows it', async () => {
    const { json } = await admin.call('GET', `/tokens/${token.id}/probe`);
    const [at] = json.locations.filter(({ id }) => id === 'FRA');
    return at?.list_number[1] >= receipt.list_number[1] && json.took_ms !== null && json;
  });
  assert.equal(probe.locations.find(({ id }) => id === 'FRA').isolates, 3);
  await stop();
});

it('while the relay cannot reach the registry, the bound holds', async () => {
  const stop = await traffic();
  const token = await admin.createToken();
  await Promise.all(edges.map((name) => ask(name, token)));
  doorOfRelays.shut();
  await admin.revoke(token.id);
  await untilRefused(token);
  doorOfRelays.open();
  doorOfRelays.resetCounts();
  await eventually(
    'the relay waits again',
    () => of(doorOfRelays.calls, 'Relay').some(({ wait_ms }) => wait_ms > 0),
    BACK_OFF_MS,
  );
  await stop();
});

it('without traffic the relay makes no call', async () => {
  // A line of three seconds, and what the relay still waits for.
  await pause(7_000);
  doorOfRelays.resetCounts();
  relayDoor.resetCounts();
  await pause(2_500);
  assert.deepEqual([doorOfRelays.calls, relayDoor.calls], [[], []]);
});

it('while the relay cannot be reached, isolates wait at the registry, and the bound holds', async () => {
  const stop = await traffic();
  const token = await admin.createToken();
  await Promise.all(edges.map((name) => ask(name, token)));
  relayDoor.shut();
  await admin.revoke(token.id);
  await untilRefused(token);
  door.resetCounts();
  await eventually('they wait at the registry', () =>
    of(door.calls, 'Subscribe').some(({ wait_ms }) => wait_ms > 0),
  );
  relayDoor.open();
  await stop();
});
