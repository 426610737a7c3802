// An admitted request as the upstream receives it, and its answer as the caller receives it: nothing is lost,
// buffered or followed.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { SITE } from './harness/admin_api.mjs';
import { Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { HOST, variables } from './harness/routes.mjs';
import { MEBIBYTE, PNG } from './harness/upstream.mjs';

const BIG_BYTES = 50 * MEBIBYTE;
/** A gateway that buffers grows by at least BIG_BYTES; socket buffers and garbage stay far below this. */
const FLAT_BYTES = 20 * MEBIBYTE;

const gateway = new Gateway({ variables });
const { client, admin, upstream, workerd } = gateway;
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
const ask = (method, path, { headers = [], ...options } = {}) =>
  client.send(method, path, { headers: [...good(), ...headers], ...options });
const answerWith = (headers, { prefix = '/', status = 200 } = {}) =>
  `${prefix}answer?status=${status}&headers=${encodeURIComponent(JSON.stringify(headers))}`;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

describe('requests', () => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND', 'TRACE']) {
    it(`${method} arrives as ${method}`, async () => {
      const answer = await ask(method, '/echo');
      assert.equal(answer.status, 200, String(answer));
      assert.equal(upstream.requests.at(-1).method, method);
    });
  }

  it('no method becomes a GET by asking for a WebSocket', async () => {
    const handshake = [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
    ];
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND']) {
      const body = method === 'POST' ? { body: 'a body' } : {};
      const answer = await ask(method, '/echo', { headers: handshake, ...body });
      const arrived = upstream.requests.at(-1);
      assert.deepEqual([answer.status, arrived.method], [200, method], String(answer));
      assert.deepEqual(valuesOf(arrived, 'upgrade'), []);
    }
  });

  it('a body arrives byte for byte, with its length when the caller gave one', async () => {
    const body = Buffer.from([0, 255, 10, 13, 0xc3, 0x28]);
    const { json } = await ask('POST', '/echo', {
      body,
      headers: [['Content-Type', 'application/octet-stream']],
    });
    assert.equal(json.bodySha256, sha256(body));
    assert.deepEqual(valuesOf(json, 'content-length'), ['6']);
    assert.deepEqual(valuesOf(json, 'content-type'), ['application/octet-stream']);
  });

  it('a GET without a body arrives without one', async () => {
    const { json } = await ask('GET', '/echo');
    assert.equal(json.bodyBytes, 0);
    assert.deepEqual([...valuesOf(json, 'transfer-encoding'), ...valuesOf(json, 'content-length')], []);
  });

  it("a GET or HEAD with a body is forwarded or refused with a problem, never an error of the platform's", async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await ask(method, '/echo', { body: 'unusual' });
      if (answer.status !== 200) assertProblem(answer, 'invalid_request');
    }
  });

  it('duplicate headers arrive, values in order', async () => {
    const { json } = await ask('GET', '/echo', {
      headers: [
        ['X-Many', '1'],
        ['X-Other', 'x'],
        ['X-Many', '2'],
        ['Accept-Language', 'en'],
        ['Accept-Language', 'de'],
      ],
    });
    assert.equal(valuesOf(json, 'x-many').join(', '), '1, 2');
    assert.equal(valuesOf(json, 'accept-language').join(', '), 'en, de');
  });

  it("cookies, origin, referer and conditional headers are the caller's own", async () => {
    const headers = [
      ['Cookie', 'a=1; b=2'],
      ['Referer', `${SITE}/page`],
      ['If-None-Match', '"x"'],
      ['Range', 'bytes=0-1'],
      ['User-Agent', 't'],
    ];
    const { json } = await ask('GET', '/echo', { headers });
    for (const [name, value] of [...headers, ['Origin', SITE]])
      assert.deepEqual(valuesOf(json, name.toLowerCase()), [value], name);
  });

  it('a console session is cut out of the cookies, on anonymous routes too', async () => {
    const session = ['__Host-wayleave', 'wls_anything'].join('=');
    for (const path of ['/echo', '/open/echo']) {
      const some = await ask('GET', path, { headers: [['Cookie', `a=1; ${session}; b=2`]] });
      assert.deepEqual(valuesOf(some.json, 'cookie'), ['a=1; b=2']);
      const none = await ask('GET', path, { headers: [['Cookie', session]] });
      assert.deepEqual(valuesOf(none.json, 'cookie'), []);
    }
  });

  it('the upstream is addressed by its own host', async () => {
    const { json } = await ask('GET', '/echo');
    assert.deepEqual(valuesOf(json, 'host'), [`127.0.0.1:${upstream.port}`]);
  });
});

