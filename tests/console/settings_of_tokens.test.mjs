// Whatever the API can set on a token can be set in the console: quotas, automatic rotation, every part of a
// rotation's plan, and the other tokens of the family at once.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertAccessible } from './harness/axe.mjs';
import { Console, goTo } from './harness/console.mjs';

const DAY = 86_400,
  HOUR = 3600;
const site = new Console();
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });
const save = (page) => page.getByRole('button', { name: 'Save', exact: true }).click();
/** Opens the settings that few need, unless the token has one of them. */
async function moreSettings(page) {
  const details = page.locator('details', { hasText: 'More settings' });
  if (!(await details.evaluate((element) => element.open))) await page.getByText('More settings').click();
}

describe('a quota', () => {
  it('is set on a new token, changed and taken away by an edit, and a wrong one is named', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await page.getByLabel('Label').fill('Metered');
    await page.getByLabel('Sites that may use it').fill('https://metered.example');
    const quota = page.getByRole('group', { name: 'Quota (optional)' });
    await quota.getByLabel('Requests').fill('0');
    await page.getByRole('button', { name: 'Create token' }).click();
    await quota
      .locator('.error')
      .getByText(/number/)
      .first()
      .waitFor();
    await quota.getByLabel('Requests').fill('10000');
    await quota.getByLabel('For each').selectOption('month');
    await quota.getByLabel('Of', { exact: true }).selectOption('its family together');
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“Metered” is ready').waitFor();
    const [{ id, quota: made }] = (await admin.call('GET', '/tokens?q=Metered')).json.items;
    assert.deepEqual(made, { requests: 10_000, per: 'month', counts: 'family' });
    await page.getByRole('link', { name: 'Open its page' }).click();
    await page.getByText('10,000 requests per month (UTC), with its family').waitFor();
    await goTo(page, `#/edit/${id}`, 'Edit “Metered”');
    await save(page);
    await page.getByText('Nothing was changed.').waitFor();
    await goTo(page, `#/edit/${id}`, 'Edit “Metered”');
    await page.getByLabel('Requests').fill('');
    await save(page);
    await heading(page, 'Metered').waitFor();
    assert.equal((await admin.token(id)).quota, null);
    assert.deepEqual(page.troubles, []);
  });
});

describe('automatic rotation', () => {
  it('is set with its plan, read back as it was, and taken away', async () => {
    const { id } = await admin.createToken({ label: 'By itself' });
    const page = await site.signedIn({ at: `#/edit/${id}` });
    await moreSettings(page);
    await page.getByRole('checkbox', { name: 'Rotate automatically' }).check();
    await page.getByLabel('Days before its end').fill('10');
    await page.getByLabel('Lifetime of the new one in days').fill('60');
    await page.getByRole('radio', { name: 'A number of hours after the new one is first used' }).check();
    await page.getByLabel('Hours after the first use').fill('36');
    await page.getByText('A deadline', { exact: true }).click();
    await page.getByLabel('Days after the rotation, at the latest').fill('5');
    await page.getByLabel('End the old one at the deadline in any case').check();
    await assertAccessible(page, 'the fields of automatic rotation');
    await save(page);
    await heading(page, 'By itself').waitFor();
    assert.deepEqual((await admin.token(id)).auto_rotate, {
      before_expiry_seconds: 10 * DAY,
      expires_in: 60 * DAY,
      revoke_old: {
        when: 'first_use',
        drain_seconds: 36 * HOUR,
        deadline_seconds: 5 * DAY,
        strict: true,
      },
    });
    await page.getByText('10 days before its end, for 60 days').waitFor();
    await goTo(page, `#/edit/${id}`, 'Edit “By itself”');
    await save(page);
    await page.getByText('Nothing was changed.').waitFor();
    await goTo(page, `#/edit/${id}`, 'Edit “By itself”');
    await page.getByRole('checkbox', { name: 'Rotate automatically' }).uncheck();
    await save(page);
    await heading(page, 'By itself').waitFor();
    assert.equal((await admin.token(id)).auto_rotate, undefined);
    assert.deepEqual(page.troubles, []);
  });

  it('with odd times that another client set is not changed by an edit of something else', async () => {
    const settings = { before_expiry_seconds: 5_017, revoke_old: { when: 'after', after_seconds: 4_321 } };
    const { id } = await admin.createToken({ label: 'Odd', auto_rotate: settings });
    const before = (await admin.token(id)).auto_rotate;
    const page = await site.signedIn({ at: `#/edit/${id}` });
    await save(page);
    await page.getByText('Nothing was changed.').waitFor();
    assert.deepEqual((await admin.token(id)).auto_rotate, before);
  });
});

describe('the plan of a rotation', () => {
  it('can end the old one in any case, and let it work for a while after the first use', async () => {
    const { id } = await admin.createToken({ label: 'Strict' });
    const page = await site.signedIn({ at: `#/token/${id}` });
    await page.getByRole('button', { name: 'Rotate …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Rotate “Strict”' });
    await dialog.getByLabel('Days from now', { exact: true }).fill('3');
    await dialog.getByText('If the new one is used late, or never').click();
    await dialog.getByLabel('Hours that the old one works').fill('2');
    await dialog.getByLabel('End the old one at that time in any case').check();
    await assertAccessible(page, 'the plan of a rotation');
    await dialog.getByRole('button', { name: 'Rotate', exact: true }).click();
    await page
      .getByRole('dialog', { name: 'The new token of “Strict”' })
      .getByRole('button', { name: 'Done' })
      .click();
    await heading(page, 'Strict').waitFor();
    assert.deepEqual((await admin.token(id)).rotation.revoke_old, {
      when: 'after',
      after_seconds: 3 * DAY,
      drain_seconds: 2 * HOUR,
      strict: true,
    });
  });
});

describe('a family', () => {
  it('is edited at once from the page of one of its tokens', async () => {
    const old = await admin.createToken({ label: 'Both', owner: 'kim' });
    const fresh = (await admin.call('POST', `/tokens/${old.id}/rotate`, { body: {} })).json;
    const page = await site.signedIn({ at: `#/edit/${fresh.id}` });
    await page.getByLabel('Owner').fill('ana');
    await page.getByLabel('Change the family’s other tokens too').check();
    await save(page);
    await page.getByRole('heading', { level: 1, name: 'Both', exact: true }).waitFor();
    for (const { id } of [old, fresh]) assert.equal((await admin.token(id)).owner, 'ana');
    const { id } = await admin.createToken({ label: 'Alone' });
    await goTo(page, `#/edit/${id}`, 'Edit “Alone”');
    assert.equal(await page.getByLabel('Change the family’s other tokens too').count(), 0);
  });
});
