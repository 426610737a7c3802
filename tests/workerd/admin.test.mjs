// The admin API end to end, and everything a stranger or a hurried operator can send to it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { Gateway, eventually } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';
import { claimsOf } from './harness/tokens.mjs';

const API = '/_wayleave/api';
const gateway = new Gateway({ variables });
const { client, admin } = gateway;

before(() => gateway.start());
after(() => gateway.stop());

const newToken = (settings = {}, headers = {}) =>
  admin.createToken({ audiences: ['weather'], ...settings }, headers);
const create = (body, headers = {}) => admin.call('POST', '/tokens', { body, headers });
const json = { 'Content-Type': 'application/json' };

async function pages(path) {
  const items = [];
  let cursor = null;
  do {
    const separator = path.includes('?') ? '&' : '?';
    const answer = await admin.call(
      'GET',
      cursor === null ? path : `${path}${separator}cursor=${encodeURIComponent(cursor)}`,
    );
    assert.equal(answer.status, 200, String(answer));
    items.push(...answer.json.items);
    cursor = answer.json.next_cursor;
  } while (cursor !== null);
  return items;
}

describe("a token's life", () => {
  it('POST /tokens gives every field of a token, and its full text', async () => {
    const settings = {
      label: 'Shop of the town',
      owner: 'ana@shop.example',
      external_id: 'customer-7',
      metadata: { plan: 'small', seats: 3 },
      origins: [SITE, '*.shop.example', 'http://localhost:8080'],
      origin_mode: 'report',
      missing_origin: 'allow',
      audiences: ['weather', 'maps'],
    };
    const answer = await create(settings);
    assert.equal(answer.status, 201, String(answer));
    assert.equal(answer.headers['cache-control'], 'no-store');
    const token = answer.json;
    for (const [field, value] of Object.entries(settings).filter(([field]) => field !== 'origins'))
      assert.deepEqual(token[field], value, field);
    assert.equal(token.origins.length, 3);
    assert.match(token.token, /^wlp_[A-Za-z0-9_-]{36}$/);
    assert.equal(token.fingerprint, `${token.token.slice(0, 8)}…${token.token.slice(-8)}`);
    assert.match(token.id, /^tok_[0-9]+$/);
    assert.match(token.family, /^fam_[A-Za-z0-9_-]{16,}$/);
    assert.deepEqual([token.state, token.version, token.protected], ['active', 1, false]);
    assert.equal(claimsOf(token.token).serial, Number(token.id.slice(4)));
    assert.equal(claimsOf(token.token).expiresAt, Date.parse(token.expires_at) / 1_000);
    assert.deepEqual([...token.warnings].sort(), ['missing_origin_allowed', 'report_mode']);
    assert.equal(
      (await client.get(answer.headers.location, { headers: { Authorization: `Bearer ${admin.key}` } })).json
        .id,
      token.id,
    );
  });

  it('a token lives one year unless told otherwise, to the second', async () => {
    const { expires_at, created_at } = await newToken();
    const moreSeconds = (Date.parse(expires_at) - Date.parse(created_at)) / 1_000 - 365 * 86_400;
    assert.ok(moreSeconds >= 0 && moreSeconds < 1, `rounded up to the second: ${moreSeconds}`);
    assert.equal(
      (await newToken({ expires_at: '2027-06-01T02:00:00+02:00' })).expires_at,
      '2027-06-01T00:00:00Z',
    );
  });

  it('GET /tokens/{id} never has the text, GET /tokens/{id}/token always', async () => {
    const { id, token } = await newToken();
    const one = await admin.token(id);
    assert.equal(one.token, undefined);
    assert.ok(!JSON.stringify(one).includes(token));
    assert.equal((await admin.call('GET', `/tokens/${id}/token`)).json.token, token);
  });

  it('POST /tokens/lookup finds the record behind a token in any state', async () => {
    const { id, token } = await newToken();
    const lookup = () => admin.call('POST', '/tokens/lookup', { body: { token } });
    assert.equal((await lookup()).json.id, id);
    await admin.revoke(id);
    const { json: found } = await lookup();
    assert.deepEqual([found.id, found.state], [id, 'revoked']);
  });

  it('PATCH changes what is given, raises the version, and If-Match guards it', async () => {
    const { id } = await newToken({ owner: 'ana' });
    const { headers } = await admin.call('GET', `/tokens/${id}`);
    const edited = await admin.edit(id, { label: 'renamed', owner: null }, { 'If-Match': headers.etag });
    assert.deepEqual([edited.label, edited.owner, edited.origins], ['renamed', null, [SITE]]);
    assert.equal(typeof edited.receipt.effective_by, 'string');
    assertProblem(
      await admin.call('PATCH', `/tokens/${id}`, {
        body: { label: 'late' },
        headers: { 'If-Match': headers.etag },
      }),
      'precondition_failed',
    );
    assert.equal((await admin.token(id)).label, 'renamed');
  });

  it('clone_of copies every setting, and fields given win', async () => {
    const original = await newToken({
      owner: 'ana',
      external_id: 'c-1',
      metadata: { a: 1 },
      origins: 'any',
      origin_mode: 'report',
      missing_origin: 'allow',
      audiences: ['maps'],
    });
    const { json: clone } = await create({ clone_of: original.id, label: 'copy' });
    for (const field of [
      'owner',
      'external_id',
      'metadata',
      'origins',
      'origin_mode',
      'missing_origin',
      'audiences',
    ]) {
      assert.deepEqual(clone[field], original[field], field);
    }
    assert.equal(clone.label, 'copy');
    assert.notEqual(clone.family, original.family);
  });

  it('disable and enable are reversible, revoke is final', async () => {
    const { id } = await newToken();
    assert.equal((await admin.disable(id)).state, 'disabled');
    assert.equal((await admin.token(id)).state, 'disabled');
    assert.equal((await admin.enable(id)).state, 'active');
    await admin.revoke(id, { force: true, reason: 'leaked' });
    const token = await admin.token(id);
    assert.equal(token.state, 'revoked');
    assert.match(token.revoked_reason, /leaked/);
    assert.ok(Date.parse(token.revoked_at) <= Date.now() + 1_000);
    assertProblem(await admin.call('POST', `/tokens/${id}/enable`), 'token_ended');
  });

  it('an Idempotency-Key makes a retry give the first answer again', async () => {
    const headers = { 'Idempotency-Key': 'retry-1' };
    const [first, second] = [await newToken({}, headers), await newToken({}, headers)];
    assert.deepEqual([second.id, second.token], [first.id, first.token]);
    assertProblem(
      await create({ label: 'other', origins: [SITE], audiences: ['weather'] }, headers),
      'idempotency_conflict',
    );
    const other = await admin.createAdminKey('operator');
    const theirs = await admin.as(other.key).createToken({ audiences: ['weather'] }, headers);
    assert.notEqual(theirs.id, first.id, 'the key belongs to the caller');
  });
});