describe('answers', () => {
  it('status, body and duplicate headers come back as they are', async () => {
    const headers = [
      ['X-Many', '1'],
      ['X-Many', '2'],
      ['Set-Cookie', 'a=1; Path=/'],
      ['Set-Cookie', 'b=2; HttpOnly'],
      ['ETag', '"x"'],
      ['Content-Type', 'text/x'],
    ];
    const answer = await ask('GET', answerWith(headers, { status: 418 }));
    assert.equal(answer.status, 418);
    assert.equal(answer.text, 'answered');
    assert.deepEqual(answer.all('set-cookie'), ['a=1; Path=/', 'b=2; HttpOnly']);
    assert.equal(answer.all('x-many').join(', '), '1, 2');
    assert.equal(answer.headers.etag, '"x"');
    assert.equal(answer.headers['content-type'], 'text/x');
  });

  it('redirects are passed on, not followed', async () => {
    const before = upstream.requests.length;
    const answer = await ask('GET', '/redirect');
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.location, '/elsewhere');
    assert.equal(upstream.requests.length, before + 1);
  });

  it('answers without a body have none', async () => {
    for (const code of [204, 205, 304]) {
      const answer = await ask('GET', `/status?code=${code}`);
      assert.equal(answer.status, code);
      assert.equal(answer.bytes.length, 0);
    }
  });

  it("an API's own refusals pass unchanged", async () => {
    for (const code of [400, 401, 403, 404, 429, 500, 503]) {
      const answer = await ask(
        'GET',
        answerWith(
          [
            ['Content-Type', 'text/plain'],
            ['WWW-Authenticate', 'Basic'],
          ],
          { status: code },
        ),
      );
      assert.equal(answer.status, code);
      assert.equal(answer.text, 'answered');
      assert.equal(answer.headers['www-authenticate'], 'Basic');
    }
  });

  it('an image is the image', async () => {
    const answer = await ask('GET', '/png');
    assert.equal(answer.headers['content-type'], 'image/png');
    assert.deepEqual(answer.bytes, PNG);
  });

  it('the caller is told when its token ends', async () => {
    const { expires_at } = (await client.get('/_wayleave/token', { headers: good() })).json;
    const answer = await ask('GET', '/echo');
    assert.equal(Date.parse(answer.headers['wayleave-token-expires']), Date.parse(expires_at));
    assert.equal(answer.headers.sunset, undefined);
    assert.equal(answer.headers.deprecation, undefined);
  });

  it('and within 30 days of the end gets Sunset and Deprecation', async () => {
    const soon = await admin.createToken({ audiences: ['weather'], expires_in: 29 * 86_400 });
    const answer = await client.get('/echo', {
      headers: [
        ['Origin', SITE],
        ['X-Api-Key', soon.token],
      ],
    });
    assert.equal(Date.parse(answer.headers.sunset), Date.parse(soon.expires_at));
    assert.ok(answer.headers.deprecation, String(answer));
    assert.match(answer.headers.sunset, /GMT$/);
  });
});

describe('caching', () => {
  const cacheHeaders = [
    ['Cache-Control', 'public, max-age=60, s-maxage=600, stale-while-revalidate=30'],
    ['CDN-Cache-Control', 'max-age=600'],
    ['Cloudflare-CDN-Cache-Control', 'max-age=600'],
    ['Surrogate-Control', 'max-age=600'],
  ];

  it('an admitted answer may be kept by its browser alone', async () => {
    const answer = await ask('GET', answerWith(cacheHeaders));
    const directives = answer.list('cache-control');
    assert.ok(directives.includes('private'), String(answer));
    assert.ok(directives.includes('max-age=60'), String(answer));
    assert.ok(
      !directives.some((directive) => directive === 'public' || directive.startsWith('s-maxage')),
      String(answer),
    );
    for (const name of ['cdn-cache-control', 'cloudflare-cdn-cache-control', 'surrogate-control'])
      assert.equal(answer.headers[name], undefined, name);
  });

  it('also when the upstream says nothing of caching', async () => {
    assert.ok((await ask('GET', answerWith([]))).list('cache-control').includes('private'));
  });

  it('what the upstream forbids stays forbidden', async () => {
    const directives = (await ask('GET', answerWith([['Cache-Control', 'no-store, no-transform']]))).list(
      'cache-control',
    );
    for (const directive of ['no-store', 'no-transform']) assert.ok(directives.includes(directive));
  });

  it("a route with shared_cache keeps the upstream's words", async () => {
    const answer = await ask('GET', answerWith(cacheHeaders, { prefix: '/cached/' }));
    assert.equal(answer.headers['cache-control'], cacheHeaders[0][1]);
    assert.equal(answer.headers['cdn-cache-control'], 'max-age=600');
  });
});

