// Keys, the palette and the colours: for people who use the console all day. Nothing acts while one types,
// and single keys can be switched off (WCAG 2.1.4).

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertAccessible } from './harness/axe.mjs';
import { Console, goTo, PATH } from './harness/console.mjs';

const site = new Console();
const { admin } = site;
const made = [];
before(async () => {
  await site.start();
  for (const label of ['Oldest', 'Middle', 'Newest']) made.push(await admin.createToken({ label }));
});
after(() => site.stop());

const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });
const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
const focused = (page) => page.evaluate(() => document.activeElement?.textContent);
const palette = (page) => page.getByRole('combobox', { name: 'A page, an action or a token' });
const theme = (page) => page.evaluate(() => document.documentElement.dataset.theme);

describe('single keys', () => {
  it('search, make a token, and move in a list, which Enter opens', async () => {
    const page = await site.signedIn({ at: '#/settings' });
    await press(page, '/');
    await heading(page, 'Tokens').waitFor();
    const search = page.getByRole('searchbox', { name: 'Search' });
    await page.waitForFunction(() => document.activeElement?.matches('input[type=search]'));
    await page.keyboard.type('n?/jk');
    assert.equal(await search.inputValue(), 'n?/jk', 'letters that are typed are letters');
    await search.fill('');
    await page.getByRole('link', { name: 'Newest', exact: true }).waitFor();
    await page.evaluate(() => document.activeElement.blur());
    await press(page, 'j', 'j', 'j', 'k');
    assert.equal(await focused(page), 'Middle');
    await press(page, 'Enter');
    await heading(page, 'Middle').waitFor();
    await press(page, 'n');
    await heading(page, 'New token').waitFor();
    assert.deepEqual(page.troubles, []);
  });

  it('are listed by ?, and are off when switched off, also after a reload', async () => {
    const page = await site.signedIn();
    await press(page, '?');
    const list = page.getByRole('dialog', { name: 'Keys' });
    await list.getByText('Search the tokens').waitFor();
    await assertAccessible(page, 'the list of keys');
    await press(page, 'n');
    await list.getByRole('checkbox', { name: 'Single-key shortcuts' }).uncheck();
    await press(page, 'Escape');
    await list.waitFor({ state: 'detached' });
    await page.reload();
    await heading(page, 'Tokens').waitFor();
    await press(page, 'n', '?', '/');
    assert.equal(await list.count(), 0);
    await heading(page, 'Tokens').waitFor();
    assert.equal(await page.getByRole('searchbox').evaluate((it) => it === document.activeElement), false);
    await press(page, 'Control+k');
    await palette(page).waitFor();
  });

  it('leave the browser its own keys, and do not act behind a dialog', async () => {
    const page = await site.signedIn();
    await page.evaluate(() => document.activeElement?.blur());
    await press(page, 'Control+j', 'Alt+n', 'Meta+n');
    await heading(page, 'Tokens').waitFor();
    await press(page, 'Control+k');
    await palette(page).waitFor();
    await page.evaluate(() => document.activeElement?.blur());
    await press(page, 'n', '?');
    assert.equal(await page.getByRole('dialog').count(), 1);
    await heading(page, 'Tokens').waitFor();
  });

  it('n is not there for a viewer', async () => {
    const { key } = await admin.createAdminKey('viewer');
    const page = await site.signedIn({ key });
    await press(page, 'n');
    await heading(page, 'Tokens').waitFor();
    await press(page, '?');
    await page.getByRole('dialog').getByText('Search the tokens').waitFor();
    assert.equal(await page.getByRole('dialog').getByText('New token').count(), 0);
  });
});

