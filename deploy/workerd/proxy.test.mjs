// Wayleave behind a proxy that ends TLS, as this folder's README advises: real nginx and real Caddy with this
// folder's files, in front of a deployment made by deploy/workerd/start.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, request as httpsRequest } from 'node:https';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { openBrowser } from '../../tests/browser/chromium.mjs';
import { OneMachine } from './one_machine.mjs';
import { ADMIN_HOST, API_HOST, Caddy, Nginx } from './proxies.mjs';

const SESSION = '/_wayleave/api/session';
/** Headers with which a caller pretends to be another one. */
const CHOSEN = {
  'X-Real-IP': '6.6.6.6',
  'X-Forwarded-For': '6.6.6.6',
  'X-Forwarded-Host': 'evil.example',
  'X-Forwarded-Proto': 'http',
  Forwarded: 'for=6.6.6.6;host=evil.example;proto=http',
};

for (const Kind of [Nginx, Caddy]) {
  describe(`behind ${Kind.name}`, () => {
    const machine = new OneMachine();
    const sockets = new WebSocketServer({ noServer: true });
    let proxy;
    let origin; // the origin of the guarded API, as a page sees it
    let token;
    let family;
    let agent;

    before(async () => {
      await machine.prepare();
      machine.respond = respond;
      machine.upstream.on('upgrade', (request, socket, head) => {
        sockets.handleUpgrade(request, socket, head, (webSocket) =>
          webSocket.on('message', (text) => webSocket.send(String(text))),
        );
      });
      const routes = [
        { upstream: machine.upstreamUrl },
        { path: '/open/', upstream: machine.upstreamUrl, anonymous: true },
      ];
      await machine.start(undefined, {
        UPSTREAM: '',
        ROUTES: JSON.stringify(routes),
        CONTROL_HOSTS: `${ADMIN_HOST},127.0.0.1:${machine.ports[8788]}`,
        RATES: '{"page": {"requests": 2, "per_seconds": 60}}',
      });
      proxy = new Kind(machine.ports);
      await proxy.start();
      agent = new Agent({ ca: proxy.ca, keepAlive: true });
      origin = `https://${API_HOST}:${proxy.port}`;
      ({ token, family } = await machine.call('POST', '/tokens', {
        label: 'own',
        origins: [origin],
        distribute: true,
      }));
    });
    after(async () => {
      agent?.destroy();
      sockets.close();
      await proxy?.stop();
      await machine.remove();
    });

    /** A TLS request to a host of the proxy; returns the response with its body unread. */
    const open = async (host, path, { method = 'GET', headers = {}, body, ...options } = {}) => {
      const request = httpsRequest({
        host: '127.0.0.1',
        port: proxy.port,
        servername: host,
        method,
        path,
        agent,
        ca: proxy.ca,
        ...options,
        headers: { Host: `${host}:${proxy.port}`, ...headers },
      });
      const [response] = await once(request.end(body), 'response');
      return response;
    };
    const ask = async (...asked) => {
      const response = await open(...asked);
      const text = Buffer.concat(await response.toArray()).toString();
      return { status: response.statusCode, headers: response.headers, text };
    };
    /** A GET by a page of the API's own origin without a Referer. Browsers send no Origin with it. */
    const ownPage = () => ({ 'Sec-Fetch-Site': 'same-origin' });

    it('a page of the API itself is at its own origin: requests, self-test and family token', async () => {
      const answer = await ask(API_HOST, '/weather', { headers: { ...ownPage(), 'X-Api-Key': token } });
      assert.equal(answer.status, 200, answer.text);
      const self = JSON.parse(
        (await ask(API_HOST, '/_wayleave/token', { headers: { ...ownPage(), 'X-Api-Key': token } })).text,
      );
      assert.equal(self.origin.seen, origin);
      assert.equal(self.origin.allowed, true);
      const given = await ask(API_HOST, `/_wayleave/families/${family}/token`, { headers: ownPage() });
      assert.equal(given.status, 200, given.text);
      assert.equal(JSON.parse(given.text).token, token);
    });

    it('whoever says another scheme, host or address is not believed', async () => {
      const answer = await ask(API_HOST, '/weather', {
        headers: { ...ownPage(), ...CHOSEN, 'X-Api-Key': token },
      });
      assert.equal(answer.status, 200, answer.text);
      const { headers } = JSON.parse(answer.text);
      assert.doesNotMatch(JSON.stringify(headers), /6\.6\.6\.6|evil\.example/);
    });

    it('path and query reach the API as they were sent, without the token', async () => {
      for (const [sent, arrived] of [
        ['/a%20b/c+d?x=%2F&y=%C3%A4', '/a%20b/c+d?x=%2F&y=%C3%A4'],
        [`/tiles/5/16/10.png?token=${token}`, '/tiles/5/16/10.png'],
        [`/weather?a=1&token=${token}&b=2`, '/weather?a=1&b=2'],
      ]) {
        const credential = sent.includes('token=') ? {} : { 'X-Api-Key': token };
        const answer = await ask(API_HOST, sent, { headers: { ...ownPage(), ...credential } });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(JSON.parse(answer.text).url, arrived);
      }
    });

    it('a body goes to the API whole, and a large answer comes whole', async () => {
      const body = Buffer.alloc(3_000_000, 'x');
      const answer = await ask(API_HOST, '/body', {
        method: 'POST',
        body,
        headers: { Origin: origin, 'X-Api-Key': token },
      });
      assert.equal(answer.status, 200, answer.text.slice(0, 300));
      assert.equal(answer.text.length, body.length);
    });

    it('HTTP/2 keeps the host', async () => {
      const session = connectHttp2(origin, { ca: proxy.ca, host: '127.0.0.1', servername: API_HOST, lookup });
      const headers = {
        ':path': '/weather',
        'sec-fetch-site': 'same-origin',
        'x-api-key': token,
      };
      const stream = session.request(headers).setEncoding('utf8');
      const [{ ':status': status }] = await once(stream, 'response');
      const text = (await stream.toArray()).join('');
      session.close();
      assert.equal(status, 200, text);
    });

    it('events arrive one by one while the stream is open', async () => {
      const response = await open(API_HOST, `/events?token=${token}`, { headers: { Origin: origin } });
      assert.equal(response.statusCode, 200);
      for (let n = 0; n < 3; n += 1) {
        // The API sends an event only after the client has confirmed the one before.
        const [chunk] = await once(response.setEncoding('utf8'), 'data');
        assert.equal(chunk, `data: ${n}\n\n`);
        machine.upstream.emit('next event');
      }
      response.destroy();
    });

    it('WebSockets pass, with the token in the query', async () => {
      const headers = { Origin: origin, Host: `${API_HOST}:${proxy.port}` };
      const socket = new WebSocket(`wss://127.0.0.1:${proxy.port}/socket?token=${token}`, {
        headers,
        ca: proxy.ca,
        servername: API_HOST,
      });
      await once(socket, 'open');
      socket.send('there and back');
      const [text] = await once(socket, 'message');
      assert.equal(String(text), 'there and back');
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    });

    it('rate classes count by the address of the caller, whatever it says it is', async () => {
      const { token: limited } = await machine.call('POST', '/tokens', {
        label: 'limited',
        origins: [origin],
        rate: 'page',
      });
      const status = async (localAddress, headers = {}) =>
        (
          await ask(API_HOST, '/weather', {
            localAddress,
            agent: false,
            headers: { ...ownPage(), ...headers, 'X-Api-Key': limited },
          })
        ).status;
      const seen = [];
      // The limit is two in a minute. Two more pass if a new minute begins meanwhile.
      while (seen.at(-1) !== 429 && seen.length < 5) seen.push(await status('127.0.0.1'));
      assert.equal(seen.at(-1), 429, `${seen}`);
      assert.equal(await status('127.0.0.1', CHOSEN), 429, 'a chosen address is not counted by itself');
      assert.equal(await status('127.0.0.2'), 200, 'another caller has requests of its own');
    });

    it('operators sign in over TLS, at the control host alone', async () => {
      const body = JSON.stringify({ key: await machine.adminKey() });
      const signIn = (host, page, more = {}) =>
        ask(host, SESSION, {
          method: 'POST',
          body,
          headers: { Origin: page, 'Content-Type': 'application/json', ...more },
        });
      const own = `https://${ADMIN_HOST}:${proxy.port}`;
      const signedIn = await signIn(ADMIN_HOST, own);
      assert.equal(signedIn.status, 201, signedIn.text);
      const cookie = signedIn.headers['set-cookie'][0].split(';')[0];
      const write = (page) =>
        ask(ADMIN_HOST, '/_wayleave/api/tokens', {
          method: 'POST',
          body: JSON.stringify({ label: 'by a page', origins: [origin] }),
          headers: { Origin: page, Cookie: cookie, 'Content-Type': 'application/json' },
        });
      assert.equal((await write(own)).status, 201);
      for (const page of [
        own.replace('https:', 'http:'),
        origin,
        'https://evil.example',
        `https://${ADMIN_HOST}`,
      ]) {
        assert.equal((await write(page)).status, 403, page);
        assert.equal((await signIn(ADMIN_HOST, page)).status, 403, page);
      }
      assert.equal(
        (
          await signIn(ADMIN_HOST, 'http://evil.example', {
            'X-Forwarded-Proto': 'http',
            'X-Forwarded-Host': 'evil.example',
          })
        ).status,
        403,
      );
      assert.equal((await signIn(API_HOST, own)).status, 404);
      // The other name is only in Host; the TLS connection is for the first one.
      const aside = await ask(API_HOST, '/_wayleave/api/tokens', {
        headers: { 'X-Forwarded-Host': ADMIN_HOST, Authorization: `Bearer ${await machine.adminKey()}` },
      });
      assert.equal(aside.status, 404, aside.text);
    });

    it('in a browser: a page of the API itself, with every kind of request; and the console', async () => {
      const browser = await openBrowser('--host-resolver-rules=MAP *.shop.example 127.0.0.1');
      try {
        const context = await browser.newContext({ ignoreHTTPSErrors: true });
        const page = await context.newPage();
        await page.goto(`${origin}/open/page`);
        const seen = await page.evaluate(asEveryKindOfRequest, { token, family });
        assert.deepEqual(seen, { fetched: 200, carried: 200, image: 'loaded', event: '0', socket: 'hello' });

        await page.goto(`https://${ADMIN_HOST}:${proxy.port}/_wayleave/console/`);
        await page.getByLabel('Admin key').fill(await machine.adminKey());
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('navigation', { name: 'Main' }).waitFor();
      } finally {
        await browser.close();
      }
    });

    it('tells the gateway the truth about the caller, and nothing that the caller says', async () => {
      const gateway = createServer((request, response) => response.end(JSON.stringify(request.headers)));
      await once(gateway.listen(0, '127.0.0.1'), 'listening');
      const alone = new Kind({ 8787: gateway.address().port, 8788: gateway.address().port });
      try {
        await alone.start();
        const told = {
          host: `${API_HOST}:${alone.port}`,
          'x-forwarded-proto': 'https',
          'x-forwarded-host': `${API_HOST}:${alone.port}`,
          'x-forwarded-for': '127.0.0.2',
          'x-real-ip': '127.0.0.2',
        };
        const over = { port: alone.port, ca: alone.ca, agent: false, localAddress: '127.0.0.2' };
        for (const headers of [{}, CHOSEN]) {
          const answer = await ask(API_HOST, '/', { ...over, headers: { ...headers, Host: told.host } });
          const seen = JSON.parse(answer.text);
          for (const [name, value] of Object.entries(told)) assert.equal(seen[name], value, name);
          assert.equal(seen.forwarded, undefined);
        }
        const control = JSON.parse(
          (
            await ask(ADMIN_HOST, '/', {
              ...over,
              headers: { ...CHOSEN, Host: `${ADMIN_HOST}:${alone.port}` },
            })
          ).text,
        );
        assert.equal(control['x-forwarded-proto'], 'https');
        assert.equal(control.host, `${ADMIN_HOST}:${alone.port}`);
      } finally {
        await alone.stop();
        gateway.close();
        gateway.closeAllConnections();
      }
    });

    it('writes no token into any log, not even when the gateway is down', async () => {
      await ask(API_HOST, `/logged?token=${token}`, { headers: ownPage() });
      await ask(API_HOST, '/logged', {
        headers: { 'X-Api-Key': token, Referer: `${origin}/open/page?token=${token}` },
      });
      await machine.end('SIGKILL');
      for (const host of [API_HOST, ADMIN_HOST]) {
        const answer = await ask(host, `/logged/down?token=${token}`, {
          headers: { Authorization: `Bearer ${token}`, 'X-Api-Key': token },
        });
        assert.equal(answer.status, 502);
      }
      // A log line is written after its response.
      const logged = ['/weather', '/logged', '/logged/down', SESSION];
      let logs = '';
      for (
        const deadline = Date.now() + 10_000;
        !logged.every((path) => logs.includes(path));
        await sleep(50)
      ) {
        assert.ok(Date.now() < deadline, `something is not logged:\n${logs}`);
        logs = await proxy.logs();
      }
      await proxy.end();
      assert.doesNotMatch(await proxy.logs(), /wlp_|wls_|wla_/);
    });

    /** The API behind the gateway: it echoes requests and streams. */
    function respond(request, response) {
      const { url, headers } = request;
      if (url.startsWith('/open/page'))
        return response
          .writeHead(200, { 'content-type': 'text/html' })
          .end('<!doctype html><title>own</title>');
      if (url.startsWith('/picture'))
        return response
          .writeHead(200, { 'content-type': 'image/svg+xml' })
          .end('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>');
      // The body is read before the response starts: Caddy 2.6 ends a body once its response has begun.
      if (url === '/body') return request.toArray().then((chunks) => response.end(Buffer.concat(chunks)));
      if (url !== '/events')
        return response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ url, headers }));
      let sent = 0;
      const send = () => response.write(`data: ${sent++}\n\n`);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      send();
      machine.upstream.on('next event', send);
      response.on('close', () => machine.upstream.off('next event', send));
    }
  });
}

/** Runs in a page: the results of each kind of request that a page can make. */
async function asEveryKindOfRequest({ token, family }) {
  const outcome = (source, name, read) =>
    new Promise((resolve) => {
      source.addEventListener(name, (event) => resolve(read(event)), { once: true });
      source.addEventListener('error', () => resolve('failed'), { once: true });
    });
  const image = new Image();
  const picture = outcome(image, 'load', () => 'loaded');
  image.src = `/picture?token=${token}`;
  const events = new EventSource(`/events?token=${token}`);
  const event = outcome(events, 'message', ({ data }) => {
    events.close();
    return data;
  });
  const webSocket = new WebSocket(`wss://${location.host}/socket?token=${token}`);
  webSocket.onopen = () => webSocket.send('hello');
  const echo = outcome(webSocket, 'message', ({ data }) => data);
  const { wayleave } = await import('/_wayleave/client.js');
  return {
    fetched: (await fetch('/weather', { headers: { 'X-Api-Key': token } })).status,
    carried: (await wayleave({ family }).fetch('/weather')).status,
    image: await picture,
    event: await event,
    socket: await echo,
  };
}

/** Resolves every name to this machine. */
function lookup(_name, options, callback) {
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
}
