// Every code of the problem table: a request provokes it, and the whole answer is checked.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { DEPLOYMENT, eventually, Gateway, SIGNING_SECRETS } from './harness/gateway.mjs';
import { assertProblem, assertReadableBy, assertVariesByOrigin, PROBLEMS } from './harness/problem.mjs';
import { HOST, variables } from './harness/routes.mjs';
import { mintToken, withFlippedBit } from './harness/tokens.mjs';

const gateway = new Gateway({
  variables: (upstream) => ({
    ...variables(upstream),
    REVOCATION_BOUND_SECONDS: '5',
    RATES: JSON.stringify({ once: { requests: 1, per_seconds: 60 } }),
  }),
  locations: { cut_off: () => ({}) },
});
const { client, admin, kv, door, upstream } = gateway;
const seen = new Set();
const JSON_TYPE = { 'Content-Type': 'application/json' };
const AT_SITE = { Origin: SITE };

before(() => gateway.start());
after(() => gateway.stop());

/**
 * Asserts a problem of the data plane: the page that caused it can read it, and the request is not forwarded.
 */
function assertRefused(answer, code) {
  seen.add(code);
  assertProblem(answer, code);
  assertReadableBy(answer, SITE);
}

function assertAdminProblem(answer, code, options) {
  seen.add(code);
  const problem = assertProblem(answer, code, options);
  assert.equal(answer.headers['access-control-allow-origin'], undefined, 'the admin API has no CORS');
  return problem;
}

const page = (path, { headers = {}, ...options } = {}) =>
  client.get(path, { headers: { ...AT_SITE, ...headers }, ...options });
const withToken = (token, path = '/now') => page(path, { headers: { 'X-Api-Key': token } });
const soon = () => Math.floor(Date.now() / 1000) + 3600;

const newToken = (settings = {}) => admin.createToken({ audiences: ['weather'], ...settings });

describe('a token that is not good', () => {
  it('token_missing: no credential', async () => {
    assertRefused(await page('/now'), 'token_missing');
  });

  it('token_malformed: not the format, however long', async () => {
    for (const text of [
      'hello',
      'wlp_',
      `wlp_${'A'.repeat(35)}`,
      `wlp_${'A'.repeat(37)}`,
      'A'.repeat(10_000),
      `wlp_${'A'.repeat(10_000)}`,
    ]) {
      assertRefused(await withToken(text), 'token_malformed');
    }
  });

  it('token_invalid: a wrong tag, an unknown key id, another deployment, and a serial that nobody issued', async () => {
    const { token } = await newToken();
    const claims = {
      secret: SIGNING_SECRETS[1],
      deployment: DEPLOYMENT,
      serial: 4_000_000_000,
      expiresAt: soon(),
    };
    const wrong = {
      'a wrong tag': withFlippedBit(token, 215),
      'an unknown key id': mintToken({ ...claims, keyId: 9 }),
      'another deployment': mintToken({ ...claims, deployment: 'another' }),
      'a serial that nobody issued': mintToken(claims),
    };
    for (const text of Object.values(wrong)) assertRefused(await withToken(text), 'token_invalid');
  });

  it('token_invalid: the right serial with another expiry than the one it was issued with', async () => {
    const { id } = await newToken();
    const serial = Number(id.slice('tok_'.length));
    const text = mintToken({ secret: SIGNING_SECRETS[1], deployment: DEPLOYMENT, serial, expiresAt: soon() });
    assertRefused(await withToken(text), 'token_invalid');
  });

  it('token_expired: its end has passed', async () => {
    const expiresAt = Math.floor(Date.now() / 1000) - 1;
    const text = mintToken({ secret: SIGNING_SECRETS[1], deployment: DEPLOYMENT, serial: 1, expiresAt });
    assertRefused(await withToken(text), 'token_expired');
  });

  it('token_revoked and token_disabled', async () => {
    const revoked = await newToken();
    await admin.revoke(revoked.id);
    const disabled = await newToken();
    await admin.disable(disabled.id);
    await eventually(
      'the list names both',
      async () => (await withToken(disabled.token, '/poll')).status === 401,
    );
    assertRefused(await withToken(revoked.token), 'token_revoked');
    assertRefused(await withToken(disabled.token), 'token_disabled');
  });

  it('credential_conflict: two places', async () => {
    const { token } = await newToken();
    assertRefused(
      await page(`/now?token=${token}`, { headers: { 'X-Api-Key': token } }),
      'credential_conflict',
    );
  });
});