describe('the palette', () => {
  it('goes to a page, and to a token by its label or its whole text, which stays out of addresses', async () => {
    const page = await site.signedIn();
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    await press(page, 'Control+k');
    await palette(page).waitFor();
    await assertAccessible(page, 'the palette');
    await page.keyboard.type('licen');
    await press(page, 'Enter');
    await heading(page, 'Licences and owners').waitFor();
    for (const text of ['Oldes', made[0].token, made[0].fingerprint]) {
      await press(page, 'Control+k');
      await palette(page).fill(text);
      await page.getByRole('option', { name: /Oldest/ }).waitFor();
      await press(page, 'Enter');
      await heading(page, 'Oldest').waitFor();
      await goTo(page, '#/settings', 'Settings');
    }
    assert.ok(!asked.some((url) => url.includes(made[0].token)));
    assert.deepEqual(page.troubles, []);
  });

  it('takes an action on the token whose page is open; what cannot be done says why', async () => {
    const page = await site.signedIn({ at: `#/token/${made[1].id}` });
    await press(page, 'Control+k');
    await palette(page).waitFor();
    await page.keyboard.type('revoke');
    await press(page, 'Enter');
    await page.getByRole('dialog', { name: 'Revoke “Middle”?' }).waitFor();
    await press(page, 'Escape');
    const guarded = await admin.createToken({ label: 'Guarded', protected: true });
    await goTo(page, `#/token/${guarded.id}`, 'Guarded');
    const button = page.getByRole('button', { name: 'Revoke …' });
    assert.match(await button.getAttribute('title'), /^It is protected/);
    await press(page, 'Control+k');
    await palette(page).fill('revoke');
    const option = page.getByRole('option', { name: /Revoke … It is protected/ });
    await option.waitFor();
    await press(page, 'Enter');
    assert.equal(await palette(page).count(), 1);
    await palette(page).fill('nothing of the kind');
    await page.getByText('Nothing matches.').waitFor();
    await press(page, 'Escape');
    await palette(page).waitFor({ state: 'detached' });
  });
});

describe('the colours', () => {
  it('are the system’s, until they are chosen; the choice stays, and comes before the first paint', async () => {
    const page = await site.signedIn({ scheme: 'dark' });
    assert.equal(await theme(page), 'dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.waitForFunction(() => document.documentElement.dataset.theme === 'light');
    const choose = async (item) => {
      await page.getByRole('button', { name: 'Colours and keys' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    };
    await choose('Dark colours');
    assert.equal(await theme(page), 'dark');
    // Modules run after the first paint. Without them the page has its colours already.
    await page.route('**/main.js', (route) => route.abort());
    await page.reload();
    assert.equal(await theme(page), 'dark');
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
    await page.unroute('**/main.js');
    await page.reload();
    await heading(page, 'Tokens').waitFor();
    await assertAccessible(page, 'dark on a light system');
    await choose('The system’s colours');
    assert.equal(await theme(page), 'light');
    assert.deepEqual(page.troubles, []);
  });

  it('are chosen, and keys switched off, where the browser keeps nothing', async () => {
    const page = await site.page();
    await page.addInitScript(() =>
      Object.defineProperty(window, 'localStorage', {
        get() {
          throw new DOMException('blocked', 'SecurityError');
        },
      }),
    );
    await page.goto(`${site.origin}${PATH}`);
    await page.getByLabel('Admin key').fill('an-admin-key-for-tests-0123456789abcdef');
    await press(page, 'Enter');
    await heading(page, 'Home').waitFor();
    await page.getByRole('button', { name: 'Colours and keys' }).click();
    await page.getByRole('menuitem', { name: 'Dark colours' }).click();
    assert.equal(await theme(page), 'dark');
    await press(page, '?');
    await page.getByRole('checkbox', { name: 'Single-key shortcuts' }).uncheck();
    await press(page, 'Escape', 'n');
    await heading(page, 'Home').waitFor();
    assert.deepEqual(page.troubles, []);
  });
});

describe('a token’s page', () => {
  it('has a few buttons and a menu, and its life above the fold on a phone', async () => {
    const page = await site.signedIn({ at: `#/token/${made[2].id}`, width: 390, height: 844 });
    const names = await page.locator('.head .buttons > button').allInnerTexts();
    assert.deepEqual(names, ['Rotate …', 'Edit', 'Revoke …']);
    const { y, height } = await page.getByRole('region', { name: 'Life' }).boundingBox();
    assert.ok(y + height / 2 < 844, `Life begins at ${y}, and is ${height} high`);
    const { key } = await admin.createAdminKey('viewer');
    const viewer = await site.signedIn({ key, at: `#/token/${made[2].id}` });
    await viewer.getByText('Your role may look at tokens, not change them.').waitFor();
  });
});
