// The console shows what needs attention: every kind of notice, webhooks that the receiver refuses, and a
// bound that is missed or not guaranteed.
//
// Some notices take days to arise; tests/registry/notice_kinds.rs tests that. Here they are written into the
// registry's storage as pending.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Receiver, status } from '../workerd/harness/receiver.mjs';
import { assertAccessible } from './harness/axe.mjs';
import { ADMIN_KEY, Console, goTo, PATH, signIn } from './harness/console.mjs';
import { answerWith } from './harness/network.mjs';

const receiver = new Receiver();
const site = new Console({
  variables: (upstream) => ({
    UPSTREAM: upstream,
    ON_UNKNOWN: 'admit',
    WEBHOOK_URL: `${receiver.origin}/hooks`,
    WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 5).toString('base64')}`,
  }),
});

before(async () => {
  await receiver.start();
  receiver.script(status(500));
  await site.start();
});
after(async () => {
  await site.stop();
  await receiver.stop();
});

/** Changes the registry's storage while workerd is stopped. */
async function change(act) {
  const { workerd } = site.gateway;
  const ports = { ...workerd.ports };
  await workerd.kill();
  const storage = join(workerd.folder, 'storage');
  const [file] = readdirSync(storage, { recursive: true }).filter(
    (name) => name.includes('Registry') && /[0-9a-f]{64}\.sqlite$/.test(name),
  );
  const database = new DatabaseSync(join(storage, file));
  act(database);
  database.close();
  await workerd.start(ports);
}

const serialOf = ({ id }) => Number(id.slice('tok_'.length));
/** Every kind of notice, in the words of the notices page. */
const WORDS = {
  expiring: 'will expire without a successor within 7 days',
  predecessor_still_used: 'about to end, and still in use',
  rotation_held: 'due to end, but kept because the successor is not in use',
  first_use: 'used for the first time',
  rotated: 'rotated',
  revoked: 'revoked',
  unused: 'not used for 90 days',
  usage_spike: 'used far more than usual',
  quota_near: 'close to the end of its quota',
  quota_exceeded: 'refused until its quota’s next period',
  refused_origins: 'refused from sites that are not on its list',
};
const TWO_DAYS_MS = 2 * 86_400_000;

it('every kind of notice is on its page and sent, and what asks for something to be done is in the banner', async () => {
  const { admin } = site;
  const ferry = await admin.createToken({ label: 'Ferry times' });
  await change((database) => {
    const owe = database.prepare(
      'INSERT INTO notice_owed (kind, within_days, serial, at) VALUES (?, ?, ?, ?)',
    );
    for (const kind of Object.keys(WORDS))
      owe.run(kind, kind === 'expiring' ? 7 : 0, serialOf(ferry), Date.now());
    // An old notice is not shown as news.
    const at = Date.now() - TWO_DAYS_MS;
    const body = JSON.stringify({
      type: 'token.refused_origins',
      timestamp: new Date(at).toISOString(),
      data: { tokens: [{ id: ferry.id, label: 'Long ago' }] },
    });
    database
      .prepare("INSERT INTO notice (epoch, kind, at, bytes, body) VALUES (1, 'refused_origins', ?, ?, ?)")
      .run(at, body.length, body);
  });
  const types = () => new Set(receiver.received.map(({ body }) => JSON.parse(body).type));
  await eventually(
    'every kind is sent',
    async () => {
      await admin.status();
      return types().size === Object.keys(WORDS).length;
    },
    60_000,
  );
  assert.deepEqual(
    [...types()].sort(),
    Object.keys(WORDS)
      .map((kind) => `token.${kind}`)
      .sort(),
  );
  await eventually('the failure is noted', async () => (await admin.status()).webhook.failures > 0);

  const page = await site.signedIn();
  const banner = page.getByRole('region', { name: 'Needs attention' });
  await banner.waitFor();
  const said = (await banner.getByRole('listitem').allInnerTexts()).map((text) =>
    text.replace(/ (Look|Make an owner’s key)$/, ''),
  );
  assert.deepEqual(said, [
    'ON_UNKNOWN is admit: a location without a current list admits tokens that may be revoked, so no ' +
      'revocation is guaranteed.',
    'You are signed in with the key of ADMIN_KEY. It never ends, and the audit log cannot tell who used ' +
      'it.',
    '1 token due to end, but kept because the successor is not in use.',
    '1 token about to end and still in use.',
    '1 token refused until its quota’s next period.',
    '1 token refused increasingly from sites that are not listed.',
  ]);
  await banner.getByRole('link', { name: 'Look' }).last().click();
  await page.getByRole('heading', { level: 1, name: 'Notices', exact: true }).waitFor();
  const shown = (await page.locator('.events > li').allInnerTexts()).map((text) => text.split('\n')[0]);
  for (const words of Object.values(WORDS)) {
    assert.ok(
      shown.some((line) => line.startsWith(`1 token ${words}`)),
      `${words} is not in\n${shown.join('\n')}`,
    );
  }
  await page
    .getByText(/Webhook tried \d+ times?: refused/)
    .first()
    .waitFor();
  await assertAccessible(page, 'every kind of notice');

  await goTo(page, '#/revocation', 'Revocation');
  const webhooks = page.locator('section', { has: page.getByRole('heading', { name: 'Webhooks' }) });
  const told = await webhooks.innerText();
  assert.match(told, /Last failure\s+.+refused/, told);
  assert.match(told, /Pending\s+\d+, the oldest/, told);
  await assertAccessible(page, 'a webhook that failed');
  assert.deepEqual(page.troubles, []);
});

it('that no location reports although requests are counted is in the banner and among the notices', async () => {
  const status = await site.admin.status();
  const page = await site.page();
  await answerWith(page, '/status', { json: { ...status, warnings: ['reports_missing'] } });
  const since = '2026-11-22T02:00:00.000Z';
  const notice = {
    id: 'ntc_1_99',
    type: 'deployment.reports_missing',
    timestamp: since,
    data: { since, tokens: [] },
    delivery: null,
  };
  await answerWith(page, '/notices?*', { json: { items: [notice], next_cursor: null } });
  await page.goto(site.origin + PATH);
  await signIn(page, ADMIN_KEY);
  const banner = page.getByRole('region', { name: 'Needs attention' });
  await banner.getByText('Requests are counted, but for three minutes no location').waitFor();
  await goTo(page, '#/notices', 'Notices');
  const shown = await page.locator('.events > li').first().innerText();
  assert.match(shown, /^Requests were counted, but no location reported since /);
  assert.doesNotMatch(shown, /0 tokens/);
});

it('changes that take longer to arrive than the bound are in the banner', async () => {
  const status = await site.admin.status();
  const page = await site.page();
  await answerWith(page, '/status', {
    json: { ...status, propagation: { ...status.propagation, p99_ms: status.bound.seconds * 1_000 + 1 } },
  });
  await page.goto(site.origin + PATH);
  await signIn(page, ADMIN_KEY);
  await page
    .getByRole('region', { name: 'Needs attention' })
    .getByText('Changes take longer to arrive than the bound of 60 s')
    .waitFor();
});

it('the usual, the measured and the guaranteed time of a change stand apart', async () => {
  const status = await site.admin.status();
  const page = await site.page();
  const propagation = { ...status.propagation, samples: 12, p50_ms: 230, p99_ms: 1_900, max_ms: 2_100 };
  const bound = { ...status.bound, guaranteed: true };
  await answerWith(page, '/status', { json: { ...status, bound, propagation } });
  await page.goto(site.origin + PATH);
  await signIn(page, ADMIN_KEY);
  await goTo(page, '#/revocation', 'Revocation');
  const section = page.locator('section', {
    has: page.getByRole('heading', { name: 'How long a change takes' }),
  });
  const numbers = section.locator('dl').first();
  assert.match(
    await numbers.innerText(),
    /Usual\s+under 1 s.*\s+Measured here\s+0\.23 s.*99 of 100 within 1\.9 s.*\s+Guaranteed\s+60 s/s,
  );
  assert.deepEqual(page.troubles, []);
});

it('requests that show no address are in the banner, and where', async () => {
  const status = await site.admin.status();
  const page = await site.page();
  const rate_classes = { ...status.rate_classes, without_addresses: ['FRA'] };
  await answerWith(page, '/status', {
    json: { ...status, rate_classes, warnings: ['client_address_missing'] },
  });
  await page.goto(site.origin + PATH);
  await signIn(page, ADMIN_KEY);
  await page
    .getByRole('region', { name: 'Needs attention' })
    .getByText('do not have the header that CLIENT_IP_HEADER names')
    .waitFor();
  await goTo(page, '#/revocation', 'Revocation');
  const registry = page.locator('section', { has: page.getByRole('heading', { name: 'Registry' }) });
  assert.match(await registry.innerText(), /No caller address at\s+FRA/);
  assert.deepEqual(page.troubles, []);
});

it('under ON_UNKNOWN = admit nothing is promised anywhere', async () => {
  const token = await site.admin.createToken({ label: 'Unpromised' });
  const page = await site.signedIn({ at: `#/token/${token.id}` });
  await page.getByRole('button', { name: 'Revoke …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog
    .getByText('within about 60 s of the acknowledgement; not guaranteed, because ON_UNKNOWN is admit')
    .waitFor();
  await page.keyboard.press('Escape');
  await goTo(page, '#/revocation', 'Revocation');
  await page.getByText('but nothing is guaranteed.').waitFor();
  await page.getByRole('region', { name: 'Needs attention' }).getByText('ON_UNKNOWN is admit').waitFor();
  assert.equal(await page.getByText('is refused everywhere within').count(), 0);
  await goTo(page, '#/settings', 'Settings');
  await page.getByText('admit: not guaranteed').waitFor();
});
