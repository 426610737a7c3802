// Failures around the console: a session that ends during work, an API that fails or does not answer, and
// roles.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertAccessible } from './harness/axe.mjs';
import { Console, goTo } from './harness/console.mjs';
import { answerWith, holdBack, loseAnswer } from './harness/network.mjs';

const site = new Console();
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const heading2 = (page, name) => page.getByRole('heading', { level: 2, name });
const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });
/** Ends the page's session without the page's knowledge. */
async function endSession(page) {
  const [{ name, value }] = await page.context().cookies();
  const answer = await site.gateway.client.send('DELETE', '/_wayleave/api/session', {
    headers: { Cookie: `${name}=${value}`, 'Sec-Fetch-Site': 'same-origin' },
  });
  assert.equal(answer.status, 204);
}

describe('a session that ends', () => {
  it('in the middle of an edit loses nothing that was typed', async () => {
    const token = await admin.createToken({ label: 'Long text' });
    const page = await site.signedIn({ at: `#/edit/${token.id}` });
    await page.getByLabel('Label').fill('Typed with care');
    await page.getByLabel('Owner').fill('kim');
    // Wait until the rules were checked, so that the next call is the save.
    await page
      .getByRole('list', { name: 'How the rules are read' })
      .getByText('ok', { exact: true })
      .waitFor();
    await endSession(page);
    await page.getByRole('button', { name: 'Save' }).click();
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    assert.ok(await dialog.isVisible(), 'there is nothing to go back to');
    await dialog.getByLabel('Admin key').fill('an-admin-key-for-tests-0123456789abcdef');
    await dialog.getByRole('button', { name: 'Sign in' }).click();
    await heading(page, 'Typed with care').waitFor();
    const saved = await admin.token(token.id);
    assert.deepEqual([saved.label, saved.owner, saved.version], ['Typed with care', 'kim', 2]);
    assert.deepEqual(page.troubles, []);
  });

  it('under several calls at once is asked about once, and whoever signs in is who acts', async () => {
    const token = await admin.createToken({ label: 'Many calls' });
    const other = await admin.createAdminKey('viewer', { label: 'Ana Ruiz' });
    const page = await site.signedIn();
    await page.waitForLoadState('networkidle');
    await endSession(page);
    // This page requests the token and its history.
    await page.evaluate((id) => (location.hash = `#/token/${id}`), token.id);
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor();
    await page.waitForLoadState('networkidle');
    assert.equal(await dialog.count(), 1);
    await dialog.getByLabel('Admin key').fill(other.key);
    await dialog.getByRole('button', { name: 'Sign in' }).click();
    await heading(page, 'Many calls').waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0);
    await page.getByText('Ana Ruiz', { exact: true }).waitFor();
    assert.equal(
      await page.getByRole('button', { name: /Rotate|Revoke|Edit/ }).count(),
      0,
      'a viewer, from now on',
    );
  });

  it('with its key, at once', async () => {
    const key = await admin.createAdminKey('operator');
    const page = await site.signedIn({ key: key.key });
    // Wait for the banner, which also calls the API.
    await page.waitForLoadState('networkidle');
    assert.equal((await admin.call('DELETE', `/admin-keys/${key.id}`)).status, 204);
    await page.getByRole('link', { name: 'Revocation' }).click();
    await page.getByRole('dialog', { name: 'Your session has ended' }).waitFor();
  });
});