describe('streams', () => {
  it('the first bytes of an answer arrive while the upstream still holds the rest', async () => {
    const response = await client.open('GET', '/headers-then-hang', [['Host', HOST], ...good()]);
    const first = await new Promise((resolve) => response.once('data', resolve));
    assert.equal(first.toString(), 'first');
    response.destroy();
  });

  it('50 MB down to a slow reader, in flat memory', async () => {
    const memory = watchMemory();
    const response = await client.open('GET', `/download?bytes=${BIG_BYTES}`, [['Host', HOST], ...good()]);
    assert.equal(response.statusCode, 200);
    let bytes = 0;
    for await (const chunk of response) {
      const whole = Math.floor(bytes / (5 * MEBIBYTE));
      bytes += chunk.length;
      // The reader pauses every 5 MiB, so that a gateway that buffers would accumulate the data.
      if (Math.floor(bytes / (5 * MEBIBYTE)) > whole) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(bytes, BIG_BYTES);
    assertFlat(memory.stop());
  });

  it('50 MB up, in flat memory', async () => {
    const memory = watchMemory();
    const chunk = Buffer.alloc(64 * 1024, 'up');
    const hash = createHash('sha256');
    const response = await client.open(
      'POST',
      '/upload',
      [['Host', HOST], ['Transfer-Encoding', 'chunked'], ...good()],
      async (request) => {
        for (let sent = 0; sent < BIG_BYTES; sent += chunk.length) {
          hash.update(chunk);
          if (!request.write(chunk)) await new Promise((resolve) => request.once('drain', resolve));
        }
        request.end();
      },
    );
    let text = '';
    for await (const part of response) text += part;
    assert.deepEqual(JSON.parse(text), { bodyBytes: BIG_BYTES, bodySha256: hash.digest('hex') });
    assertFlat(memory.stop());
  });

  it('50 MB of which the reader takes a little stops at the upstream', async () => {
    const memory = watchMemory();
    const response = await client.open('GET', `/download?bytes=${BIG_BYTES}`, [['Host', HOST], ...good()]);
    await new Promise((resolve) => response.once('readable', resolve));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    response.destroy();
    assertFlat(memory.stop());
  });
});

describe('WebSockets', () => {
  const open = (path, headers) =>
    new WebSocket(`ws://127.0.0.1:${workerd.ports.gateway}${path}`, { headers: { Host: HOST, ...headers } });

  it('text and bytes go through and come back', async () => {
    const socket = open('/socket', { Origin: SITE, 'X-Api-Key': token });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    for (const message of ['hello', Buffer.from([0, 1, 255])]) {
      const echoed = new Promise((resolve) =>
        socket.once('message', (data, isBinary) => resolve(isBinary ? data : data.toString())),
      );
      socket.send(message);
      assert.deepEqual(await echoed, message);
    }
    socket.close();
    await new Promise((resolve) => socket.once('close', resolve));
  });

  it('with the token in the query, as browsers must, which the upstream does not see', async () => {
    const socket = open(`/socket?token=${token}&room=1`, { Origin: SITE });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.terminate();
    assert.equal(upstream.requests.at(-1).url, '/socket?room=1');
  });

  describe('with the token among the subprotocols, as a page can set no header', () => {
    const opened = async (path, protocols) => {
      const url = `ws://127.0.0.1:${workerd.ports.gateway}${path}`;
      const socket = new WebSocket(url, protocols, { headers: { Host: HOST, Origin: SITE } });
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      const { protocol } = socket;
      socket.terminate();
      return {
        protocol,
        offered: valuesOf(upstream.requests.at(-1), 'sec-websocket-protocol'),
        seen: upstream.requests.at(-1),
      };
    };

    it('an upstream that chooses none gets none offered, and the gateway chooses its own', async () => {
      const { protocol, offered, seen } = await opened('/socket', ['wayleave', token]);
      assert.deepEqual([protocol, offered], ['wayleave', []]);
      assert.ok(!JSON.stringify(seen).includes(token), JSON.stringify(seen));
    });

    it('an upstream with protocols of its own gets those, and its choice passes', async () => {
      const { protocol, offered, seen } = await opened('/choosing', ['wayleave', token, 'chat', 'mqtt']);
      assert.deepEqual([protocol, offered], ['mqtt', ['chat, mqtt']]);
      assert.ok(!JSON.stringify(seen).includes(token), JSON.stringify(seen));
    });

    it('an upstream that knows none of those offered leaves the choice to the gateway', async () => {
      const { protocol, offered } = await opened('/socket', ['chat', 'wayleave', token]);
      assert.deepEqual([protocol, offered], ['wayleave', ['chat']]);
    });

    it("without a token the protocols are the upstream's alone", async () => {
      const { protocol, offered } = await opened(`/choosing?token=${token}`, ['chat', 'mqtt']);
      assert.deepEqual([protocol, offered], ['mqtt', ['chat,mqtt']]);
    });

    it('a token without its marker, a marker without a token, and a second token are refused', async () => {
      const refusals = [
        [['chat', token], 401, 'misplaced'],
        [['wayleave'], 401, 'another_kind'],
        [['wayleave', `x${token}`], 401, undefined],
      ];
      for (const [protocols, status, reason] of refusals) {
        const answer = await refusal('/socket', protocols);
        assert.deepEqual([answer.status, answer.json.reason], [status, reason], String(protocols));
      }
      const two = await refusal(`/socket?token=${token}`, ['wayleave', token]);
      assertProblem(two, 'credential_conflict', { reason: 'two_places' });
      assert.deepEqual(two.json.places, ['websocket-protocol', 'query:token']);
    });

    /** Sends the handshake without a library, because `ws` does not return the body of a refusal. */
    const refusal = (path, protocols) =>
      client.get(path, {
        headers: [
          ['Origin', SITE],
          ['Connection', 'Upgrade'],
          ['Upgrade', 'websocket'],
          ['Sec-WebSocket-Version', '13'],
          ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
          ['Sec-WebSocket-Protocol', protocols.join(', ')],
        ],
      });
  });

  it('a refused one gets the problem and no socket', async () => {
    const before = upstream.requests.length;
    const socket = open('/socket', { Origin: 'https://other.example', 'X-Api-Key': token });
    const response = await new Promise((resolve, reject) => {
      socket.on('error', () => {}).once('unexpected-response', (_request, answer) => resolve(answer));
      socket.once('open', () => socket.terminate()).once('close', () => reject(new Error('it was opened')));
    });
    assert.equal(response.statusCode, 403);
    socket.terminate();
    assert.equal(upstream.requests.length, before);
  });
});

describe('an upstream that fails', () => {
  it('502 when nothing listens or the connection is cut before the answer', async () => {
    assertProblem(await ask('GET', '/closed/x'), 'upstream_unreachable');
    assertProblem(await ask('GET', '/cut'), 'upstream_unreachable');
    assertProblem(await ask('POST', '/cut', { body: 'a body' }), 'upstream_unreachable');
  });

  it('504 when the first byte does not come in time, and not when only the rest is slow', async () => {
    assertProblem(await ask('GET', '/impatient/hang'), 'upstream_timeout');
    const response = await client.open('GET', '/impatient/headers-then-hang', [['Host', HOST], ...good()]);
    let ended = false;
    response
      .on('error', () => {})
      .on('close', () => (ended = true))
      .resume();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    assert.equal(ended, false, 'the stream outlives the time to its first byte');
    response.destroy();
  });

  it('a caller that goes away does not disturb the next one', async () => {
    const abandoned = client.open('GET', '/hang', [['Host', HOST], ...good()], (request) => {
      request.end();
      setTimeout(() => request.destroy(), 100);
    });
    await assert.rejects(abandoned);
    assert.equal((await ask('GET', '/echo')).status, 200);
  });
});

function valuesOf(seen, name) {
  return seen.headers.filter(([given]) => given === name).map(([, value]) => value);
}

/** Samples workerd's resident memory until stop(), which returns the growth since the start in bytes. */
function watchMemory() {
  const start = workerd.residentBytes();
  let highest = start;
  const timer = setInterval(() => (highest = Math.max(highest, workerd.residentBytes())), 20);
  return {
    stop() {
      clearInterval(timer);
      return Math.max(highest, workerd.residentBytes()) - start;
    },
  };
}

function assertFlat(grownBytes) {
  console.log(`workerd grew by ${(grownBytes / MEBIBYTE).toFixed(1)} MiB`);
  assert.ok(grownBytes < FLAT_BYTES, `grew by ${grownBytes} bytes while ${BIG_BYTES} passed through`);
}
