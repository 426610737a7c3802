// client.js in a real Chromium. The demo page, on another origin than the gateway's, continues when its token
// is replaced, and so does a worker. A page on a site that the family does not allow learns why it gets no
// token.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { demoPage } from '../../deploy/local/page.mjs';
import { demoUpstream } from '../../deploy/local/upstream.mjs';
import { Gateway } from '../workerd/harness/gateway.mjs';
import { openBrowser } from './chromium.mjs';

const upstream = demoUpstream();
const gateway = new Gateway({
  variables: () => ({ UPSTREAM: originOf(upstream), REVOCATION_BOUND_SECONDS: '5' }),
});
const pages = demoPage(() => ({ gateway: gatewayOrigin(), family: token.family }));
let browser;
let token;

before(async () => {
  for (const server of [upstream, pages]) await once(server.listen(0, '127.0.0.1'), 'listening');
  await gateway.start();
  token = await gateway.admin.createToken({ origins: [siteOf(pages)], distribute: true });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await gateway.stop();
  for (const server of [upstream, pages]) {
    server.closeAllConnections();
    server.close();
  }
});

const originOf = (server) => `http://127.0.0.1:${server.address().port}`;
const siteOf = (server) => `http://localhost:${server.address().port}`;
const gatewayOrigin = () => `http://127.0.0.1:${gateway.workerd.ports.gateway}`;
const fingerprint = (text) => `${text.slice(0, 12)}…${text.slice(-8)}`;

async function rotate(body) {
  const answer = await gateway.admin.call('POST', `/families/${token.family}/rotate`, { body });
  assert.equal(answer.status, 201, String(answer));
  return answer.json;
}

test('the demo page carries on with the successor, images and all, and nobody reloads it', async () => {
  const page = await browser.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(siteOf(pages));
  await page.getByText('6 of 6 tiles admitted').waitFor();
  await page.getByText('200 admitted at').waitFor();
  assert.deepEqual(await page.locator('#tokens code').allTextContents(), [fingerprint(token.token)]);

  const successor = await rotate({ revoke_old: { when: 'now' } });
  await page.locator('#tokens code').nth(1).waitFor();
  assert.deepEqual(
    await page.locator('#tokens code').allTextContents(),
    [token, successor].map((one) => fingerprint(one.token)),
  );
  await page.locator(`#map img[src$="token=${successor.token}"]`).nth(5).waitFor();
  await page.getByText('6 of 6 tiles admitted').waitFor();
  await page.getByText('200 admitted at').waitFor();
  assert.equal(await page.locator('.bad').count(), 0, 'nothing on the page has failed');
  assert.deepEqual(complaints, []);

  const kept = await page.evaluate(async () => [
    { ...localStorage },
    { ...sessionStorage },
    document.cookie,
    await caches.keys(),
    (await indexedDB.databases()).length,
  ]);
  assert.deepEqual(kept, [{}, {}, '', [], 0]);
  token = successor;
  await page.close();
});

// A page without a Content-Security-Policy, so that the test can run any script in it.
async function blankPage(site) {
  const page = await browser.newPage({ bypassCSP: true });
  await page.goto(`${site}/page.css`);
  return page;
}

const options = () => ({ gateway: gatewayOrigin(), family: token.family });

test('a module worker does as a page', async () => {
  const page = await blankPage(siteOf(pages));
  const seen = await page.evaluate(({ gateway, family }) => {
    const script = `
      import { wayleave } from "${gateway}/_wayleave/client.js";
      const api = wayleave({ family: "${family}" });
      const response = await api.fetch("/v1/stations");
      postMessage([response.status, (await response.json()).stations.length, await api.token()]);`;
    const worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })), {
      type: 'module',
    });
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
  }, options());
  assert.deepEqual(seen, [200, 6, token.token]);
  await page.close();
});

test('a page of another site is told why it gets no token', async () => {
  const page = await blankPage(originOf(pages)); // 127.0.0.1 is another origin than localhost
  const fault = await page.evaluate(async ({ gateway, family }) => {
    const { wayleave } = await import(`${gateway}/_wayleave/client.js`);
    return wayleave({ family })
      .token()
      .catch(({ name, code, status, message }) => ({ name, code, status, message }));
  }, options());
  assert.deepEqual([fault.name, fault.code, fault.status], ['WayleaveError', 'origin_not_allowed', 403]);
  assert.match(
    fault.message,
    /hands out no token for fam_\S+ to http:\/\/127\.0\.0\.1:\d+: The token does not work from the site/,
  );
  await page.close();
});