describe('roles', () => {
  it('a viewer is offered nothing that writes, and can do nothing by address either', async () => {
    const token = await admin.createToken({ label: 'Looked at' });
    const { key } = await admin.createAdminKey('viewer');
    const page = await site.signedIn({ key });
    const writes = page
      .getByRole('button', { name: /Actions|Rotate|Revoke|Disable|Copy|Show|Edit|Clone|\b[Ee]nd\b/ })
      .or(page.getByRole('link', { name: /New token|Make the first|Admin keys/ }));
    await page.getByRole('link', { name: 'Looked at' }).waitFor();
    assert.equal(await writes.count(), 0);
    await goTo(page, `#/token/${token.id}`, 'Looked at');
    // Code to paste, without the token's text, may be copied.
    const copies = page.getByRole('region', { name: 'Use it' }).getByRole('button', { name: 'Copy' });
    assert.equal(await writes.count(), await copies.count());
    await goTo(page, `#/family/${token.family}`, 'Family of “Looked at”');
    assert.equal(await writes.count(), 0);
    // The token now has a successor and a recent change.
    assert.equal((await admin.call('POST', `/tokens/${token.id}/rotate`, { body: {} })).status, 201);
    await admin.disable(token.id);
    const posted = [];
    page.on('request', (request) => request.method() !== 'GET' && posted.push(request.url()));
    await goTo(page, '#/tokens', 'Tokens');
    await goTo(page, `#/family/${token.family}`, 'Family of “Looked at”');
    await heading2(page, 'Old and new').waitFor();
    assert.equal(await writes.count(), 0);
    await goTo(page, `#/token/${token.id}`, 'Looked at');
    await page
      .getByRole('region', { name: 'When it takes effect' })
      .getByText(/No location|confirmed/)
      .first()
      .waitFor();
    assert.equal(await writes.count(), await copies.count());
    assert.deepEqual(posted, [], 'not by itself either');
    for (const [address, title] of [
      ['#/new', 'New token'],
      [`#/edit/${token.id}`, 'Edit token'],
      ['#/keys', 'Admin keys'],
    ]) {
      await goTo(page, address, title);
      await page.getByText(/This needs the role (operator|owner)\. You are signed in as viewer\./).waitFor();
    }
    assert.deepEqual(page.troubles, []);
  });

  it('an operator has tokens, but neither keys nor protection', async () => {
    const { key } = await admin.createAdminKey('operator');
    const page = await site.signedIn({ key, at: '#/new' });
    await heading(page, 'New token').waitFor();
    assert.equal(await page.getByRole('link', { name: 'Admin keys' }).count(), 0);
    await page.getByText('More settings').click();
    assert.equal(await page.getByLabel('Protected').count(), 0);
    await page.getByLabel('Label').fill('By an operator');
    await page.getByLabel('Sites that may use it').fill('https://shop.example');
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“By an operator” is ready').waitFor();
    await page.getByRole('link', { name: 'Open its page' }).click();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Owner').fill('kim');
    await page.getByRole('button', { name: 'Save' }).click();
    await heading(page, 'By an operator').waitFor();
    await page.getByText('kim', { exact: true }).first().waitFor();
  });

  it('the audit shows a viewer what was done to tokens, and says what it leaves out', async () => {
    await admin.createToken({ label: 'Audited' });
    const { key } = await admin.createAdminKey('viewer');
    const page = await site.signedIn({ key, at: '#/audit' });
    await heading(page, 'Audit log').waitFor();
    await page.getByText('Events of admin keys, sessions and signing keys are shown to owners.').waitFor();
    await page.getByRole('link', { name: '“Audited”', exact: true }).first().waitFor();
    for (const words of ['created an admin key', 'signed in', 'created an owner’s key from ADMIN_KEY']) {
      assert.equal(await page.locator('.events').getByText(words).count(), 0, words);
    }
    // Every page but the last is full, although events were left out.
    for (;;) {
      const items = await page.getByRole('main').getByRole('listitem').count();
      const older = page.getByRole('link', { name: 'Older' });
      if ((await older.count()) === 0) break;
      assert.equal(items, 50);
      const address = await older.getAttribute('href');
      await goTo(page, address, 'Audit log');
    }
    await page.getByText('created').last().waitFor();
    const owner = await site.signedIn({ at: '#/audit' });
    await owner.locator('.events').getByText('created an admin key').first().waitFor();
    assert.equal(await owner.getByText('are shown to owners').count(), 0);
    assert.deepEqual(page.troubles, []);
  });

  it('an operator describes a protected token, and is told what is an owner’s', async () => {
    const token = await admin.createToken({ label: 'Kept', protected: true });
    const { key } = await admin.createAdminKey('operator');
    const page = await site.signedIn({ key, at: `#/token/${token.id}` });
    assert.equal(await page.getByRole('button', { name: /end/ }).count(), 0);
    await page.getByRole('button', { name: 'Edit' }).click();
    await page
      .getByRole('region', { name: 'Protected' })
      .getByText('Only an owner may change what it admits')
      .waitFor();
    await page.getByLabel('Owner').fill('kim');
    await page.getByRole('button', { name: 'Save' }).click();
    await heading(page, 'Kept').waitFor();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Sites that may use it').fill('https://elsewhere.example');
    await page.getByRole('button', { name: 'Save' }).click();
    const refused = page.getByRole('alert');
    await refused.getByText('The token is protected', { exact: true }).waitFor();
    await refused
      .getByText('only an owner may make changes that could break the pages that use it or open it to others')
      .waitFor();
    assert.equal(await page.getByLabel('Sites that may use it').inputValue(), 'https://elsewhere.example');
    await page.getByRole('link', { name: 'Kept' }).click();
    await page.getByRole('button', { name: 'Discard' }).click();
    await page.getByRole('button', { name: 'Rotate …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('A number of days from now').waitFor();
    assert.equal(await dialog.getByLabel('Now', { exact: true }).count(), 0);
    await assertAccessible(page, 'a protected token to an operator');
    assert.deepEqual(page.troubles, []);
  });

  it('what is protected is not offered to be ended, to an owner neither', async () => {
    const old = await admin.createToken({ label: 'Town hall', protected: true });
    const fresh = (await admin.call('POST', `/tokens/${old.id}/rotate`, { body: {} })).json;
    const page = await site.signedIn({ at: `#/token/${fresh.id}` });
    await page.getByRole('button', { name: 'Rotate …' }).waitFor();
    const revoke = page.getByRole('button', { name: 'Revoke …' });
    assert.equal(await revoke.getAttribute('aria-disabled'), 'true');
    assert.match((await revoke.getAttribute('title')) ?? '', /^It is protected\./);
    await goTo(page, `#/family/${old.family}`, 'Family of “Town hall”');
    await heading2(page, 'Old and new').waitFor();
    assert.equal(await page.getByRole('button', { name: 'End the old one now' }).count(), 0);
  });

  it('an owner makes a key, sees it once, and deletes it', async () => {
    const page = await site.signedIn({ at: '#/keys' });
    await page.getByRole('button', { name: 'New admin key' }).click();
    await page.getByLabel('Label').fill('CI job');
    await page.getByRole('radio', { name: 'Operator' }).check();
    await page.getByRole('button', { name: 'Create key' }).click();
    const shown = page.getByRole('dialog', { name: 'The key “CI job”' });
    const text = await shown.getByRole('textbox').innerText();
    assert.match(text, /^wla_\w{50}$/);
    assert.equal((await admin.as(text).call('GET', '/tokens')).status, 200);
    await page.keyboard.press('Escape');
    assert.ok(
      await shown.isVisible(),
      'it is shown once: nobody loses it by a key that is pressed too quickly',
    );
    await shown.getByRole('button', { name: 'I have saved it' }).click();
    await page.getByRole('button', { name: 'Actions for CI job' }).click();
    assert.ok(!(await page.content()).includes(text));
    await page.getByRole('menuitem', { name: 'Delete …' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('button', { name: 'Actions for CI job' }).waitFor({ state: 'detached' });
    assert.equal((await admin.as(text).call('GET', '/tokens')).status, 401);
  });

  it('a key whose answer was lost is shown at the next try, and there is one', async () => {
    const page = await site.signedIn({ at: '#/keys' });
    const calls = await loseAnswer(page, 'POST', '/admin-keys');
    await page.getByRole('button', { name: 'New admin key' }).click();
    await page.getByLabel('Label').fill('Made once');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByRole('alert').getByText('cannot be reached').waitFor();
    await page.getByRole('button', { name: 'Create key' }).click();
    const text = await page
      .getByRole('dialog', { name: 'The key “Made once”' })
      .getByRole('textbox')
      .innerText();
    assert.equal((await admin.as(text).call('GET', '/tokens')).status, 200);
    const { items } = (await admin.call('GET', '/admin-keys')).json;
    assert.deepEqual([calls.sent, items.filter(({ label }) => label === 'Made once').length], [2, 1]);
  });

  it('the last owner’s key is not deleted, and the API says why', async () => {
    const page = await site.signedIn({ at: '#/keys' });
    await page.getByRole('button', { name: 'Actions for ADMIN_KEY' }).click();
    await page.getByRole('menuitem', { name: 'Delete …' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('alert').getByText('the last owner').waitFor();
  });
});

describe('an API that does not answer', () => {
  it('dead: says so, in the place of what was asked for, and goes on when it is back', async () => {
    const token = await admin.createToken({ label: 'Afterlife' });
    const page = await site.signedIn({ at: `#/edit/${token.id}` });
    await page.getByLabel('Label').fill('Kept');
    const ports = { ...site.gateway.workerd.ports };
    await site.gateway.workerd.kill();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').getByText('cannot be reached').waitFor();
    assert.equal(await page.getByLabel('Label').inputValue(), 'Kept');
    await page.getByRole('link', { name: 'Audit log' }).click();
    await page.getByRole('button', { name: 'Discard' }).click();
    await heading(page, 'This cannot be shown').waitFor();
    assert.equal(await page.getByText('Loading').count(), 0);
    await site.gateway.workerd.start(ports);
    await page.getByRole('button', { name: 'Try again' }).click();
    await heading(page, 'Audit log').waitFor();
  });

  it('dead while one signs out: says that one is still signed in', async () => {
    const page = await site.signedIn();
    const ports = { ...site.gateway.workerd.ports };
    await site.gateway.workerd.kill();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('Signing out failed').waitFor();
    await heading(page, 'Tokens').waitFor();
    await site.gateway.workerd.start(ports);
  });

  it('slow: what comes when one has gone elsewhere does not take the place of what is there', async () => {
    const page = await site.signedIn();
    const held = await holdBack(page, '/events?*');
    await page.evaluate(() => (location.hash = '#/audit'));
    await page.getByRole('status').getByText('Loading …').waitFor();
    await page.evaluate(() => {
      globalThis.shown = [];
      new MutationObserver(() =>
        globalThis.shown.push(document.querySelector('main h1')?.textContent),
      ).observe(document.querySelector('main'), { childList: true });
    });
    await goTo(page, '#/settings', 'Settings');
    held.letGo();
    await page.waitForLoadState('networkidle');
    assert.equal(held.calls, 1);
    assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'Settings');
    assert.equal(await page.getByText('Loading …').count(), 0);
    // A slow machine shows "Loading …" again before it, which has no heading.
    const headings = (await page.evaluate(() => globalThis.shown)).filter(Boolean);
    assert.deepEqual(headings, ['Settings'], 'nor that it could not be shown');
    assert.deepEqual(page.troubles, [], 'leaving a view is no error');
  });

  it('silent about a part of the console: says so after the time that a call may take', async () => {
    const page = await site.signedIn();
    await page.clock.install();
    await page.route('**/rare/audit.js', () => {});
    await page.evaluate(() => (location.hash = '#/audit'));
    await page.getByRole('status').getByText('Loading …').waitFor();
    await page.clock.fastForward(24_000);
    assert.equal(await page.getByText('could not be loaded').count(), 0);
    await page.clock.fastForward(1_000);
    await page.getByText('This part of the console could not be loaded').waitFor();
    await page.unroute('**/rare/audit.js');
    await page.reload();
    await heading(page, 'Audit log').waitFor();
  });

  it('without the files of this release says so for each part of the list', async () => {
    await admin.createToken({ label: 'To be selected' });
    const page = await site.signedIn();
    await page.route('**/rare/*.js', (route) => route.abort());
    await page.getByRole('checkbox', { name: /To be selected/ }).check();
    for (const name of ['Views …', 'Export CSV …', 'Revoke …', 'Change owner …']) {
      await page.getByRole('button', { name }).click();
      const said = page.getByRole('dialog', { name: 'The action failed' });
      await said.getByText('This part of the console could not be loaded').waitFor();
      await said.getByRole('button', { name: 'Close' }).click();
    }
    assert.deepEqual(page.troubles, []);
  });

  it('something else that answers in its place is not taken for it', async () => {
    for (const answer of [
      { body: '<h1>Bad gateway</h1>', contentType: 'text/html' },
      { json: { error: 'upstream' } },
    ]) {
      const page = await site.signedIn();
      await answerWith(page, '/events?*', { status: 502, ...answer });
      await page.evaluate(() => (location.hash = '#/audit'));
      await page
        .getByRole('alert')
        .getByText('Something between this page and Wayleave answered 502')
        .waitFor();
    }
  });

  it('silent: waits 25 seconds, not for ever', async () => {
    // The page's code is there: it is the API that is silent.
    const page = await site.signedIn({ at: '#/audit' });
    await goTo(page, '#/settings', 'Settings');
    process.kill(site.gateway.workerd.pid, 'SIGSTOP');
    try {
      await page.evaluate(() => (location.hash = '#/audit'));
      await page.getByRole('status').getByText('Loading …').waitFor();
      await page.getByRole('alert').getByText('No answer').waitFor({ timeout: 40_000 });
      await page.getByText('did not answer within 25 seconds').waitFor();
    } finally {
      process.kill(site.gateway.workerd.pid, 'SIGCONT');
    }
    await page.getByRole('button', { name: 'Try again' }).click();
    await heading(page, 'Audit log').waitFor();
  });
});
