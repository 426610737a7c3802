// The list of tokens with many of them: dense lines, orders, filters, views, CSV, and actions on many tokens.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { HEAD, line } from '../../www/rare/token_csv.js';
import { assertAccessible } from './harness/axe.mjs';
import { Console, goTo } from './harness/console.mjs';

const MANY = 64;
const site = new Console({
  variables: (upstream) => ({
    UPSTREAM: upstream,
    RATES: JSON.stringify({ page: { requests: 300, per_seconds: 60 } }),
  }),
});
const { admin } = site;
/** @type {Record<string, { id: string }>} */
const made = {};
before(async () => {
  await site.start();
  for (let number = 1; number <= MANY; number += 1) {
    const label = `Customer ${String(number).padStart(2, '0')}`;
    made[label] = await admin.createToken({
      label,
      owner: number % 2 === 0 ? 'ann@example.com' : 'Bob',
      origins: [`https://a-rather-long-name-of-a-shop-${number}.customers.example`, '*.second.example'],
      expires_in: 86_400 * (10 + ((number * 7) % 60)),
    });
  }
  made.wide = await admin.createToken({ label: 'Wide', origins: 'any', rate: 'page' });
  made.kept = await admin.createToken({ label: 'Kept', owner: 'ann@example.com', protected: true });
});
after(() => site.stop());

const rows = (page) => page.locator('tbody tr');
const labels = (page) => page.locator('tbody td.first').allInnerTexts();
const row = (page, label) =>
  page.getByRole('row').filter({ has: page.getByRole('link', { name: label, exact: true }) });
const bar = (page) => page.getByRole('region', { name: 'Selected tokens' });
const chips = (page) => page.getByRole('group', { name: 'Filters that hold' });
const listed = (page, count) =>
  page.waitForFunction((count) => document.querySelectorAll('tbody tr').length === count, count);

