// The life of tokens in the console, as a person uses it: elements are found by role and label, with the
// mouse and with the keyboard only.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Console, goTo, more } from './harness/console.mjs';
import { answerWith, holdBack } from './harness/network.mjs';

const site = new Console();
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const row = (page, label) => page.getByRole('row').filter({ hasText: label });
const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });

async function menu(page, label, item) {
  await row(page, label)
    .getByRole('button', { name: `Actions for ${label}` })
    .click();
  await page.getByRole('menuitem', { name: item }).click();
}

describe('the list', () => {
  it('without tokens tells a viewer so, and offers nothing', async () => {
    const { key } = await admin.createAdminKey('viewer');
    const page = await site.signedIn({ key });
    await page.getByText('Your role may not create tokens.').waitFor();
    assert.equal(await page.getByRole('link', { name: /New token|Make the first/ }).count(), 0);
  });

  it('says what to do first, and then shows what was made', async () => {
    const page = await site.signedIn();
    await page.getByRole('heading', { name: 'No tokens yet' }).waitFor();
    await page.getByRole('link', { name: 'Create the first token' }).click();
    await heading(page, 'New token').waitFor();
    await page.getByLabel('Label').fill('Town shop');
    await page.getByLabel('Owner').fill('ana@shop.example');
    await page.getByLabel('Sites that may use it').fill('https://shop.example\n*.shop.example');
    await page
      .getByRole('list', { name: 'How the rules are read' })
      .getByText('https://*.shop.example')
      .waitFor();
    await page.getByRole('radio', { name: '7 days' }).check();
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“Town shop” is ready').waitFor();
    const shown = await page.getByRole('textbox', { name: 'The token' }).innerText();
    assert.match(shown, /^wlp_[\w-]{36}$/);
    const [token] = (await admin.call('GET', '/tokens')).json.items;
    assert.deepEqual(
      [token.label, token.owner, token.origins],
      ['Town shop', 'ana@shop.example', ['https://shop.example', 'https://*.shop.example']],
    );
    assert.equal(Math.round((Date.parse(token.expires_at) - Date.parse(token.created_at)) / 86_400_000), 7);
    await page.getByRole('link', { name: 'All tokens' }).click();
    await row(page, 'Town shop').getByText('in 7 days').waitFor();
    assert.match(
      await row(page, 'Town shop').innerText(),
      new RegExp(`${shown.slice(0, 12)}…${shown.slice(-8)}`),
    );
    assert.deepEqual(page.troubles, []);
  });

  it('searches while one types, by label, by id, by a whole token, and keeps it in the address', async () => {
    const wanted = await admin.createToken({ label: 'Needle in the hay' });
    const page = await site.signedIn();
    const search = page.getByRole('searchbox', { name: 'Search' });
    await search.pressSequentially('needle', { delay: 20 });
    await row(page, 'Town shop').waitFor({ state: 'detached' });
    await row(page, 'Needle in the hay').waitFor();
    assert.ok(await search.evaluate((element) => element === document.activeElement), 'one can go on typing');
    await page.reload();
    await row(page, 'Needle in the hay').waitFor();
    assert.equal(await row(page, 'Town shop').count(), 0);
    for (const text of [wanted.id, wanted.token.slice(-8)]) {
      await search.fill(text);
      await page.waitForURL(new RegExp(`q=${encodeURIComponent(text)}`));
      await row(page, 'Needle in the hay').waitFor();
    }
    // The result for the latest input stays, although an earlier response arrives after it.
    const held = await holdBack(page, '/tokens?*');
    await search.fill('Town');
    await page.waitForURL(/q=Town/);
    await search.fill('needle');
    await page.waitForURL(/q=needle/);
    await row(page, 'Needle in the hay').waitFor();
    held.letGo();
    await page.waitForLoadState('networkidle');
    assert.equal(await row(page, 'Town shop').count(), 0);
    await search.fill(wanted.token);
    await heading(page, 'Needle in the hay').waitFor();
    assert.ok(!page.url().includes('wlp_'), 'a token is not put into an address');
    await goTo(page, '#/tokens', 'Tokens');
    await page.getByRole('searchbox').fill('no such thing');
    await page.getByRole('heading', { name: 'No token matches' }).waitFor();
    await page.getByRole('searchbox').fill('wla_0123');
    await page.getByText('That is an admin key.').waitFor();
    assert.ok(!page.url().includes('wla_'));
  });

  it('filters by state and by end, and the banner leads there', async () => {
    const disabled = await admin.createToken({ label: 'Asleep' });
    await admin.disable(disabled.id);
    await admin.createToken({ label: 'Ends soon', expires_in: 3600 });
    const page = await site.signedIn();
    await page.getByLabel('State', { exact: true }).selectOption('Disabled');
    await row(page, 'Asleep').waitFor();
    await row(page, 'Ends soon').waitFor({ state: 'detached' });
    await page.getByLabel('State', { exact: true }).selectOption('Any');
    await row(page, 'Ends soon').waitFor();
    await page.getByRole('region', { name: 'Needs attention' }).getByRole('link', { name: /Show/ }).click();
    await row(page, 'Asleep').waitFor({ state: 'detached' });
    await row(page, 'Ends soon')
      .getByText(/in (59|60) minutes/)
      .waitFor();
  });

  it('shows the text of a token in any state, on its page and from its row', async () => {
    const made = {};
    for (const state of ['active', 'disabled', 'revoked', 'expired'])
      made[state] = await admin.createToken({ label: `Shown, ${state}` });
    const at = new Date(Date.now() + 2000).toISOString();
    await admin.call('POST', `/tokens/${made.expired.id}/end`, { body: { at, force: true } });
    await admin.disable(made.disabled.id);
    await admin.revoke(made.revoked.id, { force: true });
    await eventually('it has expired', async () => (await admin.token(made.expired.id)).state === 'expired');
    const page = await site.signedIn();
    for (const [state, { id, token }] of Object.entries(made)) {
      assert.equal((await admin.token(id)).state, state);
      const label = `Shown, ${state}`;
      const shown = page.getByRole('dialog', { name: label }).getByRole('textbox');
      await goTo(page, '#/tokens', 'Tokens');
      await menu(page, label, 'Show');
      assert.equal(await shown.innerText(), token, state);
      await page.keyboard.press('Escape');
      await goTo(page, `#/token/${id}`, label);
      await more(page, 'Show');
      assert.equal(await shown.innerText(), token, state);
      await page.keyboard.press('Escape');
    }
    assert.deepEqual(page.troubles, []);
  });

  it('shows, copies, disables and enables from the menu of a row', async () => {
    const token = await admin.createToken({ label: 'Menu' });
    const page = await site.signedIn({ permissions: ['clipboard-read', 'clipboard-write'] });
    await menu(page, 'Menu', 'Show');
    assert.equal(
      await page.getByRole('dialog', { name: 'Menu' }).getByRole('textbox').innerText(),
      token.token,
    );
    await page.keyboard.press('Escape');
    await menu(page, 'Menu', 'Copy');
    await page.getByText('The token was copied.').waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), token.token);
    await menu(page, 'Menu', 'Disable');
    await heading(page, 'Menu').waitFor();
    await page
      .getByRole('region', { name: 'When it takes effect' })
      .getByText('It is refused everywhere within 60 s of the acknowledgement.')
      .waitFor();
    assert.equal((await admin.token(token.id)).state, 'disabled');
    await page.getByRole('button', { name: 'Enable' }).click();
    await page.getByText('Menu works again.').waitFor();
    assert.equal((await admin.token(token.id)).state, 'active');
    const actions = (await admin.call('GET', `/events?token=${token.id}`)).json.items.map(
      ({ action }) => action,
    );
    assert.deepEqual(actions.sort(), [
      'token.created',
      'token.disabled',
      'token.enabled',
      'token.revealed',
      'token.revealed',
    ]);
  });
});

