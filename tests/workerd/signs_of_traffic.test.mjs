// What keeps the heartbeat of the list going, and what does not: an uptime monitor must cost no writes to KV,
// and users that are served from KV must not lose it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { variables } from './harness/routes.mjs';

const HEARTBEAT_SECONDS = 5;
const POLLS = 40;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const kinds = (door) => door.calls.map((call) => Object.keys(JSON.parse(call))[0]);
const askedBy = (door) =>
  door.calls
    .map((call) => JSON.parse(call).List)
    .filter(Boolean)
    .map(({ asked_by }) => asked_by);

function product() {
  const settings = (upstream) => ({ ...variables(upstream), HEARTBEAT_SECONDS: String(HEARTBEAT_SECONDS) });
  return new Gateway({ variables: settings, locations: { edge: () => ({ LOCATION: 'edge' }) } });
}

const heartbeats = ({ kv }) =>
  kv.operations.filter(({ method, key }) => method === 'PUT' && key === 'list/delta').length;
const trafficAt = async ({ admin }) => (await admin.status()).heartbeat.traffic_at;

describe('a deployment that nobody uses', () => {
  const gateway = product();
  before(() => gateway.start());
  after(() => gateway.stop());

  it('stays at rest while a monitor asks for its health, browsers ask before they send, and garbage comes', async () => {
    const token = await gateway.admin.createToken({ audiences: ['weather'] });
    await eventually('the new token is in KV', () => gateway.kv.keys('token/').length > 0);
    await eventually('and the list', () => heartbeats(gateway) > 0);
    await sleep(2_000);
    const edge = gateway.location('edge');
    const written = heartbeats(gateway);
    gateway.door.resetCounts();
    gateway.usageDoor.resetCounts();
    const preflight = { headers: { Origin: SITE, 'Access-Control-Request-Method': 'GET' } };
    for (let poll = 0; poll < POLLS; poll += 1) {
      assert.equal((await edge.get('/_wayleave/health')).status, 200);
      await edge.send('OPTIONS', '/now', preflight);
      assert.equal((await edge.get('/now', { headers: { 'X-Api-Key': 'garbage' } })).status, 401);
      await edge.get('/_wayleave/problems');
      await edge.get('/_wayleave/client.js');
      await sleep(400);
    }
    assert.deepEqual(
      kinds(gateway.door).filter((kind) => kind !== 'List'),
      [],
      'no line, no report',
    );
    assert.ok(askedBy(gateway.door).every((asker) => asker === 'Health'));
    assert.equal(heartbeats(gateway), written, 'no heartbeat');
    assert.equal(await trafficAt(gateway), null);
    // One request about a token is a sign of traffic.
    const headers = { Origin: SITE, 'X-Api-Key': token.token };
    assert.equal((await edge.get('/now', { headers })).status, 200);
    await eventually(
      'the heartbeat goes',
      () => heartbeats(gateway) > written,
      3 * HEARTBEAT_SECONDS * 1_000,
    );
    assert.notEqual(await trafficAt(gateway), null);
  });
});

describe('a location that is cut off from the registry', () => {
  const gateway = product();
  before(() => gateway.start());
  after(() => gateway.stop());

  it('shows by what it counts that there is traffic', async () => {
    const token = await gateway.admin.createToken({ audiences: ['weather'] });
    await eventually('the new token is in KV', () => gateway.kv.keys('token/').length > 0);
    await eventually('and the list', () => heartbeats(gateway) > 0);
    gateway.door.shut();
    const edge = gateway.location('edge');
    const headers = { Origin: SITE, 'X-Api-Key': token.token };
    const answer = await edge.get('/now', { headers });
    assert.equal(answer.status, 200, String(answer));
    assert.equal(await trafficAt(gateway), null, 'no call has arrived');
    const written = heartbeats(gateway);
    await eventually('a shard has said so', async () => (await trafficAt(gateway)) !== null, 60_000);
    await eventually('the heartbeat goes', () => heartbeats(gateway) > written, 60_000);
    const { heartbeat } = await gateway.admin.status();
    assert.equal(heartbeat.heard_at, null);
  });
});
