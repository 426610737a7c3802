// A wrong configuration stops the Worker in every isolate and at every path. The message names the variable.
//
// Each wrong value has a location of its own in one process, with its own isolate and configuration.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CHECK_SECRET, eventually, Gateway } from './harness/gateway.mjs';
import { variables } from './harness/routes.mjs';

const route = (fields) => [{ path: '/', upstream: 'http://127.0.0.1:9', ...fields }];
const WRONG = {
  DEPLOYMENT: [null, '', 'Has Space'],
  REVOCATION_BOUND_SECONDS: ['4', '301', '60s', '-1', '5.5'],
  ON_UNKNOWN: ['allow'],
  ROUTES: [
    '{',
    '[]',
    [{}],
    route({ upstream: 'ftp://x' }),
    route({ unknown: 1 }),
    route({ path: 'no-slash' }),
    route({ path: '/_wayleave/x' }),
    route({ anonymous: true, credentials: true }),
    route({ timeout_seconds: 0 }),
    [...route({}), ...route({})],
    route({ credential_sources: 'cookie' }),
    [...route({ path: '/a' }), ...route({ path: '/A' })],
    route({ path: '/v1.' }),
  ],
  CREDENTIAL_SOURCES: ['cookie:x', 'bearer,bearer', 'header:Origin'],
  CONTROL_HOSTS: ['https://control.example/'],
  GATEWAY_ORIGIN: ['api.example', 'https://api.example/v1'],
  APP_SCHEMES: ['https', 'No Scheme'],
  MAX_TOKEN_LIFETIME: ['59', '1000000000000', '2 years'],
  DEFAULT_TOKEN_LIFETIME: ['59', '63072001', '1 year'],
  RETENTION_DAYS: ['0', 'x'],
  REFUSAL_TAIL: ['yes', 'On'],
  METRICS_TOKENS_MAX: ['-1', '5001', 'x'],
  SIGNING_KEYS: [null, '{', '{}', '{"1":"short"}', `{"256":"${CHECK_SECRET}"}`],
  CHECK_SECRET: [null, 'short'],
  ADMIN_KEY: ['too-short'],
  WEBHOOK_URL: ['hooks.example', 'http://hooks.example/', 'https://user@hooks.example/'],
  RATES: [
    '{',
    '{"Page": {"requests": 1, "per_seconds": 10}}',
    '{"page": {"requests": 0, "per_seconds": 10}}',
  ],
  CLIENT_IP_HEADER: ['X Real IP'],
  WEBHOOK_SECRET: ['short', 'whsec_AAAA'],
};
const cases = Object.entries(WRONG).flatMap(([variable, values]) =>
  values.map((value, at) => ({ variable, value, name: `${variable.toLowerCase()}_${at}` })),
);
const locations = Object.fromEntries(
  cases.map(({ variable, value, name }) => [name, () => ({ [variable]: value })]),
);
const gateway = new Gateway({
  variables,
  locations: {
    ...locations,
    both: (upstream) => ({ UPSTREAM: upstream }),
    neither: () => ({ ROUTES: null }),
  },
});

before(() => gateway.start());
after(() => gateway.stop());

/** Sends a request to a location and returns what workerd logged meanwhile. */
async function outputOf(name, path) {
  const from = gateway.workerd.output.length;
  const answer = await gateway.location(name).get(path);
  assert.equal(answer.status, 500, `${name}: ${answer}`);
  assert.ok(!answer.text.includes(CHECK_SECRET));
  return () => gateway.workerd.output.slice(from);
}

describe('a wrong value', () => {
  for (const { variable, value, name } of cases) {
    it(`${variable} = ${JSON.stringify(value)} stops the Worker with a message that names it`, async () => {
      const output = await outputOf(name, '/now');
      await eventually("a message in workerd's output", () => output().includes(variable));
      assert.match(output(), /[Ee]xpected/);
    });
  }

  it('nothing is served: neither the API, nor health, nor the admin API', async () => {
    for (const path of [
      '/now',
      '/open/now',
      '/_wayleave/health',
      '/_wayleave/api/tokens',
      '/_wayleave/token',
    ])
      await outputOf('signing_keys_0', path);
    assert.deepEqual(gateway.upstream.requests, []);
  });

  it('UPSTREAM and ROUTES together, or neither, is wrong too', async () => {
    for (const name of ['both', 'neither']) {
      const output = await outputOf(name, '/now');
      await eventually("a message in workerd's output", () => /UPSTREAM|ROUTES/.test(output()));
    }
  });

  it('a location beside them that is configured rightly works', async () => {
    assert.equal((await gateway.client.get('/_wayleave/problems')).status, 200);
  });
});
