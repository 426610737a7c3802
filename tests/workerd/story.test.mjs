// The life of a token, from its creation to the end of its predecessor, in real workerd: a page with
// client.js, an operator, and a webhook receiver. The bound is 5 seconds. The old token drains for 8 after
// the new one's first use.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { wayleave } from '../../src/client/client.js';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { Receiver } from './harness/receiver.mjs';

const BOUND_SECONDS = 5;
const DRAIN_SECONDS = 8;
const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const receiver = new Receiver();
const gateway = new Gateway({
  variables: (upstream) => ({
    UPSTREAM: upstream,
    REVOCATION_BOUND_SECONDS: String(BOUND_SECONDS),
    WEBHOOK_URL: `${receiver.origin}/hooks`,
    WEBHOOK_SECRET: SECRET,
  }),
});
const { admin, client: http } = gateway;
const nodeFetch = globalThis.fetch;

before(async () => {
  await receiver.start();
  await gateway.start();
  // A browser adds the page's site to each request.
  globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    request.headers.set('Origin', SITE);
    return nodeFetch(request);
  };
});
after(async () => {
  globalThis.fetch = nodeFetch;
  await gateway.stop();
  await receiver.stop();
});

const act = async (status, path, body, headers = {}) => {
  const answer = await admin.call('POST', path, { body, headers });
  assert.equal(answer.status, status, String(answer));
  return answer.json;
};
const ask = (token) => http.get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } });
const until = (instant) => new Promise((resolve) => setTimeout(resolve, Math.max(0, instant - Date.now())));
const openPage = (family) =>
  wayleave({ gateway: `http://127.0.0.1:${gateway.workerd.ports.gateway}`, family });
const webhookAbout = (type, id) =>
  eventually(
    `the webhook ${type} about ${id}`,
    () => receiver.about(id).find(({ body }) => JSON.parse(body).type === type),
    90_000,
  );

it('create, clone, rotate at first use, a page that carries on, the end of the old token, and everybody told', async () => {
  // An operator creates a token for a site, and a similar one for another customer.
  const old = await admin.createToken({ label: 'shop', distribute: true });
  const clone = await act(201, '/tokens', { clone_of: old.id, label: 'second shop' });
  assert.deepEqual(
    [clone.origins, clone.distribute, clone.family === old.family],
    [old.origins, true, false],
  );

  // A page of the site fetches the token.
  const page = openPage(old.family);
  assert.equal((await page.fetch('/now')).status, 200);
  assert.equal(await page.token(), old.token);

  // A job rotates the family. The response is lost, and the job repeats the request.
  const body = { revoke_old: { when: 'first_use', drain_seconds: DRAIN_SECONDS } };
  const key = { 'Idempotency-Key': 'rotation-of-the-story' };
  const first = await act(201, `/families/${old.family}/rotate`, body, key);
  const successor = await act(201, `/families/${old.family}/rotate`, body, key);
  assert.deepEqual([successor.id, successor.token], [first.id, first.token]);
  assert.equal(successor.predecessor, old.id);
  assertProblem(await admin.call('POST', `/families/${old.family}/rotate`, { body: {} }), 'successor_unused');

  // The new token has not been used, so nothing ends. A page that opens now gets it.
  assert.equal((await admin.token(old.id)).rotation.planned_end, null);
  const newPage = await eventually(
    'a new page has the successor',
    async () => {
      const opened = openPage(old.family);
      return (await opened.token()) === successor.token && opened;
    },
    60_000,
  );
  assert.equal((await newPage.fetch('/now')).status, 200);

  // The first use starts the drain. The old token still works.
  const used = await eventually(
    'the first use is known',
    async () => {
      const token = await admin.token(successor.id);
      return token.first_used_at && token;
    },
    60_000,
  );
  const { planned_end } = (await admin.token(old.id)).rotation;
  assert.equal(Date.parse(planned_end), Date.parse(used.first_used_at) + DRAIN_SECONDS * 1_000);
  const draining = await ask(old.token);
  if (Date.now() < Date.parse(planned_end)) assert.equal(draining.status, 200, String(draining));

  // After the drain it is revoked, and no location admits it after the instant in its receipt.
  const ended = await eventually(
    'the old token is revoked',
    async () => {
      const token = await admin.token(old.id);
      return token.state === 'revoked' && token;
    },
    60_000,
  );
  assert.equal(ended.revoked_reason, 'rotated');
  assert.ok(Date.parse(ended.revoked_at) >= Date.parse(planned_end));
  assert.ok(Date.parse(ended.effective_by) - Date.parse(ended.revoked_at) <= (BOUND_SECONDS + 3) * 1_000);
  await until(Date.parse(ended.effective_by));
  assertProblem(await ask(old.token), 'token_revoked');
  assert.equal((await ask(successor.token)).status, 200);

  // The page that was open all the time continues with the successor.
  assert.equal((await page.fetch('/now')).status, 200);
  assert.equal(await page.token(), successor.token);
  assert.equal((await ask(clone.token)).status, 200, 'the other customer never noticed');

  // The family, the audit log and the webhooks all report it.
  const family = (await admin.call('GET', `/families/${old.family}`)).json;
  assert.deepEqual([family.current, family.active, family.revoked], [successor.id, [successor.id], [old.id]]);
  const events = (await admin.call('GET', `/events?family=${old.family}`)).json.items.map(
    ({ action, token }) => [action, token],
  );
  for (const expected of [
    ['token.rotated', old.id],
    ['token.first_used', successor.id],
    ['token.revoked', old.id],
  ]) {
    assert.ok(
      events.some((event) => event.join() === expected.join()),
      `${expected} is not in ${JSON.stringify(events)}`,
    );
  }
  for (const [type, id] of [
    ['token.rotated', old.id],
    ['token.first_use', successor.id],
    ['token.revoked', old.id],
  ]) {
    const { body, headers } = await webhookAbout(type, id);
    assert.equal(new Webhook(SECRET).verify(body, headers).type, type, 'its signature verifies');
  }
});