describe('a good token in the wrong place', () => {
  it('origin_missing: nothing says where the request comes from', async () => {
    const { token } = await newToken();
    const answer = await client.get('/now', { headers: { 'X-Api-Key': token } });
    seen.add('origin_missing');
    assertProblem(answer, 'origin_missing');
    assertVariesByOrigin(answer);
  });

  it('origin_not_allowed: another site, whose page can read the refusal', async () => {
    const { token } = await newToken();
    const answer = await page('/now', { headers: { Origin: 'https://other.example', 'X-Api-Key': token } });
    seen.add('origin_not_allowed');
    assertProblem(answer, 'origin_not_allowed');
    assertReadableBy(answer, 'https://other.example');
  });

  it('audience_mismatch: a route that the token is not for', async () => {
    const { token } = await newToken();
    assertRefused(await withToken(token, '/maps/1'), 'audience_mismatch');
  });

  it('scope_mismatch: a method or a path that the token is not good for', async () => {
    const { token } = await newToken({ methods: ['GET'], paths: ['/within'] });
    assert.equal((await withToken(token, '/within')).status, 200);
    const refused = await withToken(token, '/echo');
    assertRefused(refused, 'scope_mismatch');
    // Nothing says what would be allowed.
    assert.ok(!/GET|within/.test(JSON.stringify([refused.headers['www-authenticate'], refused.json])));
  });

  it('rate_limited: more requests than its class allows', async () => {
    const { token } = await newToken({ rate: 'once' });
    const answers = [];
    // The third request exceeds the limit even if a new period began after the first.
    for (let n = 0; n < 3; n += 1) answers.push(await withToken(token, '/limited'));
    assert.ok(
      answers.some(({ status }) => status === 200),
      answers.join('\n'),
    );
    assertRefused(
      answers.findLast(({ status }) => status !== 200),
      'rate_limited',
    );
  });

  it('quota_exceeded: more requests than its quota, which are counted off their path', async () => {
    const { token } = await newToken({ quota: { requests: 1, per: 'month' } });
    const answer = await eventually(
      'its quota is used up',
      async () => {
        const answer = await withToken(token, '/counted');
        return answer.status === 429 && answer;
      },
      75_000,
    );
    assertRefused(answer, 'quota_exceeded');
  });
});

describe('a good token and an API that is not', () => {
  it('route_not_found: decided before the token is looked at', async () => {
    for (const headers of [{}, { 'X-Api-Key': 'hello' }]) {
      const answer = await client.get('/now', {
        host: 'nobody.example',
        headers: { ...AT_SITE, ...headers },
      });
      seen.add('route_not_found');
      assertProblem(answer, 'route_not_found');
    }
  });

  it('upstream_unreachable: nothing listens, or the connection is cut', async () => {
    const { token } = await newToken();
    assertRefused(await withToken(token, '/closed/now'), 'upstream_unreachable');
    assertRefused(await withToken(token, '/cut'), 'upstream_unreachable');
  });

  it("upstream_timeout: no first byte within the route's time", async () => {
    const { token } = await newToken();
    assertRefused(await withToken(token, '/impatient/hang'), 'upstream_timeout');
  });
});

describe('a location that cannot know', () => {
  const cutOff = gateway.location('cut_off');

  before(() => {
    kv.fail();
    door.shut();
  });
  after(() => {
    kv.heal();
    door.open();
  });

  it('revocation_status_unknown: neither KV nor the registry answers', async () => {
    const text = mintToken({
      secret: SIGNING_SECRETS[1],
      deployment: DEPLOYMENT,
      serial: 1,
      expiresAt: soon(),
    });
    assertRefused(
      await cutOff.get('/now', { headers: { ...AT_SITE, 'X-Api-Key': text } }),
      'revocation_status_unknown',
    );
  });

  it('registry_unavailable: an admin call, and nothing was changed', async () => {
    const answer = await cutOff.send('POST', '/_wayleave/api/tokens', {
      headers: { Authorization: `Bearer ${admin.key}` },
      body: { label: 'lost', origins: [SITE], audiences: ['weather'] },
    });
    assertAdminProblem(answer, 'registry_unavailable');
    const { items } = (await admin.call('GET', '/tokens?q=lost')).json;
    assert.deepEqual(items, []);
  });
});

