// Rate classes in the console: chosen for a new token, shown, edited, and one that a deployment has removed.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertAccessible } from './harness/axe.mjs';
import { Console, goTo } from './harness/console.mjs';

const CLASSES = {
  page: { requests: 300, per_seconds: 60 },
  crowd: { requests: 1000, per_seconds: 10, token_requests: 20000 },
};
const withClasses = (classes) => (upstream) => ({
  UPSTREAM: upstream,
  RATES: classes === null ? null : JSON.stringify(classes),
});
const site = new Console({ variables: withClasses(CLASSES) });
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });

describe('rate classes', () => {
  let id;
  it('one is chosen for a new token, and shown with it and in the settings', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await page.getByLabel('Label').fill('Limited');
    await page.getByLabel('Sites that may use it').fill('https://shop.example');
    const rate = page.getByRole('combobox', { name: 'Rate' });
    assert.deepEqual(await rate.locator('option').allInnerTexts(), [
      'No limit',
      'crowd: 1,000 requests in 10 s from one address, 20,000 in all',
      'page: 300 requests in 60 s from one address',
    ]);
    await rate.selectOption('page');
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“Limited” is ready').waitFor();
    ({ id } = (await admin.call('GET', '/tokens')).json.items[0]);
    assert.equal((await admin.token(id)).rate, 'page');
    await page.getByRole('link', { name: 'Open its page' }).click();
    await heading(page, 'Limited').waitFor();
    await page.getByRole('region', { name: 'Settings' }).getByText('class page').waitFor();
    await goTo(page, '#/settings', 'Settings');
    const row = page.getByRole('row').filter({ hasText: 'crowd' });
    await row.getByText('by each isolate').waitFor();
    await assertAccessible(page, 'settings with rate classes');
    assert.deepEqual(page.troubles, []);
  });

  it('it is edited like any setting', async () => {
    const page = await site.signedIn({ at: `#/edit/${id}` });
    const rate = page.getByRole('combobox', { name: 'Rate' });
    assert.equal(await rate.inputValue(), 'page');
    await rate.selectOption('No limit');
    await page.getByRole('button', { name: 'Save' }).click();
    await heading(page, 'Limited').waitFor();
    assert.equal((await admin.token(id)).rate, null);
    await admin.edit(id, { rate: 'crowd' });
  });

  it('one that was dropped is said in the banner, kept by other edits, and refused for a new token next to its field', async () => {
    site.gateway.variables = withClasses({ page: CLASSES.page });
    await site.gateway.restart();
    site.origin = `http://localhost:${site.gateway.workerd.ports.gateway}`;
    site.gateway.client.host = new URL(site.origin).host;
    const page = await site.signedIn();
    await page
      .getByRole('region', { name: 'Needs attention' })
      .getByText('rate class that is no longer configured')
      .waitFor();
    await goTo(page, `#/edit/${id}`, 'Edit “Limited”');
    await page.getByLabel('Owner').fill('ana');
    await page.getByRole('button', { name: 'Save' }).click();
    await heading(page, 'Limited').waitFor();
    const { owner, rate } = await admin.token(id);
    assert.deepEqual([owner, rate], ['ana', 'crowd']);
    await goTo(page, `#/new?clone=${id}`, 'New token like “Limited”');
    await page.getByLabel('Label').fill('Another');
    const field = page.getByRole('combobox', { name: 'Rate' });
    assert.match(await field.locator('option:checked').innerText(), /crowd: no longer configured/);
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByText('a rate class that is configured').waitFor();
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    await field.selectOption('page');
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“Another” is ready').waitFor();
  });

  it('where there is none, the field says how to set one up', async () => {
    site.gateway.variables = withClasses(null);
    await site.gateway.restart();
    site.origin = `http://localhost:${site.gateway.workerd.ports.gateway}`;
    site.gateway.client.host = new URL(site.origin).host;
    const page = await site.signedIn({ at: '#/new' });
    await page.getByText('No rate class is configured').waitFor();
    await goTo(page, '#/settings', 'Settings');
    await page.getByText('None: tokens are not limited.').waitFor();
  });
});