describe('editing', () => {
  it('changes what was changed, and tells by when it holds', async () => {
    const token = await admin.createToken({ label: 'Before', owner: 'kim' });
    const page = await site.signedIn({ at: `#/edit/${token.id}` });
    await heading(page, 'Edit “Before”').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Nothing was changed.').waitFor();
    assert.equal((await admin.token(token.id)).version, 1);
    await goTo(page, `#/edit/${token.id}`, 'Edit “Before”');
    await page.getByLabel('Label').fill('After');
    await page.getByRole('button', { name: 'Save' }).click();
    await heading(page, 'After').waitFor();
    const edited = await admin.token(token.id);
    assert.deepEqual([edited.label, edited.owner, edited.version], ['After', 'kim', 2]);
    await page.getByRole('region', { name: 'History' }).getByText('edited').waitFor();
  });

  it('a refused save names the line, and nothing typed is lost', async () => {
    const token = await admin.createToken({ label: 'Refused' });
    const page = await site.signedIn({ at: `#/edit/${token.id}` });
    await page.getByLabel('Sites that may use it').fill('https://good.example\n*.co.uk');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('[data-field=origins] .error').getByText('Line 2:').waitFor();
    assert.equal(
      await page.getByLabel('Sites that may use it').inputValue(),
      'https://good.example\n*.co.uk',
    );
    assert.equal((await admin.token(token.id)).version, 1);
    // After the next attempt only its own errors are shown.
    await page.getByLabel('Sites that may use it').fill('*.co.uk\nhttps://good.example');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('[data-field=origins] .error').getByText('Line 1:').waitFor();
    assert.equal(await page.locator('[data-field=origins] .error').getByText('Line 2:').count(), 0);
  });

  it('says beside each rule what it will not do, and that a token which has it is warned of', async () => {
    const page = await site.signedIn({ at: '#/new' });
    const written = [
      'any',
      'moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc',
      'moz-extension://*',
      '*.customer.github.io',
      '*.nip.io',
      'https://good.example',
    ];
    await page.getByLabel('Label').fill('Mistaken');
    await page.getByLabel('Sites that may use it').fill(written.join('\n'));
    const readings = page.getByRole('list', { name: 'How the rules are read' });
    const texts = [
      /read as a host name/,
      /generates an id for each/,
      /Every extension of that browser/,
      /below a customer/,
      /other people’s pages/,
    ];
    for (const [at, text] of texts.entries()) {
      const line = readings.getByRole('listitem').nth(at);
      await line.getByText(text).waitFor();
      assert.match(await line.innerText(), /^look/);
    }
    assert.match(await readings.getByRole('listitem').nth(5).innerText(), /^ok/);
    const popup = 'moz-extension://6c2e0a4f-9a1b-4c3d-8e5f-000000000001/popup.html';
    await page.getByLabel('Try a page’s address').fill(popup);
    await page.locator('output').getByText('is admitted by').waitFor();
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“Mistaken” is ready').waitFor();
    const { id } = (await admin.call('GET', '/tokens?q=Mistaken')).json.items[0];
    await page.getByRole('link', { name: 'Open its page' }).click();
    const warned = page.getByRole('region', { name: 'Warnings' });
    for (const text of texts) await warned.getByText(text).waitFor();
    // Invisible characters are refused, with an error next to the field that names them.
    await goTo(page, `#/edit/${id}`, 'Edit “Mistaken”');
    await page.getByLabel('Label').fill('Town\u200b shop');
    await page.getByRole('button', { name: 'Save' }).click();
    const error = page.locator('[data-field=label] .error');
    await error.getByText('contains an invisible character').waitFor();
    assert.deepEqual(page.troubles, []);
  });

  it('has words for every warning that the API can give', async () => {
    const { json } = await admin.call('GET', '/openapi.json');
    const codes = json.components.schemas.Token.properties.warnings.items.enum;
    assert.ok(codes.length >= 20);
    const words = readFileSync(new URL('../../www/ui/badge.js', import.meta.url), 'utf8');
    assert.deepEqual(
      codes.filter((code) => !new RegExp(`^  ${code}:\\s+'`, 'm').test(words)),
      [],
    );
  });

  it('does not overwrite what somebody else changed meanwhile', async () => {
    const token = await admin.createToken({ label: 'Shared' });
    const page = await site.signedIn({ at: `#/edit/${token.id}` });
    await page.getByLabel('Owner').fill('mine');
    await admin.edit(token.id, { owner: 'theirs' });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').getByText('Somebody changed this token after you opened it').waitFor();
    assert.equal(await page.getByLabel('Owner').inputValue(), 'mine');
    assert.equal((await admin.token(token.id)).owner, 'theirs');
  });
});

