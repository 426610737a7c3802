// The admin API end to end. admin_input.test.mjs has malformed, hostile and careless requests.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
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
      methods: ['GET', 'POST'],
      paths: ['/now', '/maps/*'],
      scope_mode: 'report',
      claims: { plan: 'small', seats: 3 },
    };
    const answer = await create(settings);
    assert.equal(answer.status, 201, String(answer));
    assert.equal(answer.headers['cache-control'], 'no-store');
    const token = answer.json;
    for (const [field, value] of Object.entries(settings).filter(([field]) => field !== 'origins'))
      assert.deepEqual(token[field], value, field);
    assert.equal(token.origins.length, 3);
    assert.match(token.token, /^wlp_[A-Za-z0-9_-]{36}$/);
    assert.equal(token.fingerprint, `${token.token.slice(0, 12)}…${token.token.slice(-8)}`);
    assert.match(token.id, /^tok_[0-9]+$/);
    assert.match(token.family, /^fam_[A-Za-z0-9_-]{16,}$/);
    assert.deepEqual([token.state, token.version, token.protected], ['active', 1, false]);
    assert.equal(claimsOf(token.token).serial, Number(token.id.slice(4)));
    assert.equal(claimsOf(token.token).expiresAt, Date.parse(token.expires_at) / 1_000);
    const warnings = ['missing_origin_allowed', 'report_mode', 'scope_report_mode'];
    assert.deepEqual([...token.warnings].sort(), warnings);
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
      methods: ['GET'],
      paths: ['/maps/*'],
      scope_mode: 'report',
      claims: { plan: 'free' },
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
      'methods',
      'paths',
      'scope_mode',
      'claims',
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

  it('what was done to admin keys is in the audit for owners alone', async () => {
    const viewer = admin.as(
      (await admin.createAdminKey('viewer', { label: 'a key that viewers need not know of' })).key,
    );
    const { id } = await newToken();
    const events = async (as, query = '?limit=500') => (await as.call('GET', `/events${query}`)).json.items;
    assert.ok((await events(admin)).some(({ action }) => action === 'admin_key.created'));
    const seen = await events(viewer);
    assert.ok(seen.some((event) => event.token === id));
    assert.ok(
      seen.every((event) => event.token !== null),
      JSON.stringify(seen.find((event) => event.token === null)),
    );
    assert.ok(!JSON.stringify(seen).includes('need not know'));
    assert.deepEqual(await events(viewer, `?token=${id}`), await events(admin, `?token=${id}`));
  });

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

  it('POST /origin-test warns of each rule that cannot work as meant, and so does its token', async () => {
    const warned = [
      ['any', 'word_as_host'],
      ['moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc', 'one_installation'],
      ['moz-extension://*', 'every_installation'],
      ['*.customer.github.io', 'wildcard_below_customer'],
      ['*.nip.io', 'shared_host'],
      ['https://shop.example', undefined],
    ];
    const origins = warned.map(([rule]) => rule);
    const uuid = 'moz-extension://6c2e0a4f-9a1b-4c3d-8e5f-000000000001';
    const tested = (await admin.call('POST', '/origin-test', { body: { origins, origin: uuid } })).json;
    const told = tested.rules.map(({ warnings }) => warnings);
    assert.deepEqual(
      told,
      warned.map(([, code]) => (code ? [code] : [])),
    );
    assert.deepEqual([tested.allowed, tested.rule], [true, 'moz-extension://*']);
    const { id, token } = await admin.createToken({ origins, audiences: ['weather'] });
    const shown = (await admin.call('GET', `/tokens/${id}`)).json;
    assert.deepEqual(new Set(shown.warnings), new Set(warned.flatMap(([, code]) => code ?? [])));
    // The gate applies the rule of the record that it reads.
    const from = (origin) => client.get('/now', { headers: { Origin: origin, 'X-Api-Key': token } });
    const admitted = await from(uuid);
    assert.deepEqual([admitted.status, admitted.headers['access-control-allow-origin']], [200, uuid]);
    const chrome = 'chrome-extension://abcdefghijklmnopabcdefghijklmnop';
    for (const origin of ['moz-extension://evil', chrome, 'https://x.example', 'null']) {
      assertProblem(await from(origin), 'origin_not_allowed');
    }
  });

  it('the list of tokens has no Access-Control header, with the right key or on a preflight', async () => {
    const headers = { Origin: SITE, Authorization: `Bearer ${admin.key}` };
    const listed = await client.get(`${API}/tokens`, { headers });
    assert.equal(listed.status, 200, String(listed));
    assert.ok(listed.json.items.length > 0);
    const preflight = await client.send('OPTIONS', `${API}/tokens`, {
      headers: {
        Origin: SITE,
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'authorization',
      },
    });
    assertProblem(preflight, 'unauthorized');
    const strangers = await client.get(`${API}/tokens`, { headers: { Origin: SITE } });
    assertProblem(strangers, 'unauthorized');
    for (const answer of [listed, preflight, strangers]) {
      const cors = Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'));
      assert.deepEqual(cors, [], String(answer));
    }
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
