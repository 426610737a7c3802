// A page's WebSocket in a real Chromium, with the token among the subprotocols. A page cannot set headers on
// it, and a browser closes the connection when the server selects none of the offered protocols (RFC 6455).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Gateway } from '../workerd/harness/gateway.mjs';
import { openBrowser } from './chromium.mjs';

const gateway = new Gateway();
const site = createServer((_request, response) => {
  response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>page</title>');
});
let browser;
let page;
let token;

before(async () => {
  await once(site.listen(0, '127.0.0.1'), 'listening');
  await gateway.start();
  const origin = `http://localhost:${site.address().port}`;
  token = (await gateway.admin.createToken({ origins: [origin] })).token;
  browser = await openBrowser();
  page = await browser.newPage();
  await page.goto(origin);
});
after(async () => {
  await browser?.close();
  await gateway.stop();
  site.closeAllConnections();
  site.close();
});

/** The events that a page sees on a socket to which it sends "hello". */
const opened = (path, protocols) =>
  page.evaluate(
    ({ url, protocols }) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url, protocols);
        socket.onopen = () => socket.send('hello');
        socket.onmessage = ({ data }) => {
          resolve({ protocol: socket.protocol, data });
          socket.close();
        };
        socket.onerror = () => resolve('failed');
      }),
    { url: `ws://127.0.0.1:${gateway.workerd.ports.gateway}${path}`, protocols },
  );
const offered = () =>
  gateway.upstream.requests.at(-1).headers.filter(([name]) => name === 'sec-websocket-protocol');

test('it opens at an upstream that knows no subprotocols', async () => {
  assert.deepEqual(await opened('/socket', ['wayleave', token]), { protocol: 'wayleave', data: 'hello' });
  assert.deepEqual(offered(), []);
});

test('it opens with the protocol that the upstream chooses', async () => {
  const seen = await opened('/choosing', ['wayleave', token, 'mqtt']);
  assert.deepEqual(seen, { protocol: 'mqtt', data: 'hello' });
  assert.deepEqual(offered(), [['sec-websocket-protocol', 'mqtt']]);
});

test('it does not open with a token that is none', async () => {
  const before = gateway.upstream.requests.length;
  const changed = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
  assert.equal(await opened('/socket', ['wayleave', changed]), 'failed');
  assert.equal(gateway.upstream.requests.length, before);
});
