// Requests made to be read in two ways: paths that decode into others, credentials in two places, forged headers.
//
// Each is either refused with the code that the contract names, or reaches the upstream exactly as the gateway judged it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { HOST, SINGLE_ROUTE_HOST, routes, variables } from './harness/routes.mjs';

const gateway = new Gateway({
  variables,
  locations: {
    header_only: () => ({ CREDENTIAL_SOURCES: 'header:X-Api-Key' }),
    query_only: () => ({ CREDENTIAL_SOURCES: 'query:token' }),
    control: () => ({ CONTROL_HOSTS: 'control.example' }),
  },
});
const { client, admin, upstream } = gateway;
let token, other, maps;

before(async () => {
  await gateway.start();
  token = (await admin.createToken({ audiences: ['weather'] })).token;
  other = (await admin.createToken({ audiences: ['weather'] })).token;
  maps = (await admin.createToken({ audiences: ['maps'] })).token;
});
after(() => gateway.stop());

const good = () => [
  ['Origin', SITE],
  ['X-Api-Key', token],
];
const bare = [['Origin', SITE]];
const byHeader = (path, options = {}) => client.get(path, { headers: good(), ...options });

/** What the upstream saw of the one request that `send` makes; nothing when it was not forwarded. */
async function forwarded(send) {
  const before = upstream.requests.length;
  const answer = await send();
  const seen = upstream.requests.slice(before);
  assert.ok(seen.length <= 1, 'forwarded at most once');
  return { answer, seen: seen[0] };
}

async function assertNotForwarded(send, code) {
  const { answer, seen } = await forwarded(send);
  assert.equal(seen, undefined, `forwarded as ${seen?.url}`);
  if (code) assertProblem(answer, code);
  return answer;
}

describe('a path that could be two paths is 400', () => {
  const refused = [
    '/a%00b',
    '/%00',
    '/a/%2e%2e/b',
    '/a/%2E%2e/b',
    '/a/.%2e/b',
    '/a/%2e/b',
    '/%2e',
    '/a/..%00/b',
    '/a/../b',
    '/a/./b',
    '/a/..',
    '/..',
    '/a/%2e%2e',
    '/a\\b',
    '/a\\..\\b',
    '/a/%252e%252e/b',
  ];
  for (const path of refused) {
    it(`${path} is refused`, async () => {
      await assertNotForwarded(() => byHeader(path), 'invalid_request');
    });
  }

  for (const path of ['/a%2Fb', '/a%2fb', '/a%5Cb', '/a%5cb', '/maps%2f1']) {
    it(`${path} is refused where several routes serve the host`, async () => {
      await assertNotForwarded(() => byHeader(path), 'invalid_request');
    });
  }

  it('an encoded slash passes unchanged where one route serves the host', async () => {
    for (const path of ['/a%2Fb', '/a%2fb/c%5Cd']) {
      const { answer, seen } = await forwarded(() => byHeader(path, { host: SINGLE_ROUTE_HOST }));
      assert.equal(answer.status, 200, String(answer));
      assert.equal(seen.url, path);
    }
  });

  it('other escapes pass unchanged, each byte of them', async () => {
    for (const path of [
      '/%7Euser/%c3%a9/a%20b',
      '/%zz',
      '/a%',
      '/a;b=c/d,e',
      '/...',
      '/a..b',
      '/~',
      '/a//b',
      '/%3f%23',
    ]) {
      const { answer, seen } = await forwarded(() => byHeader(path));
      assert.equal(answer.status, 200, String(answer));
      assert.equal(seen.url, path);
    }
  });
});