describe('lists', () => {
  it('pages meet every token once, newest first', async () => {
    const ids = [];
    for (let count = 0; count < 7; count += 1) ids.unshift((await newToken({ owner: 'pages' })).id);
    assert.deepEqual(
      (await pages('/tokens?owner=pages&limit=2')).map(({ id }) => id),
      ids,
    );
  });

  it('filters by state, family, owner, external_id, audience, key_id, origin, expiry and text', async () => {
    const settings = {
      owner: 'filters',
      external_id: 'ext-1',
      audiences: ['maps'],
      label: 'Needle in hay',
      origins: ['*.filter.example'],
      expires_in: 120,
    };
    const { id, family, token } = await newToken(settings);
    const found = async (query) =>
      (await pages(`/tokens?${new URLSearchParams(query)}`)).map((item) => item.id);
    const matching = [
      { family },
      { owner: 'filters' },
      { external_id: 'ext-1' },
      { audience: 'maps', owner: 'filters' },
      { key_id: '1', owner: 'filters' },
      { origin: 'https://a.filter.example' },
      { expiring_within_seconds: '300' },
      { q: 'needle' },
      { q: 'filters' },
      { q: 'ext-1' },
      { q: id },
      { q: token },
      { q: token.slice(-8) },
      { state: 'active', owner: 'filters' },
    ];
    for (const query of matching) assert.ok((await found(query)).includes(id), JSON.stringify(query));
    for (const query of [
      { state: 'revoked' },
      { owner: 'filter' },
      { audience: 'weather' },
      { origin: 'https://filter.example' },
      { q: 'haystack' },
      { key_id: '2' },
    ]) {
      assert.ok(!(await found(query)).includes(id), JSON.stringify(query));
    }
  });

  it('the audit has who, what, when, before and after, newest first', async () => {
    const { id, family } = await newToken({ owner: 'audit' });
    await admin.edit(id, { label: 'after' });
    await admin.call('GET', `/tokens/${id}/token`);
    await admin.disable(id);
    await admin.enable(id);
    await admin.revoke(id);
    const events = await pages(`/events?token=${id}`);
    assert.deepEqual(
      events.map(({ action }) => action),
      ['token.revoked', 'token.enabled', 'token.disabled', 'token.revealed', 'token.edited', 'token.created'],
    );
    const edited = events.find(({ action }) => action === 'token.edited');
    assert.deepEqual([edited.before.label, edited.after.label], ['a test', 'after']);
    for (const event of events) {
      assert.equal(event.token, id);
      assert.ok(event.actor.length > 0);
      assert.ok(Math.abs(Date.parse(event.at) - Date.now()) < 60_000);
    }
    assert.equal((await pages(`/events?family=${family}&limit=2`)).length, events.length);
    assert.ok(!JSON.stringify(events).includes('wlp_'), 'no token in the audit');
  });
});

