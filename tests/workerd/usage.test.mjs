// Requests are counted by token outside the request path. Counts and a successor's first use survive kill -9.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { quote } from './harness/capnp.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { variables } from './harness/routes.mjs';

const OTHER_SITE = 'https://other.example';
/** An isolate sends counts at most every 30 s. A count just after one sending waits for the next. */
const COUNTED_MS = 75_000;

// Analytics Engine does nothing outside Cloudflare, so a module replaces the binding and logs the data
// points.
const FAKE_DATASET =
  "export default () => ({ writeDataPoint: (point) => console.log('data point ' + JSON.stringify(point)) });";
const points = () =>
  [...gateway.workerd.output.matchAll(/^.*data point (\{.*\})$/gm)].map(([, point]) => JSON.parse(point));

const gateway = new Gateway({
  variables: (upstream) => ({ ...variables(upstream), LOCATION: 'HAM' }),
  locations: { edge: () => ({}) },
  bindings: [`(name = "ANALYTICS", wrapped = (moduleName = "fake:dataset"))`],
  extensions:
    'extensions = [(modules = [(name = "fake:dataset", ' +
    `esModule = ${quote(FAKE_DATASET)}, internal = true)])],`,
});
const { admin, client } = gateway;
const edge = gateway.location('edge');

before(() => gateway.start());
after(() => gateway.stop());

const newToken = (settings = {}) => admin.createToken({ audiences: ['weather'], ...settings });
const ask = ({ token }, { origin = SITE, path = '/now', at = client } = {}) =>
  at.get(path, { headers: { ...(origin && { Origin: origin }), 'X-Api-Key': token } });

async function usage({ id }, query = '') {
  const answer = await admin.call('GET', `/tokens/${id}/usage${query}`);
  assert.equal(answer.status, 200, String(answer));
  return answer.json;
}

/** The token's usage, once this many of its requests were counted. */
const counted = (token, requests, query) =>
  eventually(
    `${requests} requests of ${token.id} are counted`,
    async () => {
      const seen = await usage(token, query);
      return seen.totals.requests >= requests && seen;
    },
    COUNTED_MS,
  );

const shown = (origins) => origins.map(({ origin, requests }) => [origin, requests]);

