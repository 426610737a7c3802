// The tasks of somebody who sees the console for the first time, each with the time that it takes. Only that
// each is reached is asserted.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Console, goTo } from './harness/console.mjs';

const SITE = 'https://shop.example';
const TOKENS = 60;

const site = new Console();
const { admin } = site;
let page;
before(async () => {
  await site.start();
  for (let at = 0; at < TOKENS; at += 1)
    await admin.createToken({
      label: `Customer ${at}`,
      owner: `team-${at % 5}@town.example`,
      origins: [`https://customer-${at}.example`],
    });
  page = await site.signedIn();
});
after(async () => {
  const width = Math.max(...times.map(([task]) => task.length));
  for (const [task, ms] of times) console.log(`${task.padEnd(width)}  ${Math.round(ms)} ms`);
  await site.stop();
});

/** @type {[string, number][]} */
const times = [];
const task = (name, steps) =>
  it(name, async () => {
    const from = performance.now();
    await steps();
    times.push([name, performance.now() - from]);
    assert.deepEqual(page.troubles, []);
  });

const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true });
const dialog = () => page.getByRole('dialog');
let made, first;

task('create a token for my shop', async () => {
  await page.getByRole('link', { name: 'New token' }).click();
  await page.getByLabel('Label').fill('My shop');
  await page.getByLabel('Sites that may use it').fill(SITE);
  await page.getByRole('button', { name: 'Create token' }).click();
  const text = page.getByRole('textbox', { name: 'The token' }).first();
  await text.waitFor();
  made = await text.innerText();
  assert.match(made, /^wlp_[\w-]{36}$/);
});

task('find it by what I copied from a page’s source', async () => {
  await goTo(page, '#/tokens', 'Tokens');
  await page.getByRole('searchbox', { name: 'Search' }).fill(`https://api.example/tiles?token=${made}`);
  await heading('My shop').waitFor();
  first = page.url().split('/').at(-1);
});

task('rotate it', async () => {
  await page.getByRole('button', { name: 'Rotate …' }).click();
  await dialog().getByRole('button', { name: 'Rotate', exact: true }).click();
  await dialog().getByRole('button', { name: 'Done' }).click();
  await page.getByText('Current', { exact: true }).first().waitFor();
});

task('watch who still uses the old one', async () => {
  const call = () =>
    site.gateway.client.get('/v1/x', { headers: { Authorization: `Bearer ${made}`, Origin: SITE } });
  assert.equal((await call()).status, 200);
  await eventually(
    'the use is counted',
    async () => (await admin.call('GET', `/tokens/${first}/usage`)).json.totals.admitted > 0,
    75_000,
  );
  await page.getByRole('region', { name: 'Settings' }).getByRole('link', { name: /^fam_/ }).click();
  await page.getByRole('heading', { name: 'Old and new' }).waitFor();
  await page.getByText('1 admitted').first().waitFor();
});

task('revoke the old one', async () => {
  await goTo(page, `#/token/${first}`, 'My shop');
  await page.getByRole('button', { name: 'Revoke …' }).click();
  await dialog().getByText('Still used by shop.example').waitFor();
  await dialog().getByLabel('Reason').fill('replaced');
  await dialog().getByLabel('Type the label').fill('My shop');
  await dialog().getByRole('button', { name: 'Revoke', exact: true }).click();
  await page.getByRole('region', { name: 'When it takes effect' }).waitFor();
  assert.equal((await admin.token(first)).state, 'revoked');
});

task('disable all that a team has', async () => {
  await goTo(page, '#/tokens?owner=team-3@town.example', 'Tokens');
  await page.getByText('12 tokens', { exact: true }).waitFor();
  await page.getByRole('checkbox', { name: 'Select every token of this page' }).check();
  await page.getByRole('button', { name: 'Disable …' }).click();
  await dialog().getByText('12 tokens, 0 protected, 0 used in the last 24 hours').waitFor();
  await dialog().getByRole('button', { name: 'Disable 12 tokens' }).click();
  await dialog().getByText('12 tokens disabled.').waitFor();
  await dialog().getByRole('button', { name: 'Close' }).click();
  const { total } = (await admin.call('GET', '/tokens?owner=team-3%40town.example&state=disabled&total=true'))
    .json;
  assert.equal(total.count, 12);
});

task('find out why a page gets 403, and allow its site', async () => {
  const { token, id } = await admin.createToken({ label: 'The map', origins: [SITE] });
  const elsewhere = 'https://new-shop.example';
  const call = () =>
    site.gateway.client.get('/v1/tiles/3', {
      headers: { Authorization: `Bearer ${token}`, Origin: elsewhere },
    });
  assert.equal((await call()).status, 403);
  await eventually(
    'the refusal is in the tail',
    async () => (await admin.call('GET', `/refusals?token=${id}`)).json.items.length > 0,
    75_000,
  );
  await goTo(page, '#/home', 'Home');
  await page.getByRole('link', { name: 'Refusals', exact: true }).click();
  await page.getByLabel('Site').fill('new-shop.example');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.waitForURL(/site=/);
  const row = page.getByRole('row').filter({ hasText: 'Site not on its list' });
  await row.getByRole('link', { name: /Allow this site/ }).click();
  await heading('Edit “The map”').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await eventually('the site is admitted', async () => (await call()).status === 200, 75_000);
});

task('stop the whole family', async () => {
  await goTo(page, `#/token/${first}`, 'My shop');
  await page.getByRole('region', { name: 'Settings' }).getByRole('link', { name: /^fam_/ }).click();
  await page.getByRole('button', { name: 'Revoke the family …' }).click();
  await dialog().getByRole('button', { name: 'Revoke the family', exact: true }).click();
  await eventually('nothing of it is active', async () => {
    const { family } = await admin.token(first);
    return (await admin.call('GET', `/families/${family}`)).json.active.length === 0;
  });
});