describe('roles', () => {
  const calls = {
    read: (api, { id }) => api.call('GET', `/tokens/${id}`),
    list: (api) => api.call('GET', '/tokens'),
    events: (api) => api.call('GET', '/events'),
    status: (api) => api.call('GET', '/status'),
    reveal: (api, { id }) => api.call('GET', `/tokens/${id}/token`),
    create: (api) =>
      api.call('POST', '/tokens', { body: { label: 'r', origins: [SITE], audiences: ['weather'] } }),
    edit: (api, { id }) => api.call('PATCH', `/tokens/${id}`, { body: { label: 'r' } }),
    disable: (api, { id }) => api.call('POST', `/tokens/${id}/disable`),
    revoke: (api, { id }) => api.call('POST', `/tokens/${id}/revoke`, { body: { force: true } }),
    admin_keys: (api) => api.call('GET', '/admin-keys'),
    make_admin_key: (api) => api.call('POST', '/admin-keys', { body: { label: 'r', role: 'viewer' } }),
  };
  const allowed = {
    viewer: ['read', 'list', 'events', 'status'],
    operator: ['read', 'list', 'events', 'status', 'reveal', 'create', 'edit', 'disable', 'revoke'],
    owner: Object.keys(calls),
    distributor: [],
  };
  for (const [role, names] of Object.entries(allowed)) {
    it(`${role}: ${names.join(', ') || 'none of these'}`, async () => {
      const { key } = await admin.createAdminKey(role);
      const token = await newToken();
      for (const [name, call] of Object.entries(calls)) {
        const answer = await call(admin.as(key), token);
        if (names.includes(name)) assert.ok(answer.status < 300, `${name}: ${answer}`);
        else assertProblem(answer, 'forbidden');
      }
    });
  }

  it("protected is an owner's to set and to clear", async () => {
    const operator = admin.as((await admin.createAdminKey('operator')).key);
    const { id } = await newToken({ protected: true });
    assertProblem(await operator.call('PATCH', `/tokens/${id}`, { body: { protected: false } }), 'forbidden');
    assert.equal((await admin.edit(id, { protected: false })).protected, false);
  });

  it('an admin key is shown once, can be deleted, and then is unauthorized', async () => {
    const { id, key } = await admin.createAdminKey('viewer');
    assert.match(key, /^wla_[0-9A-Za-z]{50}$/);
    assert.ok(!(await admin.call('GET', '/admin-keys')).text.includes(key));
    assert.equal((await admin.as(key).call('GET', '/tokens')).status, 200);
    assert.equal((await admin.call('DELETE', `/admin-keys/${id}`)).status, 204);
    assertProblem(await admin.as(key).call('GET', '/tokens'), 'unauthorized');
  });

  it('an admin key ends at its expires_at', async () => {
    const soon = new Date(Date.now() + 2_000).toISOString();
    const answer = await admin.call('POST', '/admin-keys', {
      body: { label: 'brief', role: 'viewer', expires_at: soon },
    });
    assert.equal(answer.status, 201, String(answer));
    await eventually(
      'it ends',
      async () => (await admin.as(answer.json.key).call('GET', '/tokens')).status === 401,
    );
  });

  it('the configured ADMIN_KEY, once deleted, stays dead over a restart', async () => {
    const second = admin.as((await admin.createAdminKey('owner')).key);
    const { items } = (await admin.call('GET', '/admin-keys')).json;
    const first = items
      .filter(({ role }) => role === 'owner')
      .sort((a, b) => Number(a.id.slice(4)) - Number(b.id.slice(4)))[0];
    assert.equal((await second.call('DELETE', `/admin-keys/${first.id}`)).status, 204);
    assertProblem(await admin.call('GET', '/tokens'), 'unauthorized');
    await gateway.restart();
    assertProblem(await admin.call('GET', '/tokens'), 'unauthorized');
    assert.equal((await second.call('GET', '/tokens')).status, 200);
    admin.key = second.key;
  });
});

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
      `GET ${API}/tokens HTTP/1.1\r\nHost: api.example\r\nX-Padding: ${'p'.repeat(300_000)}\r\nConnection: close\r\n\r\n`,
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

