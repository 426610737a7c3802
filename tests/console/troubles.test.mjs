// What goes wrong around the console: a session that ends in the middle of something, an API that is dead or silent, roles.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Console, goTo, signIn } from './harness/console.mjs';

const site = new Console();
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const heading = (page, name) => page.getByRole('heading', { level: 1, name });
/** Ends the page's session behind its back. */
async function endSession(page) {
  const [{ name, value }] = await page.context().cookies();
  const answer = await site.gateway.client.send('DELETE', '/_wayleave/api/session', { headers: { Cookie: `${name}=${value}`, 'Sec-Fetch-Site': 'same-origin' } });
  assert.equal(answer.status, 204);
}

describe('a session that ends', () => {
  it('in the middle of an edit loses nothing that was typed', async () => {
    const token = await admin.createToken({ label: 'Long text' });
    const page = await site.signedIn({ at: `#/edit/${token.id}` });
    await page.getByLabel('Label').fill('Typed with care');
    await page.getByLabel('Owner').fill('kim');
    // Its rules have been judged: the next call is the save.
    await page.getByRole('list', { name: 'How the rules are read' }).getByText('ok', { exact: true }).waitFor();
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

  it('with its key, at once', async () => {
    const key = await admin.createAdminKey('operator');
    const page = await site.signedIn({ key: key.key });
    // The banner, too, asks the API.
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
    const writes = page.getByRole('button', { name: /Actions|Rotate|Revoke|Disable|Copy|Show|Edit|Clone|end/ }).or(page.getByRole('link', { name: /New token|Make the first|Admin keys/ }));
    await page.getByRole('link', { name: 'Looked at' }).waitFor();
    assert.equal(await writes.count(), 0);
    await goTo(page, `#/token/${token.id}`, 'Looked at');
    assert.equal(await writes.count(), 0);
    await goTo(page, `#/family/${token.family}`, 'Family of “Looked at”');
    assert.equal(await writes.count(), 0);
    for (const [address, title] of [['#/new', 'New token'], [`#/edit/${token.id}`, 'Edit token'], ['#/keys', 'Admin keys']]) {
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
    await shown.getByRole('button', { name: 'I have kept it' }).click();
    await page.getByRole('button', { name: 'Actions for CI job' }).click();
    assert.ok(!(await page.content()).includes(text));
    await page.getByRole('menuitem', { name: 'Delete …' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('button', { name: 'Actions for CI job' }).waitFor({ state: 'detached' });
    assert.equal((await admin.as(text).call('GET', '/tokens')).status, 401);
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
    await heading(page, 'This cannot be shown').waitFor();
    assert.equal(await page.getByText('Loading').count(), 0);
    await site.gateway.workerd.start(ports);
    await page.getByRole('button', { name: 'Try again' }).click();
    await heading(page, 'Audit log').waitFor();
  });

  it('silent: waits 15 seconds, not for ever', async () => {
    const page = await site.signedIn();
    process.kill(site.gateway.workerd.pid, 'SIGSTOP');
    try {
      await page.evaluate(() => (location.hash = '#/audit'));
      await page.getByRole('status').getByText('Loading …').waitFor();
      await page.getByRole('alert').getByText('No answer').waitFor({ timeout: 30_000 });
    } finally {
      process.kill(site.gateway.workerd.pid, 'SIGCONT');
    }
    await page.getByRole('button', { name: 'Try again' }).click();
    await heading(page, 'Audit log').waitFor();
  });
});
