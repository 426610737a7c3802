// Attackers, careless operators and accidents must not affect other users.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { HOST, variables } from './harness/routes.mjs';

const gateway = new Gateway({
  variables,
  locations: {
    control: () => ({ CONTROL_HOSTS: 'control.example, only-port.example:8080' }),
    numbers: () => ({ REVOCATION_BOUND_SECONDS: 10 }),
    unlisted: () => ({ CREDENTIAL_SOURCES: 'header:X-Api-Key' }),
  },
});
const { client, admin, upstream, kv } = gateway;
let token;

before(async () => {
  await gateway.start();
  token = (await admin.createToken({ audiences: ['weather'] })).token;
});
after(() => gateway.stop());

const good = () => [
  ['Origin', SITE],
  ['X-Api-Key', token],
];
const arrived = (name) =>
  upstream.requests
    .at(-1)
    .headers.filter(([header]) => header === name)
    .map(([, value]) => value);

describe("a stranger's odd requests", () => {
  it('cost nobody else an answer: GETs with bodies beside good ones', async () => {
    const odd = () => client.send('GET', '/open/x', { headers: [['Content-Length', '0']] });
    const odder = () => client.send('GET', '/open/x', { body: 'a body' });
    const fine = () => client.send('GET', '/echo', { headers: good() });
    const rounds = Array.from({ length: 30 }, () => [odd(), fine(), odder(), fine()]).flat();
    const statuses = (await Promise.all(rounds)).map((answer) => answer.status);
    assert.deepEqual([...new Set(statuses)], [200]);
  });

  it('a GET that says its body has no bytes is served', async () => {
    const answer = await client.send('GET', '/echo', { headers: [...good(), ['Content-Length', '0']] });
    assert.equal(answer.status, 200, String(answer));
  });

  it("Wayleave_* with underscores is the caller's Wayleave-* to many an upstream, and is removed", async () => {
    await client.send('GET', '/echo', {
      headers: [...good(), ['Wayleave_External_Id', 'evil'], ['wayleave-Anonymous', '1']],
    });
    const ours = upstream.requests
      .at(-1)
      .headers.filter(([name]) => /^wayleave[-_]/.test(name))
      .map(([name]) => name)
      .sort();
    assert.deepEqual(ours, ['wayleave-audience', 'wayleave-family', 'wayleave-token-id']);
  });

  it('an upstream status that no answer can have is upstream_unreachable, readable by the page', async () => {
    const answer = await client.send('GET', '/answer?status=600', { headers: good() });
    assertProblem(answer, 'upstream_unreachable');
    assert.equal(answer.headers['access-control-allow-origin'], SITE);
  });

  it('a body that never ends does not hold up the 401 of a wrong admin key', async () => {
    const headers = [
      ['Host', HOST],
      ['Authorization', 'Bearer wrong'],
      ['Content-Type', 'application/json'],
      ['Content-Length', '100'],
    ];
    const response = await client.open('POST', '/_wayleave/api/tokens', headers, (request) =>
      request.write('{'),
    );
    assert.equal(response.statusCode, 401);
    response.destroy();
  });
});

describe('the token stays out of what the upstream sees', () => {
  it('a referring page that was fetched with ?token= is named without its query', async () => {
    const referer = `https://${HOST}/tiles?z=1&token=${token}`;
    await client.send('GET', '/echo', { headers: [...good(), ['Referer', referer]] });
    assert.deepEqual(arrived('referer'), [`https://${HOST}/tiles`]);
    await client.send('GET', '/open/x', { headers: [['Referer', referer.replace('wlp_', 'wlp%5F')]] });
    assert.deepEqual(arrived('referer'), [`https://${HOST}/tiles`]);
  });

  it('any other referring page is named as it was', async () => {
    await client.send('GET', '/echo', { headers: [...good(), ['Referer', `${SITE}/page?a=%7e`]] });
    assert.deepEqual(arrived('referer'), [`${SITE}/page?a=%7e`]);
  });

  it('a token inside an Authorization of another form is not passed by, though that place is not listed', async () => {
    const before = upstream.requests.length;
    const answer = await gateway
      .location('unlisted')
      .send('GET', '/open/x', { headers: [['Authorization', `Token token="${token}"`]] });
    assertProblem(answer, 'token_malformed');
    assert.equal(upstream.requests.length, before);
  });

  it('a preflight to an anonymous route reaches the upstream, without the token of the request it asks for', async () => {
    const ask = [
      ['Origin', SITE],
      ['Access-Control-Request-Method', 'GET'],
    ];
    const answer = await client.send('OPTIONS', '/open/x?a=1&token=wlp_dead', { headers: ask });
    assert.equal(answer.status, 200, String(answer));
    assert.equal(upstream.requests.at(-1).url, '/open/x?a=1');
  });

  it('an external id arrives as it was saved', async () => {
    const made = await admin.createToken({ audiences: ['weather'], external_id: '50%off' });
    await client.send('GET', '/echo', {
      headers: [
        ['Origin', SITE],
        ['X-Api-Key', made.token],
      ],
    });
    assert.deepEqual(arrived('wayleave-external-id'), ['50%off']);
  });
});

describe('what an operator wrote', () => {
  it('a control host is one in every spelling of it: it serves the admin API and never the upstream', async () => {
    const control = gateway.location('control');
    for (const host of [
      'control.example',
      'CONTROL.example',
      'control.example.',
      'control.example:80',
      'only-port.example:8080',
    ]) {
      const proxied = await control.send('GET', '/echo', { headers: good(), host });
      assertProblem(proxied, 'route_not_found');
      const api = await control.send('GET', '/_wayleave/api/status', {
        headers: [['Authorization', `Bearer ${admin.key}`]],
        host,
      });
      assert.equal(api.status, 200, `${host}: ${api}`);
    }
    for (const host of [HOST, 'only-port.example']) {
      const api = await control.send('GET', '/_wayleave/api/status', {
        headers: [['Authorization', `Bearer ${admin.key}`]],
        host,
      });
      assertProblem(api, 'not_found');
    }
  });

  it('a number that stands unquoted in [vars] counts', async () => {
    const { json } = await gateway.location('numbers').get('/_wayleave/health');
    assert.equal(json.bound_seconds, 10);
  });

  it('a token that only reports is told so by its self-test: allowed, and what enforcing would say', async () => {
    const made = await admin.createToken({ audiences: ['weather'], origin_mode: 'report' });
    const { json } = await client.send('GET', '/_wayleave/token', {
      headers: [
        ['Origin', 'https://evil.example'],
        ['X-Api-Key', made.token],
      ],
    });
    assert.deepEqual(json.origin, {
      seen: 'https://evil.example',
      from: 'origin',
      allowed: true,
      code: 'origin_not_allowed',
    });
  });
});

describe('a KV that hangs', () => {
  it('delays nothing that it can take again once it is well, and is counted', async () => {
    kv.hangs = true;
    const made = await admin.createToken({ audiences: ['weather'] });
    await eventually('a write is given up', async () => (await admin.status()).outbox.failures > 0, 30_000);
    kv.heal();
    const serial = made.id.replace('tok_', '');
    await eventually('the record is in KV', () => kv.keys(`token/${serial}/`).length > 0, 30_000);
  });
});