describe('the reserved prefix is never forwarded, however it is spelled', () => {
  const spellings = [
    '/_wayleave',
    '/_wayleave/',
    '/_wayleave/nothing',
    '//_wayleave/token',
    '///_wayleave/token',
    '/%5fwayleave/token',
    '/%5Fwayleave/token',
    '/_%77ayleave/token',
    '/_wayleave%2ftoken',
    '/_wayleave%2Fapi%2Ftokens',
    '/_wayleave%5ctoken',
    '/\\_wayleave/token',
    '/\\_wayleave\\token',
    '/_wayleave\\token',
    '/./_wayleave/token',
    '/a/../_wayleave/token',
    '/a/%2e%2e/_wayleave/token',
    '/a\\..\\_wayleave/token',
    '/_wayleave//token',
    '/_wayleave/../a',
    '/_wayleave/%2e%2e/a',
    '/%2f_wayleave/token',
    '/%2F%5fwayleave%2Ftoken',
    '/%5c_wayleave/token',
    '/a%2f..%2f_wayleave/token',
    '/%255fwayleave/token',
    '/_WAYLEAVE/token',
    '/_Wayleave',
    '/_wayleave;x/token',
    '/;x/_wayleave/token',
  ];
  for (const host of [HOST, SINGLE_ROUTE_HOST]) {
    for (const path of spellings) {
      it(`${host}${path}`, async () => {
        const { answer, seen } = await forwarded(() => byHeader(path, { host }));
        assert.equal(seen, undefined, `forwarded as ${seen?.url}`);
        assert.ok(answer.status < 500, String(answer));
      });
    }
  }

  it("a name that only begins like it is the upstream's", async () => {
    for (const path of ['/_wayleaves/x', '/_wayleave.html', '/a/_wayleave/token', '/wayleave']) {
      const { seen } = await forwarded(() => byHeader(path));
      assert.equal(seen?.url, path);
    }
  });

  it('a control host serves the prefix only, and when there is one, nothing else serves the admin API', async () => {
    const control = gateway.location('control');
    await assertNotForwarded(() => control.get('/now', { headers: good(), host: 'control.example' }));
    const authorization = { Authorization: `Bearer ${admin.key}` };
    const there = await control.get('/_wayleave/api/tokens', {
      headers: authorization,
      host: 'control.example',
    });
    assert.equal(there.status, 200, String(there));
    const here = await assertNotForwarded(() =>
      control.get('/_wayleave/api/tokens', { headers: authorization }),
    );
    assert.equal(here.status, 404, String(here));
  });
});

describe('routes are matched by host and parsed path', () => {
  it('a token is for the audience of the longest route that serves the path', async () => {
    await assertNotForwarded(() => byHeader('/maps/1'), 'audience_mismatch');
    const { answer, seen } = await forwarded(() =>
      client.get('/maps/1', { headers: [...bare, ['X-Api-Key', maps]] }),
    );
    assert.equal(answer.status, 200, String(answer));
    assert.equal(seen.url, '/maps/1');
  });

  it("a path that an upstream could read as another route's is refused, not guessed at", async () => {
    for (const path of [
      '/%6daps/1',
      '//maps/1',
      '/maps;x/1',
      '/x;/../maps/1',
      '/%6Fpen/now',
      '//open/now',
      '/open;/now',
    ]) {
      for (const headers of [good(), bare])
        await assertNotForwarded(() => client.get(path, { headers }), 'invalid_request');
    }
  });

  it("a route's path ends at a segment's end", async () => {
    for (const path of ['/mapsy', '/openness']) {
      const { seen } = await forwarded(() => byHeader(path));
      assert.equal(seen?.url, path);
    }
    await assertNotForwarded(() => client.get('/openness', { headers: bare }), 'token_missing');
  });

  it('an absolute request target of another host does not reach the host that Host names', async () => {
    const answer = await client.send('GET', `http://nobody.example/now`, { headers: good() });
    assert.ok([200, 404].includes(answer.status), String(answer));
  });

  it('Host is compared without case, port and final dot', async () => {
    for (const host of [HOST.toUpperCase(), `${HOST}:8443`, `${HOST}.`]) {
      const { answer } = await forwarded(() => byHeader('/now', { host }));
      assert.equal(answer.status, 200, `${host}: ${answer}`);
    }
  });

  it('a request that names two hosts, none, or * ends in an answer of 4xx', async () => {
    for (const head of [
      'GET /now HTTP/1.1\r\nHost: a\r\nHost: b',
      'GET /now HTTP/1.1',
      `OPTIONS * HTTP/1.1\r\nHost: ${HOST}`,
      `GET /now HTTP/1.1\r\nHost: a b`,
    ]) {
      const text = await client.sendBytes(`${head}\r\nConnection: close\r\n\r\n`);
      assert.match(text, /^HTTP\/1\.1 4\d\d /, head);
    }
  });
});