describe("the gateway's own paths and the admin API", () => {
  it('invalid_request: a path that cannot be matched, broken JSON, and a query that is not understood', async () => {
    seen.add('invalid_request');
    assertProblem(await page('/a%00b'), 'invalid_request');
    assertAdminProblem(
      await admin.call('POST', '/tokens', { body: '{', headers: JSON_TYPE }),
      'invalid_request',
    );
    assertAdminProblem(await admin.call('GET', '/tokens?limit=many'), 'invalid_request');
  });

  it("invalid_request, 422: a field's wrong value, named with the field", async () => {
    const answer = await admin.call('POST', '/tokens', {
      body: { label: 7, origins: [SITE], audiences: ['weather'] },
    });
    const { errors } = assertAdminProblem(answer, 'invalid_request', { status: 422 });
    assert.deepEqual(
      errors.map(({ field }) => field),
      ['label'],
    );
  });

  it('unauthorized: no admin key, and a wrong one', async () => {
    assertAdminProblem(await client.get('/_wayleave/api/tokens'), 'unauthorized');
    assertAdminProblem(await admin.as('wla_wrong').call('GET', '/tokens'), 'unauthorized');
  });

  it('forbidden: a viewer that wants to create', async () => {
    const viewer = await admin.createAdminKey('viewer');
    assertAdminProblem(
      await admin
        .as(viewer.key)
        .call('POST', '/tokens', { body: { label: 'x', origins: [SITE], audiences: ['weather'] } }),
      'forbidden',
    );
  });

  it('not_found: no such path, no such token', async () => {
    assertAdminProblem(await admin.call('GET', '/nothing'), 'not_found');
    assertAdminProblem(await admin.call('GET', '/tokens/tok_4000000000'), 'not_found');
    assertProblem(await client.get('/_wayleave/nothing'), 'not_found');
  });

  it('method_not_allowed: the path exists, and Allow says for what', async () => {
    const answer = await admin.call('PUT', '/tokens', { body: {} });
    assertAdminProblem(answer, 'method_not_allowed');
    assert.deepEqual(answer.list('allow').sort(), ['get', 'head', 'post']);
  });

  it("conflict: the last owner's key cannot be deleted", async () => {
    const { items } = (await admin.call('GET', '/admin-keys')).json;
    const owners = items.filter(({ role }) => role === 'owner');
    assert.equal(owners.length, 1);
    assertAdminProblem(await admin.call('DELETE', `/admin-keys/${owners[0].id}`), 'conflict');
  });

  it('precondition_failed: If-Match names an older version', async () => {
    const { id } = await newToken();
    const { headers } = await admin.call('GET', `/tokens/${id}`);
    await admin.edit(id, { label: 'second' }, { 'If-Match': headers.etag });
    assertAdminProblem(
      await admin.call('PATCH', `/tokens/${id}`, {
        body: { label: 'third' },
        headers: { 'If-Match': headers.etag },
      }),
      'precondition_failed',
    );
  });

  it('payload_too_large: a body over the cap, announced or not', async () => {
    const body = JSON.stringify({ label: 'x'.repeat(70_000) });
    assertAdminProblem(
      await admin.call('POST', '/tokens', { body, headers: JSON_TYPE }),
      'payload_too_large',
    );
    const chunked = {
      'Content-Type': 'application/json',
      'Transfer-Encoding': 'chunked',
      'Content-Length': undefined,
    };
    const pairs = Object.entries({ Host: HOST, Authorization: `Bearer ${admin.key}`, ...chunked }).filter(
      ([, value]) => value !== undefined,
    );
    const response = await client.open('POST', '/_wayleave/api/tokens', pairs, (request) =>
      request.end(body),
    );
    assert.equal(response.statusCode, 413);
    response.resume();
  });

  it('unsupported_media_type: a body that is not JSON', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await admin.call('POST', '/tokens', { body: '{}', headers: { 'Content-Type': type } });
      assertAdminProblem(answer, 'unsupported_media_type');
    }
  });

  it('expiry_immutable: an expiry in an edit', async () => {
    const { id } = await newToken();
    for (const body of [{ expires_at: '2030-01-01T00:00:00Z' }, { expires_in: 3600 }]) {
      assertAdminProblem(await admin.call('PATCH', `/tokens/${id}`, { body }), 'expiry_immutable');
    }
  });

  it('public_suffix_rule: a wildcard over a public suffix', async () => {
    for (const rule of ['*.com', '*.co.uk', '*.github.io', '*.pages.dev']) {
      const body = { label: 'x', audiences: ['weather'], origins: [rule] };
      assertAdminProblem(await admin.call('POST', '/tokens', { body }), 'public_suffix_rule');
    }
  });

  it('last_active_token: the only active token of a family, unless forced', async () => {
    const { id } = await newToken();
    assertAdminProblem(await admin.call('POST', `/tokens/${id}/revoke`, { body: {} }), 'last_active_token');
  });

  it('token_protected: what ends it, and what only an owner may do', async () => {
    const { id } = await newToken({ protected: true });
    for (const [path, body] of [
      ['revoke', { force: true }],
      ['disable'],
      ['rotate', { revoke_old: { when: 'now' } }],
    ]) {
      const problem = assertAdminProblem(
        await admin.call('POST', `/tokens/${id}/${path}`, { body }),
        'token_protected',
      );
      assert.equal(problem.reason, 'clear_protected_first');
    }
    const operator = admin.as((await admin.createAdminKey('operator')).key);
    // This rotation would end a protected token within two seconds.
    const strict = { revoke_old: { when: 'after', after_seconds: 0, strict: true } };
    const filter = { q: id };
    for (const [method, path, body] of [
      ['POST', `/tokens/${id}/rotate`, strict],
      ['PATCH', `/tokens/${id}`, { origins: 'any' }],
      ['PATCH', `/tokens/${id}`, { origin_mode: 'report' }],
    ]) {
      const problem = assertAdminProblem(await operator.call(method, path, { body }), 'token_protected');
      assert.equal(problem.reason, 'owners_only');
    }
    const bulk = (await operator.call('POST', '/tokens/rotate', { body: { filter, ...strict } })).json;
    assert.deepEqual(bulk.skipped, [{ id, code: 'token_protected', reason: 'owners_only' }]);
    assert.equal((await operator.call('POST', `/tokens/${id}/rotate`, { body: {} })).status, 201);
    assert.equal((await admin.token(id)).state, 'active');
  });

  it('token_ended: what is revoked cannot be disabled, enabled or edited', async () => {
    const { id } = await newToken();
    await admin.revoke(id);
    assertAdminProblem(await admin.call('POST', `/tokens/${id}/disable`), 'token_ended');
    assertAdminProblem(await admin.call('POST', `/tokens/${id}/enable`), 'token_ended');
  });

  it('successor_unused, then max_active_tokens: a rotation of what was rotated, naming both', async () => {
    const old = await newToken();
    const rotate = (id) => admin.call('POST', `/tokens/${id}/rotate`, { body: {} });
    const { id, token } = (await rotate(old.id)).json;
    const unused = await rotate(id);
    assertAdminProblem(unused, 'successor_unused');
    assert.deepEqual([unused.json.waiting.id, unused.json.predecessor.id], [id, old.id]);
    const used = await withToken(token, '/poll');
    assert.equal(used.status, 200, String(used));
    const full = await eventually(
      'the use is known',
      async () => {
        const answer = await rotate(id);
        return answer.json.code === 'max_active_tokens' && answer;
      },
      60_000,
    );
    assertAdminProblem(full, 'max_active_tokens');
    assert.deepEqual(
      full.json.active.map((token) => token.id),
      [id, old.id],
    );
    const conflict = assertAdminProblem(await rotate(old.id), 'conflict');
    assert.deepEqual([conflict.reason, conflict.rotate_instead], ['has_successor', id]);
    // The self-test of the old token names the successor too.
    const selfTest = () => page('/_wayleave/token', { headers: { 'X-Api-Key': old.token } });
    await eventually(
      'the self-test names the successor',
      async () => (await selfTest()).json.successor === id,
      30_000,
    );
  });

  it('conflict: each situation has a reason and a text of its own', async () => {
    const disabled = await newToken();
    await admin.disable(disabled.id);
    const owned = (owner) => ({ label: 'x', origins: [SITE], audiences: ['weather'], owner });
    assert.equal(
      (await admin.call('POST', '/owners/switch-off', { body: { owner: 'who left' } })).status,
      200,
    );
    const ends_at = new Date(Date.now() + 2_000).toISOString();
    const licence = { owner: 'whose licence ends', ends_at };
    assert.equal((await admin.call('POST', '/licences', { body: licence })).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const calls = [
      ['owner_switched_off', 'POST', '/tokens', owned('WHO LEFT')],
      ['licence_ended', 'POST', '/tokens', owned('Whose Licence Ends')],
      ['no_webhook', 'POST', '/notices/test', {}],
      ['last_owner', 'DELETE', '/admin-keys/key_1'],
      ['key_signs', 'POST', '/signing-keys/1/retire', {}],
      ['disabled', 'POST', `/tokens/${disabled.id}/rotate`, {}],
      ['unexpected_count', 'POST', '/tokens/revoke', { filter: { q: disabled.id }, expect: 7 }],
    ];
    const texts = new Set();
    for (const [reason, method, path, body] of calls) {
      const problem = assertAdminProblem(await admin.call(method, path, { body }), 'conflict');
      assert.equal(problem.reason, reason);
      texts.add(problem.detail);
    }
    assert.equal(texts.size, calls.length);
    const page = (await client.get('/_wayleave/problems')).text;
    for (const text of texts) assert.ok(page.includes(text), text);
  });

  it('idempotency_conflict: one key for two requests, edits too', async () => {
    const { id } = await newToken();
    const edit = (label, headers) =>
      admin.call('PATCH', `/tokens/${id}`, {
        body: { label },
        headers: { 'Idempotency-Key': 'an-edit', ...headers },
      });
    const tag = { 'If-Match': '"1"' };
    assert.equal((await edit('mine', tag)).status, 200);
    await admin.edit(id, { label: "somebody else's" });
    // The client repeats the request as if the answer had been lost. It gets an answer, and nothing is
    // undone.
    const again = await edit('mine', tag);
    assert.deepEqual([again.status, again.json.label, again.json.version], [200, "somebody else's", 3]);
    assertAdminProblem(await edit('another'), 'idempotency_conflict');
    const session = await admin.call('DELETE', '/session', { headers: { 'Idempotency-Key': 'a-session' } });
    assert.deepEqual(
      assertAdminProblem(session, 'invalid_request').errors.map(({ field }) => field),
      ['Idempotency-Key'],
    );
    const headers = { 'Idempotency-Key': 'a-key-for-two' };
    await admin.createToken({ audiences: ['weather'] }, headers);
    const answer = await admin.call('POST', '/tokens', {
      body: { label: 'another', origins: [SITE], audiences: ['weather'] },
      headers,
    });
    assertAdminProblem(answer, 'idempotency_conflict');
  });
});

