// What each of the two addresses serves, whatever host a request claims. The requests go to the sockets that
// deploy/workerd/start opens, as raw bytes that an attacker could send.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client } from '../../tests/workerd/harness/http_client.mjs';
import { OneMachine, SITE } from './one_machine.mjs';

const API = '/_wayleave/api';
const CONSOLE = '/_wayleave/console';

const machine = new OneMachine();
let edge;
let control;
let adminKey;
let token;
let family;
const upstreamSaw = [];

before(async () => {
  await machine.prepare();
  machine.upstream.on('request', ({ url }) => upstreamSaw.push(url));
  await machine.start();
  edge = new Client(() => machine.ports[8787], `127.0.0.1:${machine.ports[8787]}`);
  control = new Client(() => machine.ports[8788], `127.0.0.1:${machine.ports[8788]}`);
  adminKey = await machine.adminKey();
  ({ token, family } = await machine.call('POST', '/tokens', {
    label: 'shop',
    origins: [SITE],
    distribute: true,
  }));
});
after(async () => {
  edge.close();
  control.close();
  await machine.remove();
});

/** Ways to claim that a request for `target` is for `host`. Each value is the first lines of a request. */
function waysToSay(host, target, own) {
  const bare = host.split(':')[0];
  return {
    'in Host': [`GET ${target} HTTP/1.1`, `Host: ${host}`],
    'in Host, without the port': [`GET ${target} HTTP/1.1`, `Host: ${bare}`],
    'in Host, in capitals': [`GET ${target} HTTP/1.1`, `Host: ${host.toUpperCase()}`],
    'in Host, with a final dot': [`GET ${target} HTTP/1.1`, `Host: ${host.replace(bare, `${bare}.`)}`],
    'in the target': [`GET http://${host}${target} HTTP/1.1`, `Host: ${own}`],
    'in Host, where the target says another': [`GET http://${own}${target} HTTP/1.1`, `Host: ${host}`],
    'in a first Host': [`GET ${target} HTTP/1.1`, `Host: ${host}`, `Host: ${own}`],
    'in a second Host': [`GET ${target} HTTP/1.1`, `Host: ${own}`, `Host: ${host}`],
    'in X-Forwarded-Host': [`GET ${target} HTTP/1.1`, `Host: ${own}`, `X-Forwarded-Host: ${host}`],
    'in Forwarded': [`GET ${target} HTTP/1.1`, `Host: ${own}`, `Forwarded: host="${host}";proto=https`],
    'in Host, with the whole path': ['GET / HTTP/1.1', `Host: ${host}${target}?`],
    'in X-Forwarded-Proto, with the whole path': [
      'GET / HTTP/1.1',
      `Host: ${own}`,
      `X-Forwarded-Proto: http://${host}${target}?`,
    ],
    'over TLS, in Host': [`GET ${target} HTTP/1.1`, `Host: ${host}`, 'X-Forwarded-Proto: https'],
  };
}

/** The whole answer to these lines, sent with a valid admin key as the console would send them. */
async function answerTo(client, lines) {
  const sent = [
    ...lines,
    `Authorization: Bearer ${adminKey}`,
    'Sec-Fetch-Site: same-origin',
    'Connection: close',
    '',
    '',
  ];
  const text = await client.sendBytes(sent.join('\r\n'));
  return { text, status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]) };
}