describe('exactly one credential', () => {
  const places = {
    'Authorization: Bearer': (text) => ({ headers: [['Authorization', `Bearer ${text}`]] }),
    'X-Api-Key': (text) => ({ headers: [['X-Api-Key', text]] }),
    'query token': (text) => ({ query: `token=${text}` }),
  };
  const both = (first, second) => ({
    headers: [...bare, ...(first.headers ?? []), ...(second.headers ?? [])],
    path: `/now?${[first.query, second.query].filter(Boolean).join('&')}`,
  });

  for (const [place, put] of Object.entries(places)) {
    it(`${place} alone is one`, async () => {
      const { headers, path } = both(put(token), {});
      assert.equal((await client.get(path, { headers })).status, 200);
    });

    for (const [second, putSecond] of Object.entries(places)) {
      it(`${place} and ${second}, equal or not, good or not, are a conflict`, async () => {
        for (const text of [token, other, 'hello', '']) {
          const { headers, path } = both(put(token), putSecond(text));
          await assertNotForwarded(() => client.get(path, { headers }), 'credential_conflict');
        }
      });
    }
  }

  it('a conflict is one on an anonymous route too', async () => {
    const { headers } = both(places['X-Api-Key'](token), places['Authorization: Bearer'](token));
    await assertNotForwarded(() => client.get('/open/now', { headers }), 'credential_conflict');
  });
});