describe('usage', () => {
  let token;
  it('is counted by outcome and origin; self-tests, preflights and strangers are no use of the token', async () => {
    token = await newToken();
    assert.equal((await usage(token)).totals.requests, 0);
    for (let time = 0; time < 3; time += 1) assert.equal((await ask(token)).status, 200);
    assert.equal((await ask(token, { origin: OTHER_SITE })).status, 403);
    assert.equal((await ask(token, { origin: null })).status, 403);
    assert.equal((await ask(token, { path: '/maps/1' })).json.code, 'audience_mismatch');
    assert.equal((await ask(token, { path: '/closed/1' })).json.code, 'upstream_unreachable');

    await client.get('/_wayleave/token', { headers: { Origin: SITE, 'X-Api-Key': token.token } });
    await client.send('OPTIONS', '/now', {
      headers: { Origin: SITE, 'Access-Control-Request-Method': 'GET' },
    });
    await ask({ token: `${token.token.slice(0, -1)}${token.token.endsWith('A') ? 'B' : 'A'}` });

    const seen = await counted(token, 7);
    assert.equal(seen.counting, true);
    assert.deepEqual([seen.totals.requests, seen.totals.admitted], [7, 4]);
    assert.deepEqual(
      Object.entries(seen.totals.refused).filter(([, count]) => count > 0),
      [
        ['origin_missing', 1],
        ['origin_not_allowed', 1],
        ['audience_mismatch', 1],
      ],
    );
    assert.deepEqual(seen.totals.upstream, { upstream_unreachable: 1, upstream_timeout: 0 });
    assert.deepEqual(shown(seen.origins.allowed), [[SITE, 4]]);
    assert.deepEqual(shown(seen.origins.refused), [[OTHER_SITE, 1]]);
    assert.ok(Date.parse(seen.first_used_at) <= Date.parse(seen.last_used_at));
    const byMinute = await usage(token, '?step=minute');
    assert.equal(
      byMinute.periods.reduce((sum, { requests }) => sum + requests, 0),
      7,
    );
  });

  it('tells what a scope refused, and what it would refuse', async () => {
    const of = (scope_mode) => newToken({ methods: ['GET'], scope_mode });
    const [enforced, reported] = [await of('enforce'), await of('report')];
    const post = (token) =>
      client.send('POST', '/echo', { headers: { Origin: SITE, 'X-Api-Key': token.token }, body: 'x' });
    assert.equal((await post(enforced)).json.code, 'scope_mismatch');
    assert.equal((await post(reported)).status, 200);
    const [refused, admitted] = [await counted(enforced, 1), await counted(reported, 1)];
    assert.deepEqual([refused.totals.admitted, refused.totals.refused.scope_mismatch], [0, 1]);
    assert.deepEqual([admitted.totals.admitted, admitted.totals.reported.scope_mismatch], [1, 1]);
  });

  it('is handed to Analytics Engine, where it is bound', async () => {
    const isOfAdmitted = ({ blobs: [of, outcome] }) => of === token.id && outcome === 'admitted';
    const point = await eventually('the data point of the admitted requests', () =>
      points().find(isOfAdmitted),
    );
    assert.deepEqual(point, {
      indexes: [token.id],
      blobs: [token.id, 'admitted', 'HAM'],
      doubles: point.doubles,
    });
    assert.ok(point.doubles[0] >= 1);
  });

  it('tells when the token was used, in its view too', async () => {
    const view = await eventually('first_used_at', async () => {
      const view = await admin.token(token.id);
      return view.first_used_at && view;
    });
    assert.equal(Date.parse(view.first_used_at), Date.parse((await usage(token)).first_used_at));
  });

  it('outlives kill -9 of everything', async () => {
    const before = await usage(token);
    await gateway.restart();
    assert.deepEqual(await usage(token), before);
  });

  it('is shown in the metrics', async () => {
    const { text } = await admin.call('GET', '/metrics');
    const value = (outcome) =>
      Number(new RegExp(`^wayleave_requests_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
    assert.ok(value('admitted') >= 4, text);
    assert.equal(value('token_invalid'), 1);
    assert.match(text, /^wayleave_usage_counting 1$/m);
  });

  it('needs a token that exists, and a range that is kept', async () => {
    assert.equal((await admin.call('GET', '/tokens/tok_4000000/usage')).status, 404);
    const answer = await admin.call('GET', `/tokens/${token.id}/usage?step=minute&from=2026-01-01T00:00:00Z`);
    assert.deepEqual([answer.status, answer.json.errors[0].field], [400, 'from']);
  });
});

describe('report mode', () => {
  it('admits, and counts what would be refused by origin; enforcing is one PATCH', async () => {
    const token = await newToken({ origin_mode: 'report' });
    assert.equal((await ask(token, { origin: OTHER_SITE })).status, 200);
    assert.equal((await ask(token)).status, 200);
    const seen = await counted(token, 2);
    assert.deepEqual(
      [seen.totals.admitted, seen.totals.reported.origin_not_allowed, seen.totals.refused.origin_not_allowed],
      [2, 1, 0],
    );
    assert.deepEqual(shown(seen.origins.refused), [[OTHER_SITE, 1]]);
    assert.deepEqual(shown(seen.origins.allowed), [[SITE, 1]]);
    await admin.edit(token.id, { origin_mode: 'enforce' });
    await eventually('it is refused', async () => (await ask(token, { origin: OTHER_SITE })).status === 403);
  });
});

describe("a successor's first use", () => {
  const rotate = async (token, revoke_old) => {
    const answer = await admin.call('POST', `/tokens/${token.id}/rotate`, { body: { revoke_old } });
    assert.equal(answer.status, 201, String(answer));
    return answer.json;
  };
  const reports = () =>
    gateway.usageDoor.calls
      .map((call) => JSON.parse(call))
      .filter(({ Report }) => Report?.first_uses.length > 0);

  it('is told again and again while no shard answers, until one does', async () => {
    const successor = await rotate(await newToken(), { when: 'first_use' });
    gateway.usageDoor.resetCounts();
    gateway.usageDoor.shut();
    await eventually(
      'it is reported twice',
      async () => {
        assert.equal((await ask(successor, { at: edge })).status, 200);
        return reports().length >= 2;
      },
      30_000,
    );
    assert.equal((await admin.token(successor.id)).first_used_at, undefined);
    gateway.usageDoor.open();
    const view = await eventually(
      'the registry knows',
      async () => {
        assert.equal((await ask(successor, { at: edge })).status, 200);
        const view = await admin.token(successor.id);
        return view.first_used_at && view;
      },
      30_000,
    );
    const [{ Report: first }] = reports();
    assert.equal(Date.parse(view.first_used_at), first.first_uses[0].first_at);
  });

  it('is known to a rotation that comes right after it', async () => {
    const old = await newToken();
    const successor = await rotate(old, { when: 'never' });
    assert.equal(
      (await admin.call('POST', `/tokens/${successor.id}/rotate`, { body: {} })).json.code,
      'successor_unused',
    );
    assert.equal((await ask(successor)).status, 200);
    await eventually(
      'the shard has heard of it',
      async () => (await usage(successor)).first_used_at !== undefined,
    );
    assert.equal(
      (await admin.call('POST', `/tokens/${successor.id}/rotate`, { body: {} })).json.code,
      'max_active_tokens',
    );
  });

  it("stands beside its predecessor's traffic in the family", async () => {
    const old = await newToken();
    const successor = await rotate(old, { when: 'never' });
    await ask(old);
    await ask(successor);
    await counted(successor, 1);
    await counted(old, 1);
    const { json } = await admin.call('GET', `/families/${old.family}`);
    assert.deepEqual(
      json.traffic.map(({ id, admitted }) => [id, admitted]),
      [
        [successor.id, 1],
        [old.id, 1],
      ],
    );
    assert.deepEqual(shown(json.traffic[1].origins.allowed), [[SITE, 1]]);
  });
});

describe('without usage shards', () => {
  const bare = new Gateway({ variables, usage: false });
  before(() => bare.start());
  after(() => bare.stop());

  it('nothing is counted, /status says so, and nothing else changes', async () => {
    const token = await bare.admin.createToken({ audiences: ['weather'] });
    assert.equal(
      (await bare.client.get('/now', { headers: { Origin: SITE, 'X-Api-Key': token.token } })).status,
      200,
    );
    assert.deepEqual((await bare.admin.status()).usage, { counting: false });
    const { json } = await bare.admin.call('GET', `/tokens/${token.id}/usage`);
    assert.deepEqual([json.counting, json.totals.requests], [false, 0]);
    const family = await bare.admin.call('GET', `/families/${token.family}`);
    assert.equal(family.json.traffic, null);
    assert.equal((await bare.admin.call('POST', `/tokens/${token.id}/rotate`, { body: {} })).status, 201);
  });
});
