// With 100,000 tokens, pages, search and filters stay as fast as with ten. The test prints the times and
// asserts none of them, because machines differ.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fill } from '../workerd/harness/filled_registry.mjs';
import { Console, goTo } from './harness/console.mjs';

const COUNT = 100_000;
const site = new Console();
before(async () => {
  await site.start();
  await fill(site.gateway, COUNT);
});
after(() => site.stop());

describe(`${COUNT.toLocaleString('en')} tokens`, () => {
  let page;
  const rows = () => page.locator('tbody tr');
  const row = (label) =>
    page.getByRole('row').filter({ has: page.getByRole('link', { name: label, exact: true }) });
  async function timed(what, act) {
    const began = performance.now();
    await act();
    console.log(`${what}: ${Math.round(performance.now() - began)} ms`);
  }

  it('page by page, forwards, back and to the end', async () => {
    page = await site.page();
    await page.goto(`${site.origin}/_wayleave/console/#/tokens`);
    await page.getByLabel('Admin key').fill('an-admin-key-for-tests-0123456789abcdef');
    await timed('sign in and first page', async () => {
      await page.getByRole('button', { name: 'Sign in' }).click();
      await row(`Site ${COUNT}`).waitFor();
    });
    assert.equal(await rows().count(), 50);
    for (let number = 2; number <= 6; number += 1) {
      await timed(`page ${number}`, async () => {
        await page.getByRole('link', { name: 'Next' }).click();
        await row(`Site ${COUNT - 50 * (number - 1)}`).waitFor();
      });
      await page.getByText(`Page ${number}, newest first`).waitFor();
    }
    await page.getByRole('link', { name: 'Previous' }).click();
    await row(`Site ${COUNT - 200}`).waitFor();
    await page.goBack();
    await row(`Site ${COUNT - 250}`).waitFor();
    await page.getByRole('link', { name: 'First' }).click();
    await row(`Site ${COUNT}`).waitFor();
    assert.ok(
      (await page.evaluate(() => document.querySelectorAll('*').length)) < 3000,
      'the page is no larger than its rows',
    );
  });

  it('search and filters over all of them', async () => {
    const search = page.getByRole('searchbox');
    await timed('search by label, over every row', async () => {
      await search.fill('Site 17 of the first');
      await row('Site 17 of the first').waitFor();
    });
    assert.equal(await rows().count(), 1);
    await timed('search by id', async () => {
      await search.fill('tok_4242');
      await row('Site 4242').waitFor();
    });
    await search.fill('');
    await timed('filter by state', async () => {
      await page.getByLabel('State', { exact: true }).selectOption('Disabled');
      await row('Site 99990').waitFor();
    });
    await page.getByLabel('State', { exact: true }).selectOption('Any');
    await timed('filter by end', async () => {
      await page.getByLabel('Expires').selectOption('Within 7 days');
      await row('Site 99975').waitFor();
    });
    await timed('one token', () => goTo(page, '#/token/tok_500', 'Site 500'));
    await timed('revocation', () => goTo(page, '#/revocation', 'Revocation'));
    assert.deepEqual(page.troubles, []);
  });
});