describe("answers without the registry's data", () => {
  it('POST /origin-test says which rule matched, or why none did', async () => {
    const test = async (body) => (await admin.call('POST', '/origin-test', { body })).json;
    const origins = ['*.shop.example', SITE];
    const matched = await test({ origins, origin: 'https://a.shop.example' });
    assert.equal(matched.allowed, true);
    assert.match(matched.rule, /\*\.shop\.example/);
    const refused = await test({ origins, origin: 'https://evil.example' });
    assert.deepEqual([refused.allowed, refused.code], [false, 'origin_not_allowed']);
    assert.equal((await test({ origins, referer: `${SITE}/page` })).allowed, true);
    assert.equal((await test({ origins, sec_fetch_site: 'cross-site' })).code, 'origin_missing');
    assert.ok((await test({ origins: 'any', origin: 'https://x.example' })).warnings.includes('origin_any'));
  });

  it('the OpenAPI document is served to anyone and describes every call that answers here', async () => {
    const answer = await client.get(`${API}/openapi.json`);
    assert.equal(answer.status, 200, String(answer));
    assert.match(answer.json.openapi, /^3\.1\./);
    const paths = Object.keys(answer.json.paths).map((path) => path.replace(API, ''));
    for (const path of [
      '/tokens',
      '/tokens/{id}',
      '/tokens/{id}/revoke',
      '/tokens/lookup',
      '/admin-keys',
      '/events',
      '/status',
      '/origin-test',
    ]) {
      assert.ok(paths.includes(path), `${path} in ${paths}`);
    }
  });

  it('GET /status counts tokens, what is owed to KV, and calls', async () => {
    await eventually('nothing is owed', async () => (await admin.status()).outbox.pending === 0);
    const status = await admin.status();
    assert.ok(status.tokens.active > 0);
    assert.ok(status.list.bytes > 0);
    assert.ok(status.calls.admin > 0);
    assert.equal(status.signing_key, 1);
  });
});
