// People who are quicker than the network, and a network that fails in the middle: the page never shows what
// was not asked for, and loses neither what was typed nor what was done.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Console, goTo } from './harness/console.mjs';
import { holdBack, loseAnswer } from './harness/network.mjs';

const site = new Console();
const { admin } = site;
let token;
before(async () => {
  await site.start();
  token = await admin.createToken({ label: 'Quick', origins: ['https://shop.example'] });
});
after(() => site.stop());

const dialogs = (page) => page.locator('dialog[open]');
const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });

describe('Escape', () => {
  it('pressed twice does not close what is shown once', async () => {
    const page = await site.signedIn({ at: '#/keys' });
    await page.getByRole('button', { name: 'New admin key' }).click();
    await page.getByLabel('Label').fill('Twice');
    await page.getByRole('button', { name: 'Create key' }).click();
    const shown = page.getByRole('dialog', { name: 'The key “Twice”' });
    await shown.waitFor();
    for (let times = 0; times < 3; times += 1) await page.keyboard.press('Escape');
    assert.ok(await shown.isVisible());
    await shown.getByRole('button', { name: 'I have saved it' }).click();
    await shown.waitFor({ state: 'detached' });
  });

  it('pressed again asks again about typed text', async () => {
    const page = await site.signedIn({ at: '#/keys' });
    await page.getByRole('button', { name: 'New admin key' }).click();
    await page.getByLabel('Label').fill('Typed');
    const question = page.getByRole('dialog', { name: 'Discard what you typed?' });
    for (let times = 0; times < 3; times += 1) {
      await page.keyboard.press('Escape');
      await question.waitFor();
      await page.keyboard.press('Escape');
      // Out of the page, and not only out of sight, which it is a moment before it has closed.
      await page.locator('dialog').nth(1).waitFor({ state: 'detached' });
      assert.equal(await page.getByLabel('Label').inputValue(), 'Typed');
    }
  });

  it('does not get past a session that has ended', async () => {
    const page = await site.signedIn({ at: '#/settings' });
    await page.context().clearCookies();
    await page.evaluate(() => (location.hash = '#/audit'));
    const ended = page.getByRole('dialog', { name: 'Your session has ended' });
    await ended.waitFor();
    for (let times = 0; times < 3; times += 1) await page.keyboard.press('Escape');
    assert.ok(await ended.isVisible());
    assert.deepEqual(page.troubles, []);
  });
});

describe('Escape while many tokens are dealt with', () => {
  it('neither ends it nor hides what was done', async () => {
    await admin.createToken({ label: 'Dealt with', owner: 'Rolf' });
    const page = await site.signedIn({ at: '#/tokens?owner=Rolf' });
    await page.getByRole('checkbox', { name: 'Select Dealt with' }).check();
    await page.getByRole('button', { name: 'Change owner …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Change owner many tokens' });
    await dialog.getByLabel('New owner').fill('Rosa');
    const step = await holdBack(page, '/tokens/change-owner');
    await dialog.getByRole('button', { name: 'Change owner 1 token' }).click();
    await eventually('a step', () => step.calls === 1);
    const focused = dialog.getByRole('button', { name: 'Stop after this step' });
    assert.ok(await focused.evaluate((button) => button === document.activeElement));
    for (let times = 0; times < 3; times += 1) await page.keyboard.press('Escape');
    step.letGo();
    await dialog.getByText('1 token changed.').waitFor();
  });
});

describe('a message', () => {
  it('is in the dialog that covers the page, and stays when it closes', async () => {
    const page = await site.signedIn({ at: '#/keys' });
    await page.getByRole('button', { name: 'New admin key' }).click();
    await page.getByLabel('Label').fill('Announced');
    await page.getByRole('button', { name: 'Create key' }).click();
    const shown = page.getByRole('dialog', { name: 'The key “Announced”' });
    await shown.getByRole('button', { name: /^Copy/ }).click();
    await shown.locator('.notice').getByText(/cop/i).waitFor();
    await shown.getByRole('button', { name: 'I have saved it' }).click();
    await page.locator('body > .notice').waitFor({ state: 'attached' });
  });
});

describe('a second click', () => {
  it('opens no second dialog', async () => {
    const page = await site.signedIn({ at: `#/token/${token.id}` });
    const status = await holdBack(page, '/status');
    const revoke = page.getByRole('button', { name: 'Revoke …' });
    await revoke.click();
    await eventually('a call', () => status.calls > 0);
    await revoke.click();
    status.letGo();
    await page.getByRole('dialog', { name: 'Revoke “Quick”?' }).waitFor();
    await page.evaluate(() => new Promise((drawn) => setTimeout(drawn, 500)));
    assert.equal(await dialogs(page).count(), 1);
  });

  it('on the palette’s keys neither; it opens before the actions are known, which come to it', async () => {
    const page = await site.signedIn({ at: `#/token/${token.id}` });
    const actions = await holdBack(page, `/tokens/${token.id}`);
    await page.keyboard.press('Control+k');
    await page.getByRole('option', { name: 'Settings' }).waitFor();
    await page.keyboard.press('Control+k');
    assert.equal(await dialogs(page).count(), 1);
    assert.equal(await page.getByRole('option', { name: 'Clone' }).count(), 0);
    // What is marked by hand stays so, whatever comes before it.
    await page.keyboard.press('ArrowDown');
    const marked = await page.locator('[role=option][aria-selected=true]').innerText();
    actions.letGo();
    await page.getByRole('option', { name: 'Clone' }).waitFor();
    assert.equal(await page.locator('[role=option][aria-selected=true]').innerText(), marked);
  });

  it('whose page was left opens nothing over the next one', async () => {
    const page = await site.signedIn({ at: `#/token/${token.id}` });
    const status = await holdBack(page, '/status');
    await page.getByRole('button', { name: 'Revoke …' }).click();
    await eventually('a call', () => status.calls > 0);
    await goTo(page, '#/audit', 'Audit log');
    status.letGo();
    await page.evaluate(() => new Promise((drawn) => setTimeout(drawn, 500)));
    assert.equal(await dialogs(page).count(), 0);
  });
});

