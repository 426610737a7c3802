// The life of tokens as a person leads it: by role and label, with the mouse and with the keyboard alone.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Console, goTo } from './harness/console.mjs';
import { answerWith, holdBack, loseAnswer } from './harness/network.mjs';

const site = new Console();
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const row = (page, label) => page.getByRole('row').filter({ hasText: label });
const heading = (page, name) => page.getByRole('heading', { level: 1, name });

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
    await page.getByText('Your role may look, but not make any.').waitFor();
    assert.equal(await page.getByRole('link', { name: /New token|Make the first/ }).count(), 0);
  });

  it('says what to do first, and then shows what was made', async () => {
    const page = await site.signedIn();
    await page.getByRole('heading', { name: 'No tokens yet' }).waitFor();
    await page.getByRole('link', { name: 'Make the first token' }).click();
    await heading(page, 'New token').waitFor();
    await page.getByLabel('Label').fill('Town shop');
    await page.getByLabel('Owner').fill('ana@shop.example');
    await page.getByLabel('Sites it works from').fill('https://shop.example\n*.shop.example');
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
      new RegExp(`${shown.slice(0, 8)}…${shown.slice(-8)}`),
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
    // What was typed last stands, although an earlier answer comes after it.
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
    await page.getByLabel('State').selectOption('Disabled');
    await row(page, 'Asleep').waitFor();
    await row(page, 'Ends soon').waitFor({ state: 'detached' });
    await page.getByLabel('State').selectOption('Any');
    await row(page, 'Ends soon').waitFor();
    await page.getByRole('region', { name: 'Needs attention' }).getByRole('link', { name: /Show/ }).click();
    await row(page, 'Asleep').waitFor({ state: 'detached' });
    await row(page, 'Ends soon')
      .getByText(/in (59|60) minutes/)
      .waitFor();
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
      .getByRole('region', { name: 'When it holds' })
      .getByText('Until it is refused everywhere')
      .waitFor();
    assert.equal((await admin.token(token.id)).state, 'disabled');
    await page.getByRole('button', { name: 'Enable' }).click();
    await page.getByRole('button', { name: 'Disable' }).waitFor();
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

describe('rules while typing', () => {
  it('says which rule matches, what is refused and why, and shows both spellings of a name', async () => {
    const page = await site.signedIn({ at: '#/new' });
    const readings = page.getByRole('list', { name: 'How the rules are read' });
    const verdict = page.locator('output');
    await page
      .getByLabel('Sites it works from')
      .fill('https://www.example.com\n*.bücher.example\nhttp://plain.example');
    await readings.getByText('https://*.xn--bcher-kva.example').waitFor();
    await readings.getByText('https://*.bücher.example').waitFor();
    await readings.getByText('A rule allows plain http').waitFor();
    await page.getByLabel('Try a page’s address').fill('https://shop.bücher.example/a?b');
    await verdict.getByText('is let in by').waitFor();
    await page.getByLabel('Try a page’s address').fill('https://www.example.com:8443/');
    await verdict.getByText('is refused: no rule matches').waitFor();
    await page.getByLabel('Sites it works from').fill('https://www.example.com\n*.github.io');
    await readings.getByText('*.github.io').waitFor();
    await readings.getByText(/public suffix|preview/i).waitFor();
    await readings
      .getByRole('listitem')
      .filter({ hasText: 'https://www.example.com' })
      .getByText('ok')
      .waitFor();
    assert.deepEqual(page.troubles, []);
  });

  it('shows how the rules that stand there are read, whichever answer comes first', async () => {
    const page = await site.signedIn({ at: '#/new' });
    const readings = page.getByRole('list', { name: 'How the rules are read' });
    const held = await holdBack(page, '/origin-test');
    const sites = page.getByLabel('Sites it works from');
    await sites.fill('https://first.example');
    await page.waitForRequest('**/origin-test');
    await sites.fill('https://second.example');
    await readings.getByText('https://second.example').waitFor();
    held.letGo();
    await page.waitForLoadState('networkidle');
    assert.equal(held.calls, 2);
    assert.equal(await readings.getByText('first.example').count(), 0);
  });

  it('clones: every setting is there, the label is not', async () => {
    const source = await admin.createToken({
      label: 'Original',
      owner: 'kim',
      origins: ['https://a.example', 'https://b.example'],
      origin_mode: 'report',
      metadata: { plan: 1 },
    });
    const page = await site.signedIn({ at: `#/new?clone=${source.id}` });
    await heading(page, 'New token like “Original”').waitFor();
    assert.equal(
      await page.getByLabel('Sites it works from').inputValue(),
      'https://a.example\nhttps://b.example',
    );
    assert.ok(await page.getByRole('radio', { name: 'Only count it' }).isChecked());
    await page.getByRole('button', { name: 'Create token' }).click();
    const label = page.getByLabel('Label');
    await page.locator('[data-field=label] .error').getByText('At least one character').waitFor();
    assert.equal(await label.getAttribute('aria-invalid'), 'true');
    assert.ok(await label.evaluate((element) => element === document.activeElement));
    await label.fill('Copy of it');
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“Copy of it” is ready').waitFor();
    const [made] = (await admin.call('GET', '/tokens?limit=1')).json.items;
    assert.deepEqual([made.owner, made.origin_mode, made.metadata], ['kim', 'report', { plan: 1 }]);
  });
});

describe('creating', () => {
  const fillIn = async (page, label) => {
    await heading(page, 'New token').waitFor();
    await page.getByLabel('Label').fill(label);
    await page.getByLabel('Sites it works from').fill('https://once.example');
  };
  const made = async (label) =>
    (await admin.call('GET', `/tokens?q=${encodeURIComponent(label)}`)).json.items.length;

  it('again after an answer was lost makes no second token', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await fillIn(page, 'Made once');
    const calls = await loseAnswer(page, 'POST', '/tokens');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByRole('alert').getByText('cannot be reached').waitFor();
    assert.equal(await made('Made once'), 1);
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“Made once” is ready').waitFor();
    assert.deepEqual([calls.sent, await made('Made once')], [2, 1]);
  });

  it('is sent once, however often the button is pressed', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await fillIn(page, 'Pressed twice');
    const held = await holdBack(page, '/tokens');
    await page
      .getByRole('button', { name: 'Create token' })
      .evaluate((button) => [1, 2, 3].forEach(() => button.click()));
    await page.waitForRequest('**/api/tokens').catch(() => {});
    held.letGo();
    await heading(page, '“Pressed twice” is ready').waitFor();
    assert.equal(held.calls, 1);
  });

  it('metadata that is no JSON is refused next to its field, and stays', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await fillIn(page, 'Not JSON');
    await page.getByText('More settings').click();
    await page.getByLabel('Metadata').fill('{"plan": ');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page
      .locator('[data-field=metadata] .error')
      .getByText(/object/i)
      .waitFor();
    assert.equal(await page.getByLabel('Metadata').inputValue(), '{"plan": ');
    assert.equal(await made('Not JSON'), 0);
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
    await page.getByLabel('Sites it works from').fill('https://good.example\n*.co.uk');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('[data-field=origins] .error').getByText('Line 2:').waitFor();
    assert.equal(await page.getByLabel('Sites it works from').inputValue(), 'https://good.example\n*.co.uk');
    assert.equal((await admin.token(token.id)).version, 1);
    // The next try says what is wrong now, not what was.
    await page.getByLabel('Sites it works from').fill('*.co.uk\nhttps://good.example');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('[data-field=origins] .error').getByText('Line 1:').waitFor();
    assert.equal(await page.locator('[data-field=origins] .error').getByText('Line 2:').count(), 0);
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
    await dialog.getByText(/within 60 s: by .+ if you revoke now/).waitFor();
    await dialog.getByLabel('Why').fill('leaked');
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await dialog.getByText('type it as it stands').waitFor();
    assert.equal((await admin.token(token.id)).state, 'active');
    await dialog.getByLabel('Type the label').fill('The last');
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await heading(page, 'The last').waitFor();
    const held = page.getByRole('region', { name: 'When it holds' });
    await held.getByText('Until it is refused everywhere').waitFor();
    const left = async () => Number(/^(\d+) s$/.exec(await held.getByRole('timer').innerText())[1]);
    const atFirst = await left();
    assert.ok(atFirst <= 63, `${atFirst} s are left of the bound and its rounding`);
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
    await held.getByText(`Until it is refused everywhere, at the latest ${by}.`).waitFor();
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
    const held = page.getByRole('region', { name: 'When it holds' });
    await held.getByText('Until it is refused everywhere').waitFor();
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
      { id: 'FRA', list_number: [epoch, n], at },
      { id: 'OSL', list_number: [epoch, n - 1], at },
    ];
    const page = await site.signedIn();
    await answerWith(page, `/tokens/${token.id}/probe`, { json: { ...probe, locations } });
    await goTo(page, `#/token/${token.id}`, 'Two locations');
    const held = page.getByRole('region', { name: 'When it holds' });
    await held.getByText('1 of 2 locations with traffic have confirmed.').waitFor();
    assert.deepEqual(
      (await held.getByRole('listitem').allInnerTexts()).map((text) =>
        text.split(/\s+/).slice(0, 3).join(' '),
      ),
      ['confirmed FRA said', 'not yet OSL'],
    );
    const silent = await site.signedIn();
    await answerWith(silent, `/tokens/${token.id}/probe`, { status: 503, json: {} });
    await goTo(silent, `#/token/${token.id}`, 'Two locations');
    await silent.getByText('The time above holds all the same.').waitFor();
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
    await dialog.getByText('Whether it is still in use is not known.').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal((await admin.token(token.id)).state, 'active');
    await page.getByRole('button', { name: 'Revoke …' }).click();
    await dialog.getByLabel('Type the label').fill('Urgent');
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByRole('region', { name: 'When it holds' }).waitFor();
    assert.equal((await admin.token(token.id)).state, 'revoked');
    // What has ended is offered nothing but to be cloned.
    const offered = await page.locator('.head .buttons button').allInnerTexts();
    assert.deepEqual(offered, ['Clone']);
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
    await page.getByLabel('Also when no other').check();
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
  /** Tab until the focus is on what has this name; what cannot be reached is a failure. */
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
    await page.goto(site.origin + '/_wayleave/console/');
    await page.getByLabel('Admin key').waitFor();
    await page.keyboard.type('an-admin-key-for-tests-0123456789abcdef');
    await press(page, 'Enter');
    await heading(page, 'Tokens').waitFor();
    await tabTo(page, 'link', 'New token');
    await press(page, 'Enter');
    await heading(page, 'New token').waitFor();
    await tabTo(page, 'textbox', 'Label');
    await page.keyboard.type('Keyboard');
    await tabTo(page, 'textbox', 'Sites it works from');
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
