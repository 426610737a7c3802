// Two signs of misuse, from requests to webhook, in real workerd: a refused site, and an hour with far more
// requests than usual.
//
// A shard looks for signs when an hour is over. Nothing can set workerd's clock, so the test moves the counts
// back by an hour in the shards' databases while workerd is stopped. Requests, counting, evaluation, notices
// and webhooks are real.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import parseMetrics from 'parse-prometheus-text-format';
import { Webhook } from 'standardwebhooks';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { Receiver } from './harness/receiver.mjs';

const SECRET = `whsec_${Buffer.alloc(32, 6).toString('base64')}`;
const REFUSED_SITE = 'https://new-shop.example',
  TRIED_SITE = 'https://try.example';
const MINUTE_MS = 60_000,
  HOUR_MS = 60 * MINUTE_MS,
  DAY_MS = 24 * HOUR_MS;
/** An isolate sends its counts at most every 30 s. */
const COUNTED_MS = 75_000;
/** Step numbers in the shards' tables. */
const MINUTE = 0,
  HOUR = 1;
/**
 * A token has a usual use after one day of use. These are the hours of earlier use and the requests in each.
 */
const HOURS_BEFORE = 30,
  USUAL = 10;

const receiver = new Receiver();
const gateway = new Gateway({
  variables: (upstream) => ({
    UPSTREAM: upstream,
    WEBHOOK_URL: `${receiver.origin}/hooks`,
    WEBHOOK_SECRET: SECRET,
  }),
});
const { admin, client } = gateway;
/** Tokens by label; the label names the sign that each one shows. */
const tokens = {};
/** Start of the past hour, in milliseconds. */
let hour;

before(async () => {
  await receiver.start();
  await gateway.start();
  for (const label of ['refused', 'tried', 'spike', 'usual'])
    tokens[label] = await admin.createToken({ label });
  // This one goes first, so that all its requests are in one batch.
  await ask(tokens.usual, USUAL);
  await ask(tokens.refused, 100, REFUSED_SITE);
  await ask(tokens.tried, 99, TRIED_SITE);
  await ask(tokens.spike, 1_000);
  await Promise.all(
    [
      [tokens.refused, 100],
      [tokens.tried, 99],
      [tokens.spike, 1_000],
      [tokens.usual, USUAL],
    ].map(([token, times]) => counted(token, times)),
  );
  await hourPasses();
});
after(async () => {
  await gateway.stop();
  await receiver.stop();
});

async function ask({ token }, times, origin = SITE) {
  const statuses = await Promise.all(
    Array.from(
      { length: times },
      async () => (await client.get('/x', { headers: { Origin: origin, 'X-Api-Key': token } })).status,
    ),
  );
  assert.deepEqual([...new Set(statuses)], [origin === SITE ? 200 : 403]);
}

const counted = ({ id }, times) =>
  eventually(
    `${times} requests of ${id} are counted`,
    async () => (await admin.call('GET', `/tokens/${id}/usage`)).json.totals.requests === times,
    COUNTED_MS,
  );
const serialOf = ({ id }) => Number(id.slice('tok_'.length));

/**
 * Moves all counts into the previous hour. The token "spike" gets the counts of "usual" in each hour before
 * that.
 */
async function hourPasses() {
  await gateway.workerd.kill();
  // Wait if the current hour ends within 20 s: it must not end before the Worker runs again.
  while (Date.now() % HOUR_MS > HOUR_MS - 20_000) await new Promise((resolve) => setTimeout(resolve, 1_000));
  hour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS;
  const storage = join(gateway.workerd.folder, 'storage');
  const shards = readdirSync(storage, { recursive: true })
    .filter((name) => name.includes('Usage') && /[0-9a-f]{64}\.sqlite$/.test(name))
    .map((name) => new DatabaseSync(join(storage, name)));
  const usual = shards.flatMap((shard) =>
    shard
      .prepare('SELECT tally FROM tally WHERE step = ? AND serial = ?')
      .all(MINUTE, serialOf(tokens.usual)),
  );
  assert.equal(usual.length, 1, 'they came in one batch');
  for (const shard of shards) {
    const minutes = shard.prepare('SELECT serial, at FROM tally WHERE step = ? ORDER BY at').all(MINUTE);
    for (const { serial, at } of minutes) {
      shard
        .prepare('UPDATE tally SET at = ? WHERE step = ? AND serial = ? AND at = ?')
        .run(hour / MINUTE_MS + (at % 60), MINUTE, serial, at);
      if (serial !== serialOf(tokens.spike)) continue;
      for (let back = 1; back <= HOURS_BEFORE; back += 1) {
        shard
          .prepare('INSERT OR REPLACE INTO tally (step, serial, at, tally) VALUES (?, ?, ?, ?)')
          .run(HOUR, serial, hour / HOUR_MS - back, usual[0].tally);
      }
      shard
        .prepare('UPDATE token SET first_at = ? WHERE serial = ?')
        .run(hour - HOURS_BEFORE * HOUR_MS, serial);
    }
    shard.prepare('UPDATE shard SET swept_at = ?').run(hour);
    shard.close();
  }
  await gateway.workerd.start();
  // A call wakes each shard, which then does the work that is due.
  for (const token of Object.values(tokens)) await admin.call('GET', `/tokens/${token.id}/usage`);
}

/** What is reported about the token: its notice in the API, and the webhook, whose signature is verified. */
async function told(type, { id }) {
  const isIt = ({ type: of, data }) => of === type && data.tokens.some((token) => token.id === id);
  const webhook = await eventually(
    `the webhook ${type} about ${id}`,
    () => receiver.received.find(({ body }) => isIt(JSON.parse(body))),
    60_000,
  );
  const sent = new Webhook(SECRET).verify(webhook.body, webhook.headers);
  const { items } = (await admin.call('GET', '/notices')).json;
  assert.deepEqual(
    items.filter(isIt).map(({ data }) => data),
    [sent.data],
    'told once, and read as it was sent',
  );
  return sent.data.tokens.find((token) => token.id === id);
}
const instant = (ms) => new Date(ms).toISOString().replace('.000', '');

describe('when an hour is over', () => {
  it('a site that was refused 100 times on a day is told of, and one that tried 99 times is not', async () => {
    const { day, origins, label } = await told('token.refused_origins', tokens.refused);
    assert.deepEqual(
      [day, origins, label],
      [instant(Math.floor(hour / DAY_MS) * DAY_MS), [REFUSED_SITE], 'refused'],
    );
    assert.deepEqual(receiver.about(tokens.tried.id), []);
  });

  it('a thousand requests where ten were usual are told of', async () => {
    const { hour: of, requests, median } = await told('token.usage_spike', tokens.spike);
    assert.deepEqual([of, requests, median], [instant(hour), 1_000, USUAL]);
    assert.deepEqual(receiver.about(tokens.usual.id), []);
  });

  it('the metrics count both', async () => {
    const { text } = await admin.call('GET', '/metrics');
    const { metrics } = parseMetrics(text).find(({ name }) => name === 'wayleave_notices_total');
    const made = Object.fromEntries(metrics.map(({ value, labels }) => [labels.kind, Number(value)]));
    assert.deepEqual([made.refused_origins, made.usage_spike, made.expiring], [1, 1, 0]);
  });
});
