// "Use it": the code for a token in the console, after it is made and at any time later; and the way from the
// bootstrap key to keys of people.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertAccessible } from './harness/axe.mjs';
import { ADMIN_KEY, Console, goTo, PATH, signIn } from './harness/console.mjs';
import { answerWith } from './harness/network.mjs';

const site = new Console({
  locations: {
    // As deploy/workerd: the console has an address of its own.
    apart: () => ({ CONTROL_HOSTS: 'localhost', GATEWAY_ORIGIN: 'https://api.example' }),
    silent: () => ({ CONTROL_HOSTS: 'localhost' }),
  },
});
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const at = (location) => `http://localhost:${site.gateway.workerd.ports[location]}`;
const card = (page) => page.getByRole('region', { name: 'Use it' });
const codeOf = (page) => card(page).getByRole('textbox', { name: /^The code for/ });
const choose = (page, title) => card(page).getByLabel('With').selectOption(title);

/** The page of a token at a location. */
async function tokenAt(location, token, options) {
  const page = await site.page(options);
  await page.goto(`${at(location)}${PATH}#/token/${token.id}`);
  await signIn(page, ADMIN_KEY);
  await codeOf(page).waitFor();
  return page;
}

describe('after a token is made', () => {
  it('has the token, the gateway’s own address, and copies what it shows', async () => {
    const page = await site.signedIn({ at: '#/new', permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByLabel('Label').fill('Wildcard');
    await page.getByLabel('Sites that may use it').fill('*.shop.example');
    await page.getByRole('button', { name: 'Create token' }).click();
    await choose(page, 'curl');
    const text = await codeOf(page).innerText();
    assert.match(
      text,
      new RegExp(
        `^curl -i '${site.origin}/' -H 'Authorization: Bearer wlp_[\\w-]{36}' ` +
          `-H 'Origin: https://www.shop.example'$`,
      ),
    );
    await card(page).getByRole('button', { name: 'Copy', exact: true }).click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
    await choose(page, 'MapLibre GL JS');
    assert.ok((await codeOf(page).innerText()).includes(`${site.origin}/tiles/{z}/{x}/{y}.png`));
    await card(page).getByLabel('Path').fill('/v2/raster');
    assert.ok((await codeOf(page).innerText()).includes(`${site.origin}/v2/raster/tiles/{z}/{x}/{y}.png`));
    await assertAccessible(page, 'after a token is made');
    assert.deepEqual(page.troubles, []);
  });

  it('with Distribute on, shows client.js and the family', async () => {
    const token = await admin.createToken({ origins: ['https://a.example'], distribute: true });
    const page = await tokenAt('gateway', token);
    await choose(page, 'client.js');
    const text = await codeOf(page).innerText();
    assert.ok(text.includes(`from '${site.origin}/_wayleave/client.js'`), text);
    assert.ok(text.includes(`wayleave({ family: '${token.family}' })`), text);
    assert.equal(
      await card(page).getByRole('textbox', { name: 'The family’s id' }).innerText(),
      token.family,
    );
    assert.equal(await card(page).getByRole('button', { name: 'Put the token in' }).count(), 0);
  });
});

describe('on a token’s page', () => {
  it('a placeholder stands for the token until an operator asks for it', async () => {
    const token = await admin.createToken({ origins: ['https://a.example'] });
    const page = await tokenAt('gateway', token);
    await choose(page, 'fetch');
    assert.ok((await codeOf(page).innerText()).includes("'Bearer YOUR_TOKEN'"));
    await assertAccessible(page, 'the placeholder');
    await card(page).getByRole('button', { name: 'Put the token in' }).click();
    await codeOf(page).filter({ hasText: token.token }).waitFor();
    const [event] = (await admin.call('GET', `/events?token=${token.id}&limit=1`)).json.items;
    assert.equal(event.action, 'token.revealed');

    const { key } = await admin.createAdminKey('viewer');
    const viewer = await site.signedIn({ key, at: `#/token/${token.id}` });
    await card(viewer).getByText('YOUR_TOKEN stands for').waitFor();
    assert.equal(await card(viewer).getByRole('button', { name: 'Put the token in' }).count(), 0);
  });

  it('a token that has ended has no code', async () => {
    const token = await admin.createToken({ origins: ['https://a.example'] });
    await admin.revoke(token.id, { force: true });
    const page = await site.signedIn({ at: `#/token/${token.id}` });
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    assert.equal(await card(page).count(), 0);
  });
});

describe('the gateway’s address', () => {
  it('is the one that GATEWAY_ORIGIN says, where the console is on a host of its own', async () => {
    const page = await tokenAt('apart', await admin.createToken({ origins: 'any' }));
    await choose(page, 'curl');
    assert.equal(
      await codeOf(page).innerText(),
      "curl -i 'https://api.example/' -H 'Authorization: Bearer YOUR_TOKEN'",
    );
  });

  it('is said to be missing where nobody says it', async () => {
    const page = await tokenAt('silent', await admin.createToken({ origins: 'any' }));
    await card(page).getByText('GATEWAY_ORIGIN').waitFor();
    await choose(page, 'curl');
    assert.ok((await codeOf(page).innerText()).includes("'https://gateway.example/'"));
  });

  it('is that of the route, of which there may be several', async () => {
    const settings = (await admin.call('GET', '/configuration')).json;
    const route = (fields) => ({ ...settings.routes[0], ...fields });
    const routes = [
      route({ host: 'maps.example', path: '/v1' }),
      route({ host: 'localhost', path: '/data' }),
      route({ path: '/hidden', credential_sources: ['header:x-key'] }),
      route({ path: '/other', audience: 'another' }),
    ];
    const token = await admin.createToken({ origins: 'any' });
    const page = await site.signedIn();
    await answerWith(page, '/configuration', { json: { ...settings, routes } });
    await goTo(page, `#/token/${token.id}`, token.label);
    await choose(page, 'curl');
    const api = card(page).getByLabel('API');
    assert.equal(await api.locator('option').count(), 3);
    for (const [label, start] of [
      ['https://maps.example/v1 (default)', "curl -i 'https://maps.example/v1' -H 'Authorization:"],
      [`${site.origin}/data (default)`, `curl -i '${site.origin}/data' -H 'Authorization:`],
      [`${site.origin}/hidden (default)`, `curl -i '${site.origin}/hidden' -H 'X-Key:`],
    ]) {
      await api.selectOption(label);
      await codeOf(page).filter({ hasText: start }).waitFor();
    }
    await card(page).getByText('Not offered').click();
    await card(page)
      .getByText(/^<img>: it sends no header of yours/)
      .waitFor();
    await assertAccessible(page, 'several APIs');
  });
});

describe('the bootstrap key', () => {
  it('is said where it is, before one signs in', async () => {
    const page = await site.page();
    await page.goto(site.origin + PATH);
    await page.getByText('Where is my key?').click();
    for (const text of ['make run', '.dev.vars', 'deploy/workerd/start', 'npx wrangler secret put ADMIN_KEY'])
      await page.getByText(text, { exact: true }).waitFor();
    await assertAccessible(page, 'where the key is');
  });

  it('tells who signs in with it to make a key of their own, in a form that is filled in', async () => {
    const page = await site.signedIn();
    const told = page.getByRole('region', { name: 'Needs attention' });
    await told.getByText('You are signed in with the key of ADMIN_KEY.').waitFor();
    await told.getByRole('link', { name: 'Make an owner’s key' }).click();
    const dialog = page.getByRole('dialog', { name: 'New admin key' });
    assert.ok(await dialog.getByRole('radio', { name: 'Owner' }).isChecked());
    await dialog.getByLabel('Label').fill('Ana Ruiz');
    await dialog.getByRole('button', { name: 'Create key' }).click();
    const shown = page.getByRole('dialog', { name: 'The key “Ana Ruiz”' });
    const key = await shown.getByRole('textbox', { name: 'The admin key' }).innerText();
    await shown.getByRole('button', { name: 'I have saved it' }).click();
    await page.getByRole('cell', { name: /^Ana Ruiz/ }).waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0, 'it opens once');

    const named = await site.signedIn({ key });
    const warned = named.getByRole('region', { name: 'Needs attention' });
    await warned.getByText('The key of ADMIN_KEY is still valid').waitFor();
    await goTo(named, '#/keys', 'Admin keys');
    assert.equal(await named.getByRole('dialog').count(), 0);
  });
});