describe('a listed place that is present presents a credential', () => {
  const malformed = {
    Basic: { headers: [['Authorization', 'Basic dXNlcjpwYXNz']] },
    "a user's JWT": { headers: [['Authorization', 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc']] },
    'Bearer without a value': { headers: [['Authorization', 'Bearer']] },
    'an empty X-Api-Key': { headers: [['X-Api-Key', '']] },
    'an empty query token': { path: '/open/now?token=' },
    'a query token without =': { path: '/open/now?token' },
    'the wrong case of the prefix': { headers: [['X-Api-Key', 'WLP_']] },
  };
  for (const [name, { headers = [], path = '/open/now' }] of Object.entries(malformed)) {
    it(`${name} is malformed, never anonymous`, async () => {
      await assertNotForwarded(() => client.get(path, { headers: [...bare, ...headers] }), 'token_malformed');
    });
  }

  it('workerd does not deliver an empty Authorization at all: not to the gateway, and not to the upstream', async () => {
    const { seen } = await forwarded(() =>
      client.get('/open/now', { headers: [...bare, ['Authorization', '']] }),
    );
    assert.deepEqual(valuesOf(seen, 'authorization'), []);
    await assertNotForwarded(
      () => client.get('/now', { headers: [...bare, ['Authorization', '']] }),
      'token_missing',
    );
  });

  it('the scheme is read without case, as RFC 9110 has it', async () => {
    for (const scheme of ['bearer', 'BEARER']) {
      assert.equal(
        (await client.get('/now', { headers: [...bare, ['Authorization', `${scheme} ${token}`]] })).status,
        200,
        scheme,
      );
    }
  });

  it('a token with anything around it is malformed', async () => {
    for (const text of [
      `${token} ${token}`,
      `"${token}"`,
      `x${token}`,
      `${token}=`,
      encodeURIComponent(`${token} `),
    ]) {
      await assertNotForwarded(
        () => client.get('/now', { headers: [...bare, ['X-Api-Key', text]] }),
        'token_malformed',
      );
    }
  });

  it('a percent-encoded name or value in the query is the same parameter', async () => {
    const encoded = [...token].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('');
    for (const query of [`t%6fken=${token}`, `token=${encoded}`]) {
      const { answer, seen } = await forwarded(() => client.get(`/now?${query}&b=1`, { headers: bare }));
      assert.equal(answer.status, 200, query);
      assert.equal(seen.url, '/now?b=1');
    }
    await assertNotForwarded(
      () => client.get(`/now?t%6fken=${token}&token=${token}`, { headers: bare }),
      'credential_conflict',
    );
  });
});

describe('places that are not listed', () => {
  it('pass untouched when they hold something else: an API with its own user JWT', async () => {
    const location = gateway.location('header_only');
    const headers = [...good(), ['Authorization', 'Bearer users.own.jwt']];
    const { answer, seen } = await forwarded(() => location.get('/now?token=of-the-api&x=1', { headers }));
    assert.equal(answer.status, 200, String(answer));
    assert.deepEqual(valuesOf(seen, 'authorization'), ['Bearer users.own.jwt']);
    assert.equal(seen.url, '/now?token=of-the-api&x=1');
  });

  it('a wlp_ value in one of the three default places is never ignored', async () => {
    const headerOnly = gateway.location('header_only');
    for (const request of [
      { path: '/now', headers: [['Authorization', `Bearer ${token}`]] },
      { path: `/now?token=${token}`, headers: [] },
    ]) {
      const { answer, seen } = await forwarded(() =>
        headerOnly.get(request.path, { headers: [...bare, ...request.headers] }),
      );
      assert.equal(answer.status, 200, 'it is the credential');
      assert.ok(!JSON.stringify(seen).includes(token), 'and does not reach the upstream');
      await assertNotForwarded(
        () => headerOnly.get(request.path, { headers: [...good(), ...request.headers] }),
        'credential_conflict',
      );
    }
  });

  it('nor is a wlp_ value there that is not a token', async () => {
    const headerOnly = gateway.location('header_only');
    for (const { path, headers } of [
      { path: '/open/now', headers: [['Authorization', 'Bearer wlp_x']] },
      { path: '/open/now?token=wlp_x', headers: [] },
    ]) {
      await assertNotForwarded(
        () => headerOnly.get(path, { headers: [...bare, ...headers] }),
        'token_malformed',
      );
    }
  });

  it('a listed query token is found and a header that is not listed is not', async () => {
    const location = gateway.location('query_only');
    const { answer, seen } = await forwarded(() =>
      location.get(`/now?token=${token}`, { headers: [...bare, ['X-Api-Key', 'the-apis-own']] }),
    );
    assert.equal(answer.status, 200, String(answer));
    assert.deepEqual(valuesOf(seen, 'x-api-key'), ['the-apis-own']);
  });
});

describe('what the upstream gets', () => {
  it('no trace of the token, wherever it was', async () => {
    const requests = [
      { path: '/now?a=1', headers: [['Authorization', `Bearer ${token}`]] },
      { path: '/now?a=1', headers: [['X-Api-Key', token]] },
      { path: `/now?token=${token}&a=1`, headers: [] },
      { path: `/now?a=1&token=${token}`, headers: [] },
    ];
    for (const { path, headers } of requests) {
      const { answer, seen } = await forwarded(() => client.get(path, { headers: [...bare, ...headers] }));
      assert.equal(answer.status, 200, String(answer));
      assert.equal(seen.url, '/now?a=1');
      assert.ok(!JSON.stringify(seen).includes(token), JSON.stringify(seen));
      assert.deepEqual([...valuesOf(seen, 'authorization'), ...valuesOf(seen, 'x-api-key')], []);
    }
  });

  it('every other byte of the query', async () => {
    const queries = [
      ['?token=T', ''],
      ['?token=T&', '?'],
      ['?&token=T', '?'],
      ['?a&token=T&b', '?a&b'],
      ['?a=%zz&token=T&a=%20+', '?a=%zz&a=%20+'],
      ['?x=token=1&token=T', '?x=token=1'],
      ['?tokens=1&token=T&Token=2', '?tokens=1&Token=2'],
      ['?a=1&&token=T&&b=2', '?a=1&&&b=2'],
      ['?b=2&a=1&token=T&%61=3', '?b=2&a=1&%61=3'],
      ['??token=1&token=T', '??token=1'],
      ['?a=;:@/,$!*()&token=T', '?a=;:@/,$!*()'],
    ];
    for (const [asked, expected] of queries) {
      const { answer, seen } = await forwarded(() =>
        client.get(`/now${asked.replace('T', () => token)}`, { headers: bare }),
      );
      assert.equal(answer.status, 200, `${asked}: ${answer}`);
      assert.equal(seen.url.replace(/\?$/, ''), `/now${expected}`.replace(/\?$/, ''), asked);
      assert.ok(!seen.url.includes(token));
    }
  });

  it("an apostrophe leaves as %27, which is how the platform's fetch writes it in any http URL", async () => {
    const { seen } = await forwarded(() => byHeader("/now?name=O'Hara"));
    assert.equal(seen.url, '/now?name=O%27Hara');
  });

  it('a query untouched when the token came in a header', async () => {
    for (const query of ['?', '?a=%zz&&b=+%20;c', '?tokens=1', '?a=/../%2e%2e/']) {
      const { seen } = await forwarded(() => byHeader(`/now${query}`));
      assert.equal(seen.url.replace(/\?$/, ''), `/now${query}`.replace(/\?$/, ''));
    }
  });

  it("none of the caller's Wayleave-* and all of ours", async () => {
    const forged = [
      ['Wayleave-Token-Id', 'tok_1'],
      ['wayleave-family', 'fam_x'],
      ['WAYLEAVE-AUDIENCE', 'admin'],
      ['Wayleave-External-Id', 'boss'],
      ['Wayleave-Anonymous', '1'],
      ['Wayleave-Signature', 't=1,v1=00'],
      ['Wayleave-Anything', 'x'],
    ];
    const {
      id,
      family,
      token: text,
    } = await admin.createToken({ audiences: ['weather'], external_id: 'customer 7' });
    const { seen } = await forwarded(() =>
      client.get('/now', { headers: [...bare, ...forged, ['X-Api-Key', text]] }),
    );
    assert.deepEqual(wayleaveHeaders(seen), {
      'wayleave-token-id': [id],
      'wayleave-family': [family],
      'wayleave-audience': ['weather'],
      'wayleave-external-id': ['customer 7'],
    });
  });

  it('on an anonymous route without a token only Wayleave-Anonymous: 1', async () => {
    const { seen } = await forwarded(() =>
      client.get('/open/now', {
        headers: [
          ['Wayleave-Token-Id', 'tok_1'],
          ['Wayleave-External-Id', 'boss'],
        ],
      }),
    );
    assert.deepEqual(wayleaveHeaders(seen), { 'wayleave-anonymous': ['1'] });
  });

  it('on an anonymous route with a token, who sent it', async () => {
    const { seen } = await forwarded(() => byHeader('/open/now'));
    const headers = wayleaveHeaders(seen);
    assert.deepEqual(headers['wayleave-audience'], ['weather']);
    assert.equal(headers['wayleave-anonymous'], undefined);
    assert.equal(headers['wayleave-token-id'].length, 1);
  });
});

function valuesOf(seen, name) {
  return seen.headers.filter(([given]) => given === name).map(([, value]) => value);
}

function wayleaveHeaders(seen) {
  const names = new Set(seen.headers.map(([name]) => name).filter((name) => name.startsWith('wayleave-')));
  return Object.fromEntries([...names].map((name) => [name, valuesOf(seen, name)]));
}

it('nothing that was written to the log in all this holds a token or the admin key', () => {
  const { output } = gateway.workerd;
  for (const secret of [token, other, maps, 'wlp_', admin.key]) assert.ok(!output.includes(secret), output);
});

it('routes are as these tests take them: several on one host, one on the other', () => {
  const hosts = routes('http://x').map(({ host }) => host);
  assert.ok(hosts.filter((host) => host === HOST).length > 1);
  assert.equal(hosts.filter((host) => host === SINGLE_ROUTE_HOST).length, 1);
});