describe('the dense list', () => {
  it('shows fifteen tokens and more on a screen, one line of some 40 px each', async () => {
    const page = await site.signedIn({ width: 1440, height: 900 });
    const heights = await rows(page).evaluateAll((all) => all.map((row) => row.getBoundingClientRect()));
    assert.ok(
      heights.every(({ height }) => height <= 44),
      JSON.stringify(heights[0]),
    );
    const seen = heights.filter(({ bottom }) => bottom <= 900).length;
    assert.ok(seen >= 15, `${seen} rows in sight`);
    const cut = row(page, `Customer ${MANY}`).locator('.sites');
    assert.match(await cut.getAttribute('title'), /a-rather-long-name-of-a-shop-64\.customers\.example\n/);
    assert.match(await cut.innerText(), /\+1/);
    await assertAccessible(page, 'the dense list');
    assert.deepEqual(page.troubles, []);
  });

  it('says how many tokens match', async () => {
    const page = await site.signedIn();
    await page.getByText(`newest first, of ${MANY + 2} tokens`).waitFor();
    await page.getByRole('searchbox').fill('Wide');
    await page.getByRole('navigation', { name: 'Pages' }).getByText('1 token').waitFor();
  });

  it('sorts by its headers, with the keyboard, and keeps the order in the address', async () => {
    const page = await site.signedIn({ width: 1440 });
    const head = (name) => page.getByRole('columnheader', { name, exact: true });
    assert.equal(await head('Created').getAttribute('aria-sort'), 'descending');
    await head('Token').getByRole('button').focus();
    await page.keyboard.press('Enter');
    await page.getByText('by label, of').waitFor();
    assert.deepEqual((await labels(page)).slice(0, 2), ['Customer 01', 'Customer 02']);
    assert.equal(await head('Token').getAttribute('aria-sort'), 'ascending');
    assert.equal(await page.evaluate(() => document.activeElement.dataset.sort), 'label');
    await page.keyboard.press('Enter');
    await page.getByText('by label, from the end, of').waitFor();
    assert.match(page.url(), /sort=-label/);
    assert.deepEqual((await labels(page)).slice(0, 2), ['Wide', 'Kept']);
    await page.getByRole('link', { name: 'Next' }).click();
    await page.getByText('Page 2, by label, from the end').waitFor();
    assert.equal((await labels(page)).at(-1), 'Customer 01');
    await page.reload();
    await row(page, 'Customer 01').waitFor();
  });

  it('shows a chip for every filter that holds, whatever set it, and removes each', async () => {
    const page = await site.signedIn({ at: '#/tokens?owner=Bob&key_id=1&has_successor=false&q=customer' });
    await listed(page, 32);
    const names = ['Search: customer', 'Owner: Bob', 'Signing key: 1', 'Without a successor'];
    for (const name of names)
      await chips(page)
        .getByRole('button', { name: `${name}: remove` })
        .waitFor();
    await assertAccessible(page, 'filters');
    await chips(page).getByRole('button', { name: 'Owner: Bob: remove' }).click();
    await listed(page, 50);
    assert.equal(await page.getByLabel('Owner, exactly').inputValue(), '');
    await chips(page).getByRole('button', { name: 'Remove all filters' }).click();
    await page.waitForURL(/#\/tokens$/);
    assert.equal(await chips(page).isVisible(), false);
  });

  it('filters by site, owner, audience, rate class, signing key and warning', async () => {
    const page = await site.signedIn();
    await page.getByText('More filters').click();
    const choose = async (label, value, count, word) => {
      const control = page.getByLabel(label);
      if ((await control.evaluate((element) => element.tagName)) === 'SELECT')
        await control.selectOption(value);
      else {
        await control.fill(value);
        await control.press('Enter');
      }
      await listed(page, count);
      await chips(page).getByRole('button', { name: word }).click();
      await listed(page, 50);
    };
    await choose('Site', 'www.second.example', 50, 'Site: https://www.second.example');
    await choose('Site', 'a-rather-long-name-of-a-shop-7.customers.example', 2, 'Site: https://a-rather');
    await choose('Owner, exactly', 'Bob', 32, 'Owner: Bob');
    await choose('Rate class', 'page', 1, 'Rate class: page');
    await choose('Warning', 'origin_any', 1, 'Warning: Every site');
    await choose('Signing key', '1', 50, 'Signing key: 1');
    await page.getByLabel('Signing key').fill('9');
    await page.getByLabel('Signing key').press('Enter');
    await page.getByRole('heading', { name: 'No token matches' }).waitFor();
    assert.deepEqual(page.troubles, []);
  });

  it('keeps views under a name', async () => {
    const page = await site.signedIn({ at: '#/tokens?owner=Bob&sort=ends' });
    await page.getByRole('button', { name: 'Views …' }).click();
    await page.getByLabel('Name').fill('Bob’s next ends');
    await page.getByRole('button', { name: 'Save the current view' }).click();
    await page.getByText('The view “Bob’s next ends” is saved.').waitFor();
    await page.goto(`${page.url().split('#')[0]}#/tokens`);
    await listed(page, 50);
    await page.getByRole('button', { name: 'Views …' }).click();
    const views = page.getByRole('list', { name: 'Saved views' });
    await views.getByText('Owner: Bob, by end').waitFor();
    await assertAccessible(page, 'views');
    await views.getByRole('link', { name: 'Bob’s next ends' }).click();
    await listed(page, 32);
    assert.match(page.url(), /owner=Bob&sort=ends/);
    await page.getByRole('button', { name: 'Views …' }).click();
    await page.getByRole('button', { name: 'Delete the view' }).click();
    await views.getByText('None yet.').waitFor();
  });

  it('exports every page of what is filtered as CSV', async () => {
    const page = await site.signedIn({ at: '#/tokens?q=customer&sort=label' });
    await listed(page, 50);
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export CSV …' }).click(),
    ]);
    await page.getByText(`${MANY} tokens in the file.`).waitFor();
    const text = await readFile(await file.path(), 'utf8');
    const rows = text.split('\r\n');
    assert.equal(`${rows[0]}\r\n`, HEAD);
    assert.equal(rows.length, MANY + 2);
    assert.match(rows[1], /^tok_\d+,Customer 01,wlp_/);
    assert.equal(file.suggestedFilename(), 'wayleave-tokens.csv');
  });

  it('writes no cell that a spreadsheet would carry out', () => {
    assert.equal(line(['a', null, undefined, 7, true]), 'a,,,7,true\r\n');
    assert.equal(line(['a,b', 'say "a"', 'a\nb']), '"a,b","say ""a""","a\nb"\r\n');
    for (const formula of ['=1+1', '+1', '-1', '@a', '\t=1', ' =1'])
      assert.equal(line([formula]), `"'${formula}"\r\n`);
    assert.equal(line(['a=1', 'a-b']), 'a=1,a-b\r\n');
  });

  it('is a list of cards on a phone', async () => {
    const page = await site.signedIn({ width: 390, height: 844 });
    await row(page, 'Kept').waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no scrolling');
    await row(page, 'Kept').getByRole('checkbox').check();
    await bar(page).getByText('1 selected').waitFor();
    await assertAccessible(page, 'on a phone');
  });
});