describe('ending', () => {
  it('revokes the last active token only when its label is typed', async () => {
    const token = await admin.createToken({ label: 'The last' });
    const page = await site.signedIn();
    await menu(page, 'The last', 'Revoke …');
    const dialog = page.getByRole('dialog', { name: 'Revoke “The last”?' });
    await dialog.getByText('within 60 s of the acknowledgement', { exact: true }).waitFor();
    await dialog.getByLabel('Reason').fill('leaked');
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await dialog.getByText('type it exactly').waitFor();
    assert.equal((await admin.token(token.id)).state, 'active');
    await dialog.getByLabel('Type the label').fill('The last');
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await heading(page, 'The last').waitFor();
    const held = page.getByRole('region', { name: 'When it takes effect' });
    await held.getByText('It is refused everywhere within 60 s of the acknowledgement.').waitFor();
    const left = async () => Number(/^(\d+) s$/.exec(await held.getByRole('timer').innerText())[1]);
    const atFirst = await left();
    assert.ok(atFirst <= 60, `${atFirst} s are left of a bound of 60`);
    await held
      .getByText(/No location|confirmed/)
      .first()
      .waitFor();
    const revoked = await admin.token(token.id);
    const by = await page.evaluate(
      (at) =>
        new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' }).format(new Date(at)),
      revoked.effective_by,
    );
    await held.getByText(`At the latest at ${by}, which includes the allowed clock skew.`).waitFor();
    await page.getByRole('region', { name: 'Life' }).getByText(by).waitFor();
    await page.waitForFunction(
      (atFirst) => Number.parseInt(document.querySelector('[role=timer]').textContent, 10) < atFirst,
      atFirst,
    );
    assert.deepEqual([revoked.state, revoked.revoked_reason], ['revoked', 'operator: leaked']);
    assert.equal(await page.getByRole('button', { name: 'Revoke …' }).count(), 0);
  });

  it('counts down to the instant of the receipt, and says then that it holds', async () => {
    const token = await admin.createToken({ label: 'Counted down' });
    await admin.revoke(token.id);
    const page = await site.page();
    await page.clock.install();
    await page.goto(`${site.origin}/_wayleave/console/#/token/${token.id}`);
    await page.getByLabel('Admin key').fill('an-admin-key-for-tests-0123456789abcdef');
    await page.getByRole('button', { name: 'Sign in' }).click();
    const held = page.getByRole('region', { name: 'When it takes effect' });
    await held.getByText('It is refused everywhere within 60 s of the acknowledgement.').waitFor();
    await page.clock.fastForward(70_000);
    await held.getByText('Everywhere', { exact: true }).waitFor();
    await held.getByText('It is refused everywhere since').waitFor();
  });

  it('says which locations know of it and which do not; and, when that cannot be had, that the time holds all the same', async () => {
    const token = await admin.createToken({ label: 'Two locations' });
    await admin.revoke(token.id);
    const probe = (await admin.call('GET', `/tokens/${token.id}/probe`)).json;
    const [epoch, n] = probe.list_number;
    const at = new Date().toISOString();
    const locations = [
      { id: 'FRA', list_number: [epoch, n], isolates: 2, isolates_holding: 2, at },
      // One of its isolates still has the older list.
      { id: 'OSL', list_number: [epoch, n - 1], isolates: 3, isolates_holding: 2, at },
    ];
    const page = await site.signedIn();
    await answerWith(page, `/tokens/${token.id}/probe`, { json: { ...probe, locations } });
    await goTo(page, `#/token/${token.id}`, 'Two locations');
    const held = page.getByRole('region', { name: 'When it takes effect' });
    await held.getByText('1 of 2 locations with traffic have confirmed.').waitFor();
    // Not innerText: the list is drawn anew at every report, and an element that is gone has no layout.
    const items = held.getByRole('listitem');
    await items.filter({ hasText: /confirmed\s*FRA\s*2 of 2 isolates/ }).waitFor();
    await items.filter({ hasText: /not yet\s*OSL\s*2 of 3 isolates/ }).waitFor();
    assert.equal(await items.count(), 2);
    const silent = await site.signedIn();
    await answerWith(silent, `/tokens/${token.id}/probe`, { status: 503, json: {} });
    await goTo(silent, `#/token/${token.id}`, 'Two locations');
    await silent.getByText('The time above is guaranteed all the same.').waitFor();
  });

  it('revokes although its use cannot be told, and does nothing when one thinks better of it', async () => {
    const token = await admin.createToken({ label: 'Urgent' });
    const page = await site.signedIn({ at: `#/token/${token.id}` });
    await answerWith(page, `/tokens/${token.id}/usage?*`, {
      status: 503,
      json: { title: 'x', detail: 'x', code: 'registry_unavailable' },
    });
    const dialog = page.getByRole('dialog', { name: 'Revoke “Urgent”?' });
    await page.getByRole('button', { name: 'Revoke …' }).click();
    await dialog.getByText('It is not known whether it is still in use.').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal((await admin.token(token.id)).state, 'active');
    await page.getByRole('button', { name: 'Revoke …' }).click();
    await dialog.getByLabel('Type the label').fill('Urgent');
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByRole('region', { name: 'When it takes effect' }).waitFor();
    assert.equal((await admin.token(token.id)).state, 'revoked');
    // A revoked token can only be cloned, shown and copied.
    const offered = await page.locator('.head .buttons button').allInnerTexts();
    assert.deepEqual(offered, ['Clone', '⋯']);
  });

  it('disables instead', async () => {
    const token = await admin.createToken({ label: 'Perhaps' });
    const page = await site.signedIn();
    await menu(page, 'Perhaps', 'Revoke …');
    await page.getByRole('button', { name: 'Disable instead' }).click();
    await heading(page, 'Perhaps').waitFor();
    await page.getByText('Disabled', { exact: true }).waitFor();
    assert.equal((await admin.token(token.id)).state, 'disabled');
  });

  it('sets, moves and cancels an earlier end', async () => {
    const token = await admin.createToken({ label: 'Planned' });
    const page = await site.signedIn({ at: `#/token/${token.id}` });
    const at = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16);
    await page.getByRole('button', { name: 'Set an earlier end' }).click();
    await page.getByLabel('Ends at').fill(at(5));
    await page.getByRole('button', { name: 'Set the end' }).click();
    await page.getByRole('alert').getByText('only active token').waitFor();
    await page.getByLabel('even if no other').check();
    await page.getByRole('button', { name: 'Set the end' }).click();
    await page.getByRole('button', { name: 'Move or cancel the end' }).click();
    await page.getByLabel('Ends at').fill(at(10));
    await page.getByRole('button', { name: 'Move the end' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal((await admin.token(token.id)).ends_at.slice(0, 16), at(10));
    await page.getByRole('button', { name: 'Move or cancel the end' }).click();
    await page.getByRole('button', { name: 'Cancel the end', exact: true }).click();
    await page.getByRole('button', { name: 'Set an earlier end' }).waitFor();
    assert.equal((await admin.token(token.id)).ends_at, undefined);
  });
});

describe('with the keyboard alone', () => {
  const press = async (page, ...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  /** Presses Tab until the element with this name has the focus. Fails when it cannot be reached. */
  async function tabTo(page, role, name) {
    const target = page.getByRole(role, { name }).first();
    await target.waitFor();
    for (let presses = 0; presses < 80; presses += 1) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`${role} “${name}” is not reached by Tab`);
  }

  it('creates a token and revokes it', async () => {
    const page = await site.page();
    await page.goto(`${site.origin}/_wayleave/console/`);
    await page.getByLabel('Admin key').waitFor();
    await page.keyboard.type('an-admin-key-for-tests-0123456789abcdef');
    await press(page, 'Enter');
    await heading(page, 'Home').waitFor();
    await page.keyboard.press('n');
    await heading(page, 'New token').waitFor();
    await goTo(page, '#/tokens', 'Tokens');
    await tabTo(page, 'link', 'New token');
    await press(page, 'Enter');
    await heading(page, 'New token').waitFor();
    await tabTo(page, 'textbox', 'Label');
    await page.keyboard.type('Keyboard');
    await tabTo(page, 'textbox', 'Sites that may use it');
    await page.keyboard.type('https://keys.example');
    await tabTo(page, 'button', 'Create token');
    await press(page, 'Enter');
    await heading(page, '“Keyboard” is ready').waitFor();
    await tabTo(page, 'link', 'All tokens');
    await press(page, 'Enter');
    await heading(page, 'Tokens').waitFor();
    await tabTo(page, 'button', 'Actions for Keyboard');
    await press(page, 'ArrowDown', 'End', 'Enter');
    await page.getByRole('dialog', { name: 'Revoke “Keyboard”?' }).waitFor();
    await tabTo(page, 'textbox', 'Type the label');
    await page.keyboard.type('Keyboard');
    await press(page, 'Enter');
    await heading(page, 'Keyboard').waitFor();
    await page.getByText('Revoked', { exact: true }).first().waitFor();
    assert.deepEqual(page.troubles, []);
  });

  it('Escape closes a menu and a dialog and gives the focus back', async () => {
    await admin.createToken({ label: 'Focus' });
    const page = await site.signedIn();
    const button = page.getByRole('button', { name: 'Actions for Focus' });
    await button.focus();
    await press(page, 'Enter');
    await page.getByRole('menuitem', { name: 'Show' }).waitFor();
    await press(page, 'Escape');
    assert.ok(await button.evaluate((element) => element === document.activeElement));
    await press(page, 'ArrowDown', 'r', 'Enter');
    await page.getByRole('dialog').waitFor();
    await press(page, 'Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.ok(await button.evaluate((element) => element === document.activeElement));
  });
});
