// A form that somebody began to fill in is not lost without a question.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Console, goTo, PATH } from './harness/console.mjs';
import { answerWith, holdBack } from './harness/network.mjs';

const site = new Console();
const { admin } = site;
let token;
before(async () => {
  await site.start();
  token = await admin.createToken({ label: 'Half edited' });
});
after(() => site.stop());

const question = (page) => page.getByRole('dialog', { name: 'Discard what you typed?' });
const keep = (page) => question(page).getByRole('button', { name: 'Keep editing' }).click();
const discard = (page) => question(page).getByRole('button', { name: 'Discard' }).click();
const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });

describe('leaving a page', () => {
  it('by a link, Cancel, Back or the address asks first; who stays has lost nothing', async () => {
    const page = await site.signedIn();
    await page.getByRole('link', { name: 'New token' }).click();
    await heading(page, 'New token').waitFor();
    await page.getByLabel('Label').fill('Half filled');
    await page.getByLabel('Sites that may use it').fill('https://half.example');
    for (const leave of [
      () => page.getByRole('link', { name: 'Settings' }).click(),
      () => page.getByRole('button', { name: 'Cancel' }).click(),
      () => page.goBack(),
      () => page.evaluate(() => (location.hash = '#/audit')),
    ]) {
      await leave();
      await question(page).waitFor();
      await keep(page);
      await page.locator('dialog').waitFor({ state: 'detached' });
      await page.waitForURL(/#\/new$/);
      assert.equal(await page.getByLabel('Label').inputValue(), 'Half filled');
      assert.equal(await page.getByLabel('Sites that may use it').inputValue(), 'https://half.example');
    }
    await page.goBack();
    await discard(page);
    await heading(page, 'Tokens').waitFor();
    await page.goForward();
    await heading(page, 'New token').waitFor();
    assert.equal(await page.getByLabel('Label').inputValue(), '');
    await page.getByLabel('Label').fill('Again');
    await page.getByRole('link', { name: 'Settings' }).click();
    await discard(page);
    await heading(page, 'Settings').waitFor();
    assert.deepEqual(page.troubles, []);
  });

  it('does not ask where nothing was typed, where it was taken back, or after it was sent', async () => {
    const page = await site.signedIn({ at: `#/edit/${token.id}` });
    const owner = page.getByLabel('Owner');
    await owner.click();
    await goTo(page, '#/settings', 'Settings');
    await goTo(page, `#/edit/${token.id}`, 'Edit “Half edited”');
    await owner.fill('kim');
    await owner.fill('');
    await page.getByLabel('Try a page’s address').fill('https://shop.example');
    await goTo(page, '#/settings', 'Settings');
    await goTo(page, `#/edit/${token.id}`, 'Edit “Half edited”');
    await owner.fill('kim');
    await page.getByRole('button', { name: 'Save' }).click();
    await heading(page, 'Half edited').waitFor();
    await goTo(page, '#/new', 'New token');
    await page.getByLabel('Label').fill('Sent');
    await page.getByLabel('Sites that may use it').fill('https://sent.example');
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“Sent” is ready').waitFor();
    await goTo(page, '#/tokens', 'Tokens');
    assert.equal(await question(page).count(), 0);
  });

  it('asks for what was refused and is still there, and for a choice', async () => {
    const page = await site.signedIn({ at: `#/edit/${token.id}` });
    await page.getByLabel('Sites that may use it').fill('*.co.uk');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('[data-field=origins] .error').getByText('Line 1:').waitFor();
    await page.getByRole('link', { name: 'Half edited' }).click();
    await discard(page);
    await heading(page, 'Half edited').waitFor();
    await goTo(page, '#/new', 'New token');
    await page.getByRole('radio', { name: '7 days' }).check();
    await page.getByRole('link', { name: 'Audit log' }).click();
    await keep(page);
    assert.ok(await page.getByRole('radio', { name: '7 days' }).isChecked());
  });

  it('closing or reloading the tab asks in the browser’s own words', async () => {
    const page = await site.signedIn({ at: '#/new' });
    const asked = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.type());
      return dialog.accept();
    });
    await page.reload();
    await heading(page, 'New token').waitFor();
    assert.deepEqual(asked, []);
    await page.getByLabel('Label').fill('Half filled');
    await page.reload();
    await heading(page, 'New token').waitFor();
    assert.deepEqual(asked, ['beforeunload']);
  });
});