/** The answer is a refusal without data of the control plane: no token, session, console or API document. */
function assertNothing({ status, text }, what) {
  assert.ok([400, 401, 404].includes(status), `${what}: ${text}`);
  assert.doesNotMatch(text, /tok_\d|set-cookie|<!doctype|openapi"/i, what);
}

describe('the edge', () => {
  for (const path of [
    `${API}/tokens`,
    `${API}/status`,
    `${API}/openapi.json`,
    `${API}/metrics`,
    `${CONSOLE}/`,
    CONSOLE,
  ]) {
    it(`has no ${path}, whatever host a request names`, async () => {
      const own = edge.host;
      for (const host of [
        control.host,
        `localhost:${machine.ports[8788]}`,
        own,
        'api.shop.example',
        '[::1]:8788',
      ]) {
        for (const [way, lines] of Object.entries(waysToSay(host, path, own))) {
          assertNothing(await answerTo(edge, lines), `${host} ${way}`);
        }
      }
    });
  }

  it('lets nobody sign in, and takes no session', async () => {
    const signIn = (client) =>
      client.send('POST', `${API}/session`, {
        host: control.host,
        body: { key: adminKey },
        headers: { 'Sec-Fetch-Site': 'same-origin' },
      });
    const there = await signIn(edge);
    assert.equal(there.status, 404, String(there));
    assert.deepEqual(there.all('set-cookie'), []);

    const opened = await signIn(control);
    assert.equal(opened.status, 201, String(opened));
    const headers = { Cookie: opened.all('set-cookie')[0].split(';')[0], 'Sec-Fetch-Site': 'same-origin' };
    assert.equal((await edge.get(`${API}/tokens`, { host: control.host, headers })).status, 404);
    assert.equal((await control.get(`${API}/tokens`, { headers })).status, 200);
  });

  it('tells no page of another site anything of the admin API', async () => {
    const preflight = {
      Origin: SITE,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization',
    };
    const answer = await edge.send('OPTIONS', `${API}/tokens`, { host: control.host, headers: preflight });
    assert.equal(answer.status, 404, String(answer));
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  });

  it('goes on with all that pages need', async () => {
    for (const host of [edge.host, 'api.shop.example', control.host]) {
      const asked = async (path, headers = {}) =>
        (await edge.get(path, { host, headers: { Origin: SITE, ...headers } })).status;
      assert.equal(await asked('/_wayleave/token', { 'X-Api-Key': token }), 200, host);
      assert.equal(await asked(`/_wayleave/families/${family}/token`), 200, host);
      for (const path of ['client.js', 'client.d.ts', 'health', 'problems'])
        assert.equal(await asked(`/_wayleave/${path}`), 200, `${host} ${path}`);
    }
    const guarded = await edge.get('/weather', {
      host: 'api.shop.example',
      headers: { Origin: SITE, 'X-Api-Key': token },
    });
    assert.equal(guarded.status, 200, String(guarded));
  });
});

describe('the control address', () => {
  it('passes nothing on to the API behind, whatever host a request names', async () => {
    const seen = upstreamSaw.length;
    const headers = { Origin: SITE, 'X-Api-Key': token };
    for (const host of [control.host, edge.host, 'api.shop.example', 'evil.example:8788', 'localhost']) {
      for (const path of ['/', '/weather', `/weather?token=${token}`]) {
        const answer = await control.get(path, { host, headers });
        assert.equal(answer.status, 404, `${host} ${path}: ${answer}`);
      }
      const upgrade = {
        ...headers,
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      };
      assert.equal((await control.get('/socket', { host, headers: upgrade })).status, 404, host);
      const preflight = { Origin: SITE, 'Access-Control-Request-Method': 'PUT' };
      assert.equal(
        (await control.send('OPTIONS', '/weather', { host, headers: preflight })).status,
        404,
        host,
      );
    }
    assert.equal(upstreamSaw.length, seen);
  });

  it('gives pages no token and no client.js; operators can ask what a token is worth', async () => {
    const asked = (path) => control.get(path, { headers: { Origin: SITE, 'X-Api-Key': token } });
    for (const path of [`/_wayleave/families/${family}/token`, '/_wayleave/client.js'])
      assert.equal((await asked(path)).status, 404, path);
    assert.equal((await asked('/_wayleave/token')).json.origin.allowed, true);
  });

  it('answers to the hosts of CONTROL_HOSTS and to no other', async () => {
    for (const host of [control.host, `localhost:${machine.ports[8788]}`]) {
      for (const path of [`${API}/tokens`, `${CONSOLE}/`]) {
        const answer = await answerTo(control, [`GET ${path} HTTP/1.1`, `Host: ${host}`]);
        assert.equal(answer.status, 200, answer.text);
      }
    }
    // A page of evil.example whose name resolves to this machine (DNS rebinding) sends its own name as Host,
    // and any other headers.
    const own = 'evil.example:8788';
    for (const path of [`${API}/tokens`, `${CONSOLE}/`]) {
      for (const host of [own, 'api.shop.example', edge.host]) {
        assertNothing(await answerTo(control, [`GET ${path} HTTP/1.1`, `Host: ${host}`]), host);
      }
      for (const [way, lines] of Object.entries(waysToSay(control.host, path, own))) {
        if (lines[1] === `Host: ${own}`) assertNothing(await answerTo(control, lines), way);
      }
    }
  });
});