describe('many tokens at once', () => {
  it('are chosen one by one or by page, and counted', async () => {
    const page = await site.signedIn();
    assert.equal(await bar(page).isVisible(), false);
    await row(page, 'Kept').getByRole('checkbox').check();
    await row(page, 'Wide').getByRole('checkbox').check();
    await bar(page).getByText('2 selected').waitFor();
    const all = page.getByRole('checkbox', { name: 'Select every token of this page' });
    assert.equal(await all.evaluate((box) => box.indeterminate), true);
    await all.check();
    await bar(page).getByText('50 selected').waitFor();
    await bar(page).getByText('filter the list first').waitFor();
    // Elsewhere the bar lies over a row, which can be scrolled from under it.
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await assertAccessible(page, 'selected');
    await bar(page).getByRole('button', { name: 'Select none' }).click();
    assert.equal(await bar(page).isVisible(), false);
    assert.equal(await all.isChecked(), false);
  });

  it('are disabled after a dry run that says what it would leave out, and enabled again', async () => {
    const page = await site.signedIn();
    for (const label of ['Kept', 'Wide']) await row(page, label).getByRole('checkbox').check();
    await bar(page).getByRole('button', { name: 'Disable …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Disable many tokens' });
    await dialog.getByText('2 tokens, 1 protected, 0 used in the last 24 hours').waitFor();
    await dialog.getByText('1 token would be left out:').waitFor();
    await dialog.getByText('protected; an owner can clear the protection').waitFor();
    await assertAccessible(page, 'a dry run');
    assert.equal((await admin.token(made.wide.id)).state, 'active', 'a dry run');
    await dialog.getByRole('button', { name: 'Disable 2 tokens' }).click();
    await dialog.getByText('1 token disabled.').waitFor();
    await dialog.getByText('It holds everywhere by').waitFor();
    await assertAccessible(page, 'a result');
    await dialog.getByRole('button', { name: 'Close' }).click();
    await row(page, 'Wide').getByText('Disabled').waitFor();
    assert.equal((await admin.token(made.kept.id)).state, 'active');
    await row(page, 'Wide').getByRole('checkbox').check();
    await bar(page).getByRole('button', { name: 'Enable …' }).click();
    await page.getByRole('button', { name: 'Enable 1 token' }).click();
    await page.getByText('1 token enabled.').waitFor();
    assert.equal((await admin.token(made.wide.id)).state, 'active');
    assert.deepEqual(page.troubles, []);
  });

  it('get another owner by a filter, over all pages', async () => {
    const page = await site.signedIn({ at: '#/tokens?q=customer' });
    await page.getByRole('checkbox', { name: 'Select every token of this page' }).check();
    await bar(page)
      .getByRole('button', { name: `Select all ${MANY} that match` })
      .click();
    await bar(page).getByText(`All ${MANY} that match`).waitFor();
    await bar(page).getByRole('button', { name: 'Change owner …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Change owner many tokens' });
    await dialog.getByText(`${MANY} tokens, 0 protected`).waitFor();
    await dialog.getByLabel('New owner').fill('Cleo');
    await dialog.getByRole('button', { name: `Change owner ${MANY} tokens` }).click();
    await dialog.getByText(`${MANY} tokens changed.`).waitFor();
    const { total } = (await admin.call('GET', '/tokens?owner=Cleo&total=true')).json;
    assert.deepEqual(total, { count: MANY, exact: true });
  });

  it('are rotated, and what cannot be is named with its reason', async () => {
    const rotated = made['Customer 03'].id;
    await admin.call('POST', `/tokens/${rotated}/rotate`, { body: {} });
    const page = await site.signedIn({ at: '#/tokens?q=customer%2003' });
    await listed(page, 2);
    await page.getByRole('checkbox', { name: 'Select every token of this page' }).check();
    await bar(page).getByRole('button', { name: 'Rotate …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Rotate many tokens' });
    await dialog.getByText('1 token would be left out:').waitFor();
    await dialog.getByText('its successor was never used').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    const other = made['Customer 05'].id;
    await goTo(page, '#/tokens?q=customer%2005', 'Tokens');
    await listed(page, 1);
    await row(page, 'Customer 05').getByRole('checkbox').check();
    await bar(page).getByRole('button', { name: 'Rotate …' }).click();
    await dialog.getByRole('button', { name: 'Rotate 1 token' }).click();
    await dialog.getByText('1 token rotated.').waitFor();
    assert.match((await admin.token(other)).successor, /^tok_/);
    assert.deepEqual(page.troubles, []);
  });

  it('are left as they are when others match than were counted', async () => {
    await admin.createToken({ label: 'Counted', owner: 'Emil' });
    const page = await site.signedIn({ at: '#/tokens?owner=Emil' });
    await listed(page, 1);
    // By filter, since a selection by hand cannot change.
    await page.route('**/tokens/disable', async (route) => {
      const body = route.request().postDataJSON();
      await route.continue({ postData: { ...body, filter: { owner: 'Emil' } } });
    });
    await row(page, 'Counted').getByRole('checkbox').check();
    await bar(page).getByRole('button', { name: 'Disable …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Disable many tokens' });
    await dialog.getByText('1 token, 0 protected').waitFor();
    await admin.createToken({ label: 'One more', owner: 'Emil' });
    await dialog.getByRole('button', { name: 'Disable 1 token' }).click();
    await dialog.getByText('Meanwhile other tokens match. Nothing was changed.').waitFor();
    const { total } = (await admin.call('GET', '/tokens?owner=Emil&state=disabled&total=true')).json;
    assert.equal(total.count, 0);
  });

  it('are counted off step by step, and a call is ended after the step under way', async () => {
    const page = await site.signedIn({ at: '#/tokens?q=customer' });
    let steps = 0;
    await page.route('**/tokens/change-owner', async (route) => {
      const body = route.request().postDataJSON();
      if (body.dry_run) return route.continue();
      steps += 1;
      // Small and slow steps, as with many tokens.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await route.continue({ postData: { ...body, limit: 10 } });
    });
    await page.getByRole('checkbox', { name: 'Select every token of this page' }).check();
    await bar(page)
      .getByRole('button', { name: /^Select all \d+ that match$/ })
      .click();
    await bar(page).getByRole('button', { name: 'Change owner …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Change owner many tokens' });
    await dialog.getByLabel('New owner').fill('Fred');
    await dialog.getByRole('button', { name: /^Change owner \d+ tokens$/ }).click();
    await dialog.getByRole('progressbar', { name: 'Tokens dealt with' }).waitFor();
    await dialog.getByRole('button', { name: 'Stop after this step' }).click();
    await dialog.getByText(/tokens changed/).waitFor();
    const { total } = (await admin.call('GET', '/tokens?owner=Fred&total=true')).json;
    assert.equal(total.count, 10 * steps);
    assert.ok(steps < 7, `${steps} steps`);
  });

  it('that worked today are revoked only when their number is typed', async () => {
    const used = await admin.createToken({ label: 'In use', owner: 'Dora', origins: 'any' });
    const idle = await admin.createToken({ label: 'Idle', owner: 'Dora' });
    await site.used(used, 'Dora');
    const page = await site.signedIn({ at: '#/tokens?owner=Dora' });
    await listed(page, 2);
    await page.getByRole('checkbox', { name: 'Select every token of this page' }).check();
    await bar(page).getByRole('button', { name: 'Revoke …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Revoke many tokens' });
    await dialog.getByText('2 tokens, 0 protected').waitFor();
    await dialog.getByLabel('Reason').fill('Dora has left');
    await dialog.getByRole('button', { name: 'Revoke 2 tokens' }).click();
    await dialog.getByText('Type 2 to go on.').waitFor();
    assert.equal((await admin.token(idle.id)).state, 'active');
    await dialog.getByLabel(/Type 2 to confirm/).fill('2');
    await dialog.getByRole('button', { name: 'Revoke 2 tokens' }).click();
    await dialog.getByText('2 tokens revoked.').waitFor();
    const { revoked_reason: reason } = await admin.token(idle.id);
    assert.equal(reason, 'bulk: Dora has left');
  });

  it('are no viewer’s: there is nothing to choose', async () => {
    const { key } = await admin.createAdminKey('viewer');
    const page = await site.signedIn({ key });
    await row(page, 'Wide').waitFor();
    assert.equal(await page.getByRole('checkbox').count(), 0);
    await page.getByRole('columnheader', { name: 'Ends' }).getByRole('button').click();
    await page.getByText('by end, of').waitFor();
  });
});