describe('an earlier answer that comes later', () => {
  it('is not shown under the range that was chosen since', async () => {
    const page = await site.signedIn({ at: `#/token/${token.id}` });
    const use = page.getByRole('region', { name: 'Use', exact: true });
    await use.getByText('Not used in this time').waitFor();
    const year = await holdBack(page, `/tokens/${token.id}/usage?*`);
    const asked = page.waitForRequest((request) => request.url().includes('step=day'));
    await use.getByLabel('Time').selectOption('Last 365 days');
    const failed = new Promise((resolve) => page.once('requestfailed', resolve));
    await asked;
    await use.getByLabel('Time').selectOption('Last 7 days');
    assert.match((await failed).url(), /step=day/, 'nobody waits for it any more');
    year.letGo();
    assert.deepEqual(page.troubles, []);
  });

  it('of a list leaves nothing selected that is not shown', async () => {
    const page = await site.signedIn({ at: '#/tokens?q=quick' });
    await page.getByRole('checkbox', { name: 'Select Quick' }).check();
    const bar = page.getByRole('region', { name: 'Selected tokens' });
    await bar.getByText('1 selected').waitFor();
    const list = await holdBack(page, '/tokens?*');
    await page.getByLabel('State').selectOption('Disabled');
    await bar.waitFor({ state: 'hidden' });
    list.letGo();
    await page.getByText('No token matches').waitFor();
  });
});

describe('a failure in the middle', () => {
  it('of the list of refusals ends with the next answer, although that says nothing new', async () => {
    const page = await site.signedIn({ at: '#/refusals' });
    await heading(page, 'Refusals').waitFor();
    await page.route('**/refusals?*', (route) => route.abort());
    await page.getByRole('button', { name: 'Refresh' }).click();
    const box = page.getByRole('alert');
    await box.getByText('Not reachable').waitFor();
    await page.unroute('**/refusals?*');
    await box.getByRole('button', { name: 'Try again' }).click();
    await box.waitFor({ state: 'detached' });
  });

  it('of an edit: sent again it is saved, and nobody else is blamed', async () => {
    const page = await site.signedIn({ at: `#/edit/${token.id}` });
    const calls = await loseAnswer(page, 'PATCH', `/tokens/${token.id}`);
    await page.getByLabel('Owner').fill('Ida');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').getByText('Not reachable').waitFor();
    assert.equal((await admin.token(token.id)).owner, 'Ida', 'its answer was lost');
    await page.getByRole('button', { name: 'Save' }).click();
    await heading(page, 'Quick').waitFor();
    assert.equal(calls.sent, 2);
  });

  it('of a bulk call: what was done is said and can be undone, and the rest can be done', async () => {
    const many = Array.from({ length: 5 }, (_, at) => `Part ${at}`);
    for (const label of many) await admin.createToken({ label, owner: 'Uma' });
    const page = await site.signedIn({ at: '#/tokens?owner=Uma' });
    let steps = 0;
    await page.route('**/tokens/disable', async (route) => {
      const body = route.request().postDataJSON();
      if (body.dry_run) return route.continue();
      steps += 1;
      return steps === 2 ? route.abort() : route.continue({ postData: { ...body, limit: 2 } });
    });
    await page.getByRole('checkbox', { name: 'Select every token of this page' }).check();
    await page.getByRole('button', { name: 'Disable …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Disable many tokens' });
    await dialog.getByRole('button', { name: 'Disable 5 tokens' }).click();
    await dialog.getByRole('alert').getByText('Wayleave cannot be reached').waitFor();
    await dialog.getByText('2 tokens disabled.').waitFor();
    await dialog.getByRole('button', { name: 'Enable them again' }).waitFor();
    await dialog.getByRole('button', { name: 'Go on' }).click();
    await dialog.getByText('5 tokens disabled.').waitFor();
    const { total } = (await admin.call('GET', '/tokens?owner=Uma&state=disabled&total=true')).json;
    assert.deepEqual([total.count, steps], [5, 4]);
  });
});

describe('a number', () => {
  it('that is none is not taken for an empty field, nor an empty field for 0', async () => {
    const limited = await admin.createToken({ label: 'Limited', quota: { requests: 1000, per: 'day' } });
    const page = await site.signedIn({ at: `#/edit/${limited.id}` });
    await page.getByText('More settings').click();
    const requests = page.getByLabel('Requests', { exact: true });
    await requests.focus();
    await page.keyboard.press('End');
    await page.keyboard.type('e');
    assert.equal(await requests.inputValue(), '', 'the browser’s own word for it');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('[data-field=quota_requests] .error').getByText('A number, or nothing.').waitFor();
    assert.equal((await admin.token(limited.id)).quota.requests, 1000);

    const other = await site.signedIn({ at: `#/token/${token.id}` });
    await other.getByRole('button', { name: 'Rotate …' }).click();
    await other.getByLabel('Days from now', { exact: true }).fill('');
    await other.getByRole('button', { name: 'Rotate', exact: true }).click();
    await other.locator('[data-field=after_days] .error').getByText('A number.').waitFor();
    assert.equal((await admin.token(token.id)).successor ?? null, null);
  });
});
