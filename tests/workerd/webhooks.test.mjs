// Webhooks from real workerd to a real HTTP server; the Standard Webhooks library verifies their signatures.
//
// A notice waits 10 s for others of its kind, so each test takes at least that long.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { eventually, Gateway } from './harness/gateway.mjs';
import { Receiver, silence, status, taken } from './harness/receiver.mjs';
import { variables } from './harness/routes.mjs';
import { MEBIBYTE } from './harness/upstream.mjs';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const GIBIBYTE = 1024 * MEBIBYTE;
const receiver = new Receiver();
const gateway = new Gateway({
  variables: (upstream) => ({
    ...variables(upstream),
    WEBHOOK_URL: `${receiver.origin}/hooks`,
    WEBHOOK_SECRET: SECRET,
  }),
});
const { admin } = gateway;

before(async () => {
  await receiver.start();
  await gateway.start();
});
after(async () => {
  await gateway.stop();
  await receiver.stop();
});

const revokedToken = async (settings = {}) => {
  const { id } = await admin.createToken({ audiences: ['weather'], ...settings });
  await admin.revoke(id, { force: true, reason: 'leaked' });
  return id;
};
const webhookStatus = async () => (await admin.status()).webhook;
const notices = async () => (await admin.call('GET', '/notices')).json.items;
const noticeAbout = async (id) =>
  (await notices()).find(({ data }) => data.tokens.some((token) => token.id === id));
const delivered = (id) =>
  eventually(
    `the notice about ${id} is delivered`,
    async () => {
      const notice = await noticeAbout(id);
      return notice?.delivery.state === 'delivered' && notice;
    },
    60_000,
  );
const arrived = (id, count = 1) =>
  eventually(
    `${count} webhooks about ${id}`,
    () => receiver.about(id).length >= count && receiver.about(id),
    60_000,
  );
/** Throws unless the receiver's library accepts the signature. */
const verified = ({ body, headers }) => new Webhook(SECRET).verify(body, headers);

