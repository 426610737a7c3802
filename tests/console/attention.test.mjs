// What needs attention is said: sites refused more and more, ends without a successor, webhooks that nobody takes.
//
// Refused sites are looked for once an hour; here the registry owes the notice of it from the start, as after such an hour.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, it } from 'node:test';
import { Receiver, status } from '../workerd/harness/receiver.mjs';
import { assertAccessible } from './harness/axe.mjs';
import { Console, goTo } from './harness/console.mjs';

const receiver = new Receiver();
const site = new Console({
  variables: (upstream) => ({
    UPSTREAM: upstream,
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

/** The registry owes a notice of this kind about the token. */
async function owe(kind, serial) {
  const { workerd } = site.gateway;
  const ports = { ...workerd.ports };
  await workerd.kill();
  const storage = join(workerd.folder, 'storage');
  const [file] = readdirSync(storage, { recursive: true }).filter((name) => name.includes('Registry') && /[0-9a-f]{64}\.sqlite$/.test(name));
  const database = new DatabaseSync(join(storage, file));
  database.prepare('INSERT INTO notice_owed (kind, within_days, serial, at) VALUES (?, 0, ?, ?)').run(kind, serial, Date.now());
  database.close();
  await workerd.start(ports);
}

it('sites that are refused more and more, in the banner; a webhook that failed, with why and how often', async () => {
  const { id } = await site.admin.createToken({ label: 'Ferry times' });
  await owe('refused_origins', Number(id.slice(4)));
  await site.admin.status();
  const deadline = Date.now() + 60_000;
  while ((await site.admin.status()).webhook.failures === 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const page = await site.signedIn();
  const banner = page.getByRole('region', { name: 'Needs attention' });
  await banner.getByText('1 token refused more and more from sites that are not listed').waitFor();
  await banner.getByRole('link', { name: 'Look' }).last().click();
  await page.getByRole('heading', { level: 1, name: 'Notices' }).waitFor();
  await page.getByText('refused from sites that are not on its list').first().waitFor();

  await goTo(page, '#/revocation', 'Revocation');
  const webhooks = page.locator('section', { has: page.getByRole('heading', { name: 'Webhooks' }) });
  const shown = await webhooks.innerText();
  assert.match(shown, /Last failure\s+.+refused/, shown);
  assert.match(shown, /Still to be taken\s+1/, shown);
  await assertAccessible(page, 'a webhook that failed');
  assert.deepEqual(page.troubles, []);
});