describe('an answer that comes after its page was left', () => {
  it('of a look-up does not take anybody away from where they went', async () => {
    for (const [address, title, field] of [
      ['#/tokens', 'Tokens', (page) => page.getByRole('searchbox', { name: 'Search' })],
      ['#/refusals', 'Refusals', (page) => page.getByLabel('Token')],
    ]) {
      const page = await site.signedIn({ at: address });
      await heading(page, title).waitFor();
      const lookUp = await holdBack(page, '/tokens/lookup');
      await field(page).fill(token.token);
      await field(page).press('Enter');
      await eventually('a look-up', () => lookUp.calls === 1);
      await stays(page, lookUp, '/tokens/lookup');
    }
  });

  it('of an action neither moves the page nor takes away what is typed on it', async () => {
    const page = await site.signedIn({ at: '#/notices' });
    let letGo;
    const gone = new Promise((resolve) => (letGo = resolve));
    const tried = page.waitForRequest('**/notices/test');
    await answerWith(page, '/notices/test', { status: 202, json: {}, gone });
    await page.getByRole('button', { name: 'Try the webhook' }).click();
    await tried;
    await goTo(page, '#/new', 'New token');
    await page.getByLabel('Label').fill('Half filled');
    letGo();
    await page.getByText('A webhook is being sent.').waitFor();
    await page.evaluate(() => new Promise((drawn) => setTimeout(drawn, 500)));
    assert.equal(await page.getByLabel('Label').inputValue(), 'Half filled');
    assert.equal(await question(page).count(), 0);

    const { id } = await admin.createToken({ label: 'Left too' });
    const other = await site.signedIn({ at: `#/token/${id}` });
    const disabled = await holdBack(other, `/tokens/${id}/disable`);
    await other.getByRole('button', { name: 'More' }).click();
    await other.getByRole('menuitem', { name: 'Disable' }).click();
    await eventually('a call', () => disabled.calls === 1);
    await stays(other, disabled, '/disable');
    await other.getByText('Left too is disabled.').waitFor();
  });

  it('of a new token offers to show it, and of a change only says that it was made', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await page.getByLabel('Label').fill('Left alone');
    await page.getByLabel('Sites that may use it').fill('https://left.example');
    const created = await holdBack(page, '/tokens');
    await page.getByRole('button', { name: 'Create token' }).click();
    await eventually('a call', () => created.calls === 1);
    await stays(page, created, '/tokens');
    await page.getByRole('button', { name: 'Show it' }).click();
    await heading(page, '“Left alone” is ready').waitFor();
  });

  it('says that what was sent failed, although its form is gone', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await page.getByLabel('Label').fill('Never made');
    await page.getByLabel('Sites that may use it').fill('not a site');
    const refused = await holdBack(page, '/tokens');
    await page.getByRole('button', { name: 'Create token' }).click();
    await eventually('a call', () => refused.calls === 1);
    await stays(page, refused, '/tokens');
    await page.getByRole('dialog', { name: '“Create token” failed' }).getByText('origins').waitFor();
  });

  it('never puts “Loading …” over the next page', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await page.clock.install();
    let letGo;
    const gone = new Promise((resolve) => (letGo = resolve));
    const asked = page.waitForRequest('**/rare/audit.js');
    await page.route('**/rare/audit.js', (route) => gone.then(() => route.fallback()));
    await page.evaluate(() => (location.hash = '#/audit'));
    await asked;
    await goTo(page, '#/tokens', 'Tokens');
    await page.clock.fastForward(500);
    letGo();
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(drawn)));
    assert.ok(await heading(page, 'Tokens').isVisible());
    assert.equal(await page.getByText('Loading …').count(), 0);
  });

  it('of the audit log’s filters is not taken to another page’s address', async () => {
    const page = await site.signedIn({ at: '#/audit?action=token.created' });
    const list = await holdBack(page, '/tokens?*');
    await page.evaluate((family) => (location.hash = `#/tokens?family=${family}`), token.family);
    await page.getByLabel('Did what').selectOption({ label: 'Anything' });
    list.letGo();
    await heading(page, 'Tokens').waitFor();
    assert.equal(new URL(page.url()).hash, `#/tokens?family=${token.family}`);
  });
});

/** Goes to the settings before the answer comes, and is still there after it. */
async function stays(page, held, path) {
  await goTo(page, '#/settings', 'Settings');
  const answer = page.waitForResponse((response) => response.url().endsWith(path));
  held.letGo();
  await (await answer).finished();
  await page.evaluate(() => new Promise((drawn) => setTimeout(drawn, 200)));
  assert.equal(new URL(page.url()).hash, '#/settings');
}

describe('closing a dialog', () => {
  it('with typed text asks, by Escape and by Cancel; without, and for a mere choice, it does not', async () => {
    const page = await site.signedIn({ at: '#/keys' });
    const dialog = page.getByRole('dialog', { name: 'New admin key' });
    const open = () => page.getByRole('button', { name: 'New admin key' }).click();
    await open();
    await dialog.getByRole('radio', { name: 'Operator' }).check();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await open();
    await dialog.getByLabel('Label').fill('Kim');
    await page.keyboard.press('Escape');
    await question(page).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog').nth(1).waitFor({ state: 'detached' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await keep(page);
    assert.equal(await dialog.getByLabel('Label').inputValue(), 'Kim');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await discard(page);
    await dialog.waitFor({ state: 'detached' });
    await open();
    assert.equal(await dialog.getByLabel('Label').inputValue(), '');
    await dialog.getByLabel('Label').fill('Kim');
    await dialog.getByRole('button', { name: 'Create key' }).click();
    await page.getByRole('button', { name: 'I have saved it' }).click();
    await page.getByRole('row').filter({ hasText: 'Kim' }).waitFor();
    assert.equal(await question(page).count(), 0);
  });

  it('of a revocation keeps its reason, and a typed label is no text to be lost', async () => {
    const page = await site.signedIn();
    await page.goto(`${site.origin}${PATH}#/token/${token.id}`);
    const dialog = page.getByRole('dialog', { name: 'Revoke “Half edited”?' });
    await page.getByRole('button', { name: 'Revoke …' }).click();
    await dialog.getByLabel('Type the label').fill('Half');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Revoke …' }).click();
    await dialog.getByLabel('Reason').fill('it was seen in a gist');
    await page.keyboard.press('Escape');
    await discard(page);
    await dialog.waitFor({ state: 'detached' });
    assert.deepEqual(page.troubles, []);
  });
});
