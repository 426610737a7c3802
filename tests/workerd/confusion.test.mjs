// Requests that two parsers may read differently: paths that decode to other paths, and forged headers.
//
// Either the gateway refuses the request with the code that the contract names, or the upstream receives
// exactly the request that the gateway judged.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { forwardingTo } from './harness/forwarded.mjs';
import { Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { HOST, routes, SINGLE_ROUTE_HOST, variables } from './harness/routes.mjs';

const gateway = new Gateway({
  variables,
  locations: { control: () => ({ CONTROL_HOSTS: 'control.example' }) },
});
const { client, admin, upstream } = gateway;
const { forwarded, assertNotForwarded } = forwardingTo(upstream);
let token, maps;

before(async () => {
  await gateway.start();
  token = (await admin.createToken({ audiences: ['weather'] })).token;
  maps = (await admin.createToken({ audiences: ['maps'] })).token;
});
after(() => gateway.stop());

const good = () => [
  ['Origin', SITE],
  ['X-Api-Key', token],
];
const bare = [['Origin', SITE]];
const byHeader = (path, options = {}) => client.get(path, { headers: good(), ...options });

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

  for (const path of ['/maps%2f1', '/maps%2F', '/open%5cx', '/%2fmaps%2f1']) {
    it(`${path} is refused: decoded it leads to another route`, async () => {
      const answer = await assertNotForwarded(() => byHeader(path), 'invalid_request');
      assert.equal(answer.json.reason, 'encoded_separator');
    });
  }

  it('an encoded slash passes unchanged where both readings stay in one route', async () => {
    for (const path of ['/projects/group%2Fproject/files/a%2fb.c', '/a%2Fb', '/a%5Cb', '/mapsy%2f1']) {
      const { answer, seen } = await forwarded(() => byHeader(path));
      assert.equal(answer.status, 200, String(answer));
      assert.equal(seen.url, path);
    }
  });

  it('a decoded control character is refused where several routes serve the host, and NUL everywhere', async () => {
    for (const code of ['01', '09', '0a', '0D', '1f', '7F', '2509']) {
      const answer = await assertNotForwarded(() => byHeader(`/a%${code}b`), 'invalid_request');
      assert.equal(answer.json.reason, 'control_character');
      const { seen } = await forwarded(() => byHeader(`/a%${code}b`, { host: SINGLE_ROUTE_HOST }));
      assert.equal(seen?.url, `/a%${code}b`);
    }
    await assertNotForwarded(() => byHeader('/a%00b', { host: SINGLE_ROUTE_HOST }), 'invalid_request');
  });

  it('each refusal says what is wrong with the path', async () => {
    const reasons = {
      '/a/%2e%2e/b': 'dot_segment',
      '/a%00b': 'control_character',
      '/%25252525252e': 'encoded_repeatedly',
      '/_WAYLEAVE/token': 'reserved_path',
      '/MAPS/1': 'path_of_two_routes',
    };
    for (const [path, reason] of Object.entries(reasons)) {
      assertProblem(await byHeader(path), 'invalid_request', { reason });
    }
  });

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
    const paths = [
      '/%6daps/1',
      '//maps/1',
      '/maps;x/1',
      '/x;/../maps/1',
      '/%6Fpen/now',
      '//open/now',
      '/open;/now',
      '/Maps/1',
      '/MAPS',
      '/oPen/now',
      '/maps./1',
      '/maps%20/1',
      '/maps%3fx',
      '/maps%23',
      '//x/maps/1',
      '/ma%ef%bd%90s/1',
    ];
    for (const path of paths) {
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
  for (const secret of [token, maps, 'wlp_', admin.key]) assert.ok(!output.includes(secret), output);
});

it('routes are as these tests take them: several on one host, one on the other', () => {
  const hosts = routes('http://x').map(({ host }) => host);
  assert.ok(hosts.filter((host) => host === HOST).length > 1);
  assert.equal(hosts.filter((host) => host === SINGLE_ROUTE_HOST).length, 1);
});