describe('all together', () => {
  it("no problem's text repeats what the request said", async () => {
    const marker = 'ziggurat';
    const answers = [
      await client.get(`/${marker}?${marker}=1`, {
        headers: { 'X-Api-Key': marker, Origin: `https://${marker}.example` },
      }),
      await client.get(`/${marker}`, { host: `${marker}.example` }),
      await admin.as(marker).call('GET', `/${marker}`),
      await admin.call('GET', `/${marker}`),
      await admin.call('GET', `/tokens?limit=${marker}`),
      await admin.call('POST', '/tokens', { body: `{"${marker}`, headers: JSON_TYPE }),
      await admin.call('POST', '/tokens', { body: '{}', headers: { 'Content-Type': marker } }),
      await admin.call('GET', `/tokens/${marker}`),
      await client.get(`/_wayleave/${marker}`),
    ];
    for (const answer of answers) {
      assert.ok(answer.status >= 400, String(answer));
      assert.ok(!answer.text.includes(marker), String(answer));
    }
  });

  it('the page of problems explains each code under its own anchor', async () => {
    const answer = await client.get('/_wayleave/problems');
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'], /^text\/html/);
    for (const code of Object.keys(PROBLEMS))
      assert.ok(answer.text.includes(`id="${code}"`), `${code} has an anchor`);
  });

  it('a refused HEAD has the status and the headers, and no body', async () => {
    const answer = await client.send('HEAD', '/now', { headers: AT_SITE });
    assert.equal(answer.status, 401);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.match(answer.headers['www-authenticate'], /^Bearer /);
    assert.equal(answer.bytes.length, 0);
  });

  it('what was written to the log holds no token', () => {
    assert.ok(!gateway.workerd.output.includes('wlp_'), gateway.workerd.output);
  });

  it('what was refused never reached the upstream', () => {
    const admitted = upstream.requests.filter(
      ({ url }) => !['/cut', '/impatient/hang', '/poll', '/limited', '/counted', '/within'].includes(url),
    );
    assert.deepEqual(admitted, []);
  });

  it("internal: the registry's storage is broken, and the answer says nothing of it", async () => {
    await gateway.workerd.kill();
    await breakRegistry();
    await gateway.workerd.start();
    assertAdminProblem(await admin.call('GET', '/tokens'), 'internal');
  });

  it('every code of the table was provoked above', () => {
    assert.deepEqual([...seen].sort(), Object.keys(PROBLEMS).sort());
  });
});

/** Takes the registry's table of tokens away, as a failing disk might. */
async function breakRegistry() {
  const { DatabaseSync } = await import('node:sqlite');
  const storage = join(gateway.workerd.folder, 'storage');
  const files = readdirSync(storage, { recursive: true }).filter(
    (file) => file.includes('Registry') && file.endsWith('.sqlite'),
  );
  assert.ok(files.length > 0, 'the registry has a database');
  for (const file of files) {
    const database = new DatabaseSync(join(storage, file));
    const [table] = database.prepare("SELECT name FROM sqlite_master WHERE name = 'token'").all();
    if (table) database.exec('ALTER TABLE token RENAME TO token_gone');
    database.close();
  }
}