describe('a webhook', () => {
  it('arrives signed, says what was revoked, and is seen in the API', async () => {
    const id = await revokedToken({ label: 'Café ☕', owner: 'web@shop.example', external_id: 'c-17' });
    const [webhook] = await arrived(id);
    assert.equal(webhook.path, '/hooks');
    assert.equal(webhook.headers['content-type'], 'application/json');
    const { type, timestamp, data } = verified(webhook);
    assert.equal(type, 'token.revoked');
    assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000, timestamp);
    const { expires_at, family } = await admin.token(id);
    assert.deepEqual(data.tokens, [
      {
        id,
        family,
        label: 'Café ☕',
        owner: 'web@shop.example',
        external_id: 'c-17',
        audiences: ['weather'],
        expires_at,
        last_used_at: null,
        reason: 'operator: leaked',
      },
    ]);
    for (const altered of [
      { ...webhook, body: webhook.body.replace('leaked', 'leakeD') },
      { ...webhook, headers: { ...webhook.headers, 'webhook-id': 'ntc_1_99' } },
    ]) {
      assert.throws(() => verified(altered));
    }
    const { delivery, id: noticeId, ...body } = await delivered(id);
    assert.equal(noticeId, webhook.headers['webhook-id']);
    assert.deepEqual(body, JSON.parse(webhook.body));
    assert.deepEqual([delivery.attempts, delivery.error], [1, null]);
    const { configured, pending, failures, succeeded_at } = await webhookStatus();
    assert.deepEqual([configured, pending, failures], [true, 0, 0]);
    assert.ok(Math.abs(Date.parse(succeeded_at) - Date.now()) < 60_000);
  });

  it('that is answered with 500 or a redirect comes again under the same id, and the redirect is not followed', async () => {
    // Each answer waits until the failure before it was seen, which the next attempt would replace.
    const seen = [Promise.withResolvers(), Promise.withResolvers()];
    const redirect = status(302, { Location: `${receiver.origin}/elsewhere` });
    receiver.script(
      status(500),
      (response) => seen[0].promise.then(() => redirect(response)),
      (response) => seen[1].promise.then(() => taken(response)),
    );
    const id = await revokedToken();
    const errors = [];
    for (const attempt of [1, 2]) {
      await arrived(id, attempt);
      const notice = await eventually('the failure is noted', async () => {
        const notice = await noticeAbout(id);
        return notice.delivery.error && notice.delivery.error !== errors.at(-1) && notice;
      });
      seen[attempt - 1].resolve();
      assert.equal(notice.delivery.state, 'pending');
      errors.push(notice.delivery.error);
    }
    assert.deepEqual(errors, ['refused', 'redirected']);
    const { delivery } = await delivered(id);
    assert.equal(delivery.attempts, 3);
    const webhooks = receiver.about(id);
    assert.deepEqual(
      webhooks.map(({ path }) => path),
      ['/hooks', '/hooks', '/hooks'],
    );
    assert.equal(new Set(webhooks.map(({ headers }) => headers['webhook-id'])).size, 1);
    assert.equal(new Set(webhooks.map(({ body }) => body)).size, 1);
    for (const webhook of webhooks) verified(webhook);
    assert.deepEqual([(await webhookStatus()).failures, (await webhookStatus()).error], [2, 'redirected']);
  });

  it('whose receiver breaks off is tried again; one that has said 200 has it, although its answer never ends', async () => {
    receiver.script(
      (response) => response.socket.destroy(),
      (response) => response.writeHead(200).write('an answer that'),
      taken,
    );
    const id = await revokedToken();
    await arrived(id);
    await eventually(
      'the failure is noted',
      async () => (await noticeAbout(id)).delivery.error === 'unreachable',
    );
    const { delivery } = await delivered(id);
    assert.deepEqual([delivery.attempts, delivery.error], [2, 'unreachable']);
    assert.equal(receiver.about(id).length, 2);
  });

  it('that is never answered holds no list up, is counted as late, and comes again', async () => {
    receiver.script(silence, taken);
    const id = await revokedToken();
    await arrived(id);
    // The receiver is silent. Lists still reach KV, each after its change.
    const writesOfList = () =>
      gateway.kv.operations.filter(({ method, key }) => method === 'PUT' && key === 'list/delta').length;
    for (let change = 0; change < 3; change += 1) {
      const before = writesOfList();
      await admin.createToken({ audiences: ['weather'] });
      await eventually('the list is published', () => writesOfList() > before, 5_000);
    }
    assert.equal((await noticeAbout(id)).delivery.state, 'pending');
    assert.equal((await noticeAbout(id)).delivery.error, null, 'it was still under way');
    await eventually(
      'it is counted as late',
      async () => (await webhookStatus()).error === 'timed_out',
      20_000,
    );
    assert.equal((await delivered(id)).delivery.attempts, 2);
    const [first, second] = receiver.about(id);
    assert.equal(first.headers['webhook-id'], second.headers['webhook-id']);
  });

  it('that is answered with a gigabyte is taken, and of the answer next to nothing is read', async () => {
    let sent = 0;
    receiver.script((response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(64 * 1024);
      const write = () => {
        while (sent < GIBIBYTE && !response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) return response.once('drain', write);
        }
        return response.end();
      };
      write();
    });
    const before = gateway.workerd.residentBytes();
    const id = await revokedToken();
    assert.equal((await delivered(id)).delivery.attempts, 1);
    // The buffers of the operating system between sender and receiver take some megabytes.
    const afterwards = sent;
    assert.ok(sent < 32 * MEBIBYTE, `${sent} bytes went out`);
    const grown = gateway.workerd.residentBytes() - before;
    assert.ok(grown < 64 * MEBIBYTE, `workerd grew by ${grown} bytes`);
    receiver.script(taken);
    await delivered(await revokedToken());
    assert.equal(sent, afterwards, 'the rest was cancelled');
  });

  it('survives kill -9, before it is sent and while it is under way, under one id', async () => {
    receiver.script(taken);
    const early = await revokedToken();
    await gateway.restart();
    assert.equal((await delivered(early)).delivery.attempts, 1);

    receiver.script(silence, taken);
    const id = await revokedToken();
    await arrived(id);
    await gateway.restart();
    const { delivery, id: noticeId } = await delivered(id);
    assert.deepEqual([delivery.attempts, delivery.error], [2, null]);
    assert.deepEqual(
      receiver.about(id).map(({ headers }) => headers['webhook-id']),
      [noticeId, noticeId],
    );
    assert.equal((await webhookStatus()).error, 'interrupted');
  });
});
