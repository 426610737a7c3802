// The admin API and malformed, hostile and careless requests.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';

const API = '/_wayleave/api';
const gateway = new Gateway({ variables });
const { client, admin } = gateway;

before(() => gateway.start());
after(() => gateway.stop());

const newToken = (settings = {}, headers = {}) =>
  admin.createToken({ audiences: ['weather'], ...settings }, headers);
const create = (body, headers = {}) => admin.call('POST', '/tokens', { body, headers });
const json = { 'Content-Type': 'application/json' };

describe('bad input ends in a problem with a stable code', () => {
  const good = { label: 'x', origins: [SITE], audiences: ['weather'] };
  const bodies = {
    'broken JSON': ['{"label": ', 'not_json'],
    'two values': ['{} {}', 'not_json'],
    'nothing but a word': ['hello', 'not_json'],
    'a list': ['[]', 'not_an_object'],
    'a number': ['1', 'not_an_object'],
    'nested 1,000 deep': [`{"metadata": ${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}}`, 'not_json'],
    'a name twice': ['{"label": "a", "label": "b"}', 'duplicate_field'],
    'a lone surrogate': ['{"label": "\\ud800"}', 'not_json'],
    'invalid UTF-8': [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'not_utf8'],
    'a byte order mark': [`\ufeff${JSON.stringify(good)}`, 'not_json'],
  };
  for (const [what, [body, code]] of Object.entries(bodies)) {
    it(`${what} is 400 ${code}`, async () => {
      const { errors } = assertProblem(await create(body, json), 'invalid_request');
      assert.deepEqual(
        errors.map((error) => error.code),
        [code],
      );
    });
  }

  it('all wrong fields are named at once, unknown ones too', async () => {
    const body = {
      label: '',
      owner: 7,
      orgins: [SITE],
      origins: ['https://ok.example', 'ftp://x', 'a b'],
      audiences: ['weather', 'nothing'],
      expires_in: 1,
      protected: 'yes',
      metadata: [],
      rate: 'fast',
    };
    const { errors } = assertProblem(await create(body), 'invalid_request', { status: 422 });
    const fields = new Set(errors.map(({ field }) => field.replace(/\[.*$/, '')));
    for (const field of Object.keys(body))
      assert.ok(fields.has(field), `${field} is named: ${JSON.stringify(errors)}`);
    for (const error of errors) assert.deepEqual(Object.keys(error).sort(), ['code', 'detail', 'field']);
  });

  it('nothing is made by a request that is refused', async () => {
    const before = (await admin.status()).highest_serial;
    await create({ ...good, unknown: 1 });
    await create('{', json);
    assert.equal((await admin.status()).highest_serial, before);
  });

  const settings = {
    origins: [
      [],
      {},
      'all',
      '*',
      [''],
      ['*'],
      ['https://*'],
      ['*.*.example'],
      ['a*.example'],
      ['https://shop.example/path'],
      ['https://user@shop.example'],
      ['https://shop.example:0x1'],
      ['https://shop.example:99999'],
      ['javascript://x'],
      ['null'],
      [null],
      Array(51).fill(SITE),
      [`https://${'a'.repeat(400)}.example`],
      ['https://shop.example?x'],
    ],
    label: [null, 1, '', '   ', 'x'.repeat(201), 'line\nbreak', 'right\u202eto-left'],
    expires_in: [0, -1, 59, 1.5, '60', 1e12, 63_072_001, null],
    expires_at: ['2026-01-01T00:00:00Z', 'tomorrow', '2027-01-01', 1_800_000_000, '9999-01-01T00:00:00Z'],
    audiences: [[], ['nothing'], 'weather', [1], Array(30).fill('weather')],
    origin_mode: ['Enforce', 'off', null],
    missing_origin: ['yes', true],
    protected: [1, 'true'],
    metadata: [[], 'x', 1, { big: 'x'.repeat(5_000) }],
    external_id: ['B\u00e4cker', 'x'.repeat(201), 'a\r\nb'],
    clone_of: ['tok_', '1', 1, 'tok_01', 'tok_4294967296'],
    rate: ['gold', 1],
    methods: [[], 'GET', ['get'], ['GET', 'GET'], ['*'], ['CONNECT'], ['GET, POST'], [null], { GET: true }],
    paths: [
      [],
      '/v1',
      ['v1'],
      [''],
      ['/v1/../x'],
      ['/v1/%2e%2e/x'],
      ['/v1%2Fx'],
      ['/v1/*/x'],
      ['/v1*'],
      ['/v1;x'],
      ['/v1?x'],
      ['/v1', '/v1/'],
      ['/_wayleave/*'],
      ['https://api.example/v1'],
      [1],
      Array.from({ length: 51 }, (_, at) => `/${at}`),
      [`/${'a'.repeat(256)}`],
    ],
    scope_mode: ['Enforce', 'off', null],
    claims: [[], 'x', 1, { a: null }, { a: {} }, { a: [[1]] }, { a: 2 ** 53 }, { a: 'x'.repeat(1_017) }],
  };
  for (const [field, values] of Object.entries(settings)) {
    it(`${field}: each wrong value is 422 and names the field`, async () => {
      for (const value of values) {
        const answer = await create({ ...good, [field]: value });
        assert.equal(answer.status, 422, `${JSON.stringify(value).slice(0, 80)}: ${answer}`);
        assert.ok(
          answer.json.errors.every((error) => error.field.startsWith(field)),
          `${JSON.stringify(value).slice(0, 80)}: ${answer}`,
        );
      }
    });
  }

  it('expires_in and expires_at together are a conflict of fields', async () => {
    assertProblem(
      await create({ ...good, expires_in: 60, expires_at: '2027-01-01T00:00:00Z' }),
      'invalid_request',
      { status: 422 },
    );
  });

  const queries = [
    'limit=0',
    'limit=-1',
    'limit=501',
    'limit=99999999999999999999',
    'limit=1e3',
    'limit=',
    'limit=ten',
    'limit=1&limit=2',
    'cursor=',
    'cursor=x',
    `cursor=${'A'.repeat(5_000)}`,
    'state=gone',
    'key_id=256',
    'key_id=-1',
    'origin=not%20an%20origin',
    'expiring_within_seconds=-1',
    'unknown=1',
    'q=%ff',
    'family=fam_made-up',
    'LIMIT=1',
  ];
  for (const query of queries) {
    it(`GET /tokens?${query.slice(0, 40)} is 400`, async () => {
      const { errors } = assertProblem(await admin.call('GET', `/tokens?${query}`), 'invalid_request');
      assert.equal(errors.length, 1);
    });
  }

  it('a cursor of another list is not a place in this one', async () => {
    await newToken();
    await newToken();
    const { next_cursor } = (await admin.call('GET', '/tokens?limit=1')).json;
    assert.ok(next_cursor);
    assertProblem(
      await admin.call('GET', `/events?cursor=${encodeURIComponent(next_cursor)}`),
      'invalid_request',
    );
  });

  it('ids that are not one', async () => {
    for (const id of [
      'tok_',
      'tok_x',
      'tok_-1',
      'tok_01',
      'tok_4294967296',
      'TOK_1',
      '1',
      '%00',
      'tok_1%2f',
      'tok_1;x',
    ]) {
      const answer = await admin.call('GET', `/tokens/${id}`);
      assert.ok([400, 404].includes(answer.status), `${id}: ${answer}`);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
    }
  });

  it('wrong content types are 415, JSON with a parameter is JSON', async () => {
    for (const type of [
      'text/json',
      'application/xml',
      'application/jsonx',
      'application/json, text/plain',
      '',
    ]) {
      assertProblem(await create(JSON.stringify(good), { 'Content-Type': type }), 'unsupported_media_type');
    }
    assert.equal(
      (await create(JSON.stringify(good), { 'Content-Type': 'Application/JSON; charset=utf-8' })).status,
      201,
    );
  });

  it('a body over the cap is 413, at the cap it is read', async () => {
    const ofSize = (bytes) =>
      JSON.stringify({ label: 'x'.repeat(bytes - JSON.stringify({ label: '' }).length) });
    assertProblem(await create(ofSize(65_537), json), 'payload_too_large');
    assertProblem(await create(ofSize(65_536), json), 'invalid_request', { status: 422 });
  });

  it('a body over the cap is refused before the rest of it has arrived', async () => {
    const pairs = [
      ['Host', client.host],
      ['Authorization', `Bearer ${admin.key}`],
      ['Content-Type', 'application/json'],
      ['Content-Length', '50000000'],
    ];
    const response = await client.open('POST', `${API}/tokens`, pairs, (request) =>
      request.on('error', () => {}).write(Buffer.alloc(100_000, 'x')),
    );
    assert.equal(response.statusCode, 413);
    response.destroy();
  });

  it('duplicate headers are refused, not chosen from', async () => {
    const headers = (extra) => [['Authorization', `Bearer ${admin.key}`], ...extra];
    const twice = (name, value) => [
      [name, value],
      [name, value],
    ];
    const path = `${API}/tokens`;
    const send = (extra) =>
      client.send('POST', path, { headers: headers(extra), body: JSON.stringify(good) });
    assertProblem(await client.get(path, { headers: headers(headers([])) }), 'unauthorized');
    assertProblem(await send(twice('Content-Type', 'application/json')), 'unsupported_media_type');
    assertProblem(
      await send([['Content-Type', 'application/json'], ...twice('Idempotency-Key', 'a')]),
      'invalid_request',
    );
    const { id } = await newToken();
    const patch = await client.send('PATCH', `${path}/${id}`, {
      headers: headers([['Content-Type', 'application/json'], ...twice('If-Match', '"1"')]),
      body: '{"label":"x"}',
    });
    assertProblem(patch, 'invalid_request');
  });

  it('wrong Idempotency-Key and If-Match values are 400', async () => {
    for (const value of ['', 'x'.repeat(201), 'a b', 'é'])
      assertProblem(await create(good, { 'Idempotency-Key': value }), 'invalid_request');
    const { id } = await newToken();
    for (const value of ['1', 'W/"1"', '"1", "2"']) {
      assertProblem(
        await admin.call('PATCH', `/tokens/${id}`, { body: { label: 'x' }, headers: { 'If-Match': value } }),
        'invalid_request',
      );
    }
  });

  it('oversized headers and 10,000-character keys and tokens', async () => {
    const long = 'A'.repeat(10_000);
    assertProblem(
      await client.get(`${API}/tokens`, { headers: { Authorization: `Bearer ${long}` } }),
      'unauthorized',
    );
    assertProblem(await client.get(`${API}/tokens`, { headers: { Authorization: long } }), 'unauthorized');
    assertProblem(await client.get(`/now?token=${long}`, { headers: { Origin: SITE } }), 'token_malformed');
    assertProblem(
      await client.get('/now', { headers: { Origin: SITE, Authorization: `Bearer ${long}` } }),
      'token_malformed',
    );
    assertProblem(await admin.call('POST', '/tokens/lookup', { body: { token: long } }), 'invalid_request', {
      status: 422,
    });
    assert.equal(
      (await admin.call('GET', '/tokens', { headers: { 'X-Padding': 'p'.repeat(50_000) } })).status,
      200,
    );
    const text = await client.sendBytes(
      `GET ${API}/tokens HTTP/1.1\r\nHost: api.example\r\n` +
        `X-Padding: ${'p'.repeat(300_000)}\r\nConnection: close\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 4\d\d /);
  });

  it('methods that a path does not take are 405 with Allow', async () => {
    for (const [method, path] of [
      ['PUT', '/tokens'],
      ['DELETE', '/tokens/tok_1'],
      ['GET', '/tokens/tok_1/revoke'],
      ['POST', '/events'],
      ['PATCH', '/status'],
    ]) {
      const answer = await admin.call(method, path);
      assertProblem(answer, 'method_not_allowed');
      assert.ok(answer.list('allow').length > 0);
    }
  });

  it('after all this the API still works', async () => {
    assert.equal(
      (await client.get('/now', { headers: { Origin: SITE, 'X-Api-Key': (await newToken()).token } })).status,
      200,
    );
  });
});
