// Licences, and owners who are switched off: everything that the API can do with them, by the keyboard too.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertAccessible } from './harness/axe.mjs';
import { Console, goTo } from './harness/console.mjs';

const site = new Console();
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const dialog = (page, name) => page.getByRole('dialog', { name });
const menu = async (page, whom, item) => {
  await page.getByRole('button', { name: `Actions for ${whom}` }).click();
  await page.getByRole('menuitem', { name: item }).click();
};
const at = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 16);

describe('a licence', () => {
  it('is set for a customer, moved, taken back, and that undone', async () => {
    const { id } = await admin.createToken({ label: 'Licensed', external_id: 'customer-9' });
    const page = await site.signedIn({ at: '#/settings' });
    await page.getByRole('link', { name: 'Licences and owners' }).click();
    await page.getByRole('heading', { level: 1, name: 'Licences and owners', exact: true }).waitFor();
    await assertAccessible(page, 'no licences');
    await page.getByRole('button', { name: 'Set an end …' }).click();
    const form = dialog(page, 'Set an end');
    await form.getByLabel('Its external id, name or id').fill('customer-9');
    await form.getByLabel('Its tokens end at').fill(at(5));
    await assertAccessible(page, 'setting a licence');
    await form.getByRole('button', { name: 'Next' }).click();
    const sure = dialog(page, 'End the tokens of customer-9?');
    await sure.getByText('Not used in the last 24 hours.').waitFor();
    await assertAccessible(page, 'before a licence');
    await sure.getByRole('button', { name: 'Set the end' }).click();
    await page
      .getByRole('region', { name: 'When it takes effect' })
      .getByText('The end is in effect')
      .waitFor();
    await page.getByRole('table', { name: 'Licences' }).getByText('in 5 days').waitFor();
    await assertAccessible(page, 'licences');
    const until = async () => (await admin.token(id)).licensed_until?.slice(0, 16);
    assert.equal(await until(), at(5));
    await menu(page, 'customer-9', 'Move the end …');
    const move = dialog(page, 'Move the end for customer-9');
    await move.getByLabel('Its tokens end at').fill(at(9));
    await move.getByRole('button', { name: 'Next' }).click();
    await sure.getByRole('button', { name: 'Set the end' }).click();
    await page.getByRole('table', { name: 'Licences' }).getByText('in 9 days').waitFor();
    assert.equal(await until(), at(9));
    await menu(page, 'customer-9', 'Take it back');
    await page.getByText('None: tokens end when they expire.').waitFor();
    assert.equal(await until(), undefined);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('table', { name: 'Licences' }).getByText('in 9 days').waitFor();
    assert.equal(await until(), at(9));
    await goTo(page, `#/token/${id}`, 'Licensed');
    await page.getByText('Licensed until', { exact: true }).waitFor();
    assert.deepEqual(page.troubles, []);
  });

  it('that the API refuses keeps what was typed, and says why', async () => {
    const page = await site.signedIn({ at: '#/licences' });
    await page.getByRole('button', { name: 'Set an end …' }).click();
    const form = dialog(page, 'Set an end');
    await form.getByRole('radio', { name: 'A family' }).check();
    await form.getByLabel('Its external id, name or id').fill('not a family');
    await form.getByRole('button', { name: 'Next' }).click();
    const sure = dialog(page, 'End the tokens of not a family?');
    await sure.getByRole('button', { name: 'Set the end' }).click();
    await sure.getByRole('alert').getByText('family').waitFor();
    await sure.getByRole('button', { name: 'Cancel' }).click();
    assert.equal(await form.getByLabel('Its external id, name or id').inputValue(), 'not a family');
  });
});

describe('an owner', () => {
  it('is switched off with the keyboard, which revokes; and is switched on again', async () => {
    const { id } = await admin.createToken({ label: 'Left', owner: 'Kim' });
    const page = await site.signedIn({ at: '#/licences' });
    await page.getByRole('button', { name: 'Switch an owner off …' }).focus();
    await page.keyboard.press('Enter');
    await dialog(page, 'Switch an owner off').waitFor();
    await page.keyboard.type('Kim');
    await page.keyboard.press('Enter');
    const sure = dialog(page, 'Switch Kim off?');
    await sure.getByLabel('Reason').focus();
    await page.keyboard.type('has left');
    await page.keyboard.press('Enter');
    const receipt = page.getByRole('region', { name: 'When it takes effect' });
    await receipt.getByText('Every token of Kim is refused everywhere within 60 s').waitFor();
    const token = await admin.token(id);
    assert.deepEqual([token.state, token.revoked_reason], ['revoked', 'owner_removed: has left']);
    await assertAccessible(page, 'an owner who is switched off');
    await menu(page, 'Kim', 'Switch on');
    await page.getByText('Kim is switched on.').waitFor();
    assert.deepEqual((await admin.call('GET', '/owners')).json.items, []);
    assert.deepEqual(page.troubles, []);
  });

  it('with many tokens: the dialog says how many, and asks for the name where one is in use', async () => {
    const used = await admin.createToken({ label: 'In use', owner: 'Ulla', origins: 'any' });
    for (let number = 0; number < 5; number += 1)
      await admin.createToken({ label: `Idle ${number}`, owner: 'Ulla' });
    await site.used(used, 'Ulla');
    const page = await site.signedIn({ at: '#/licences' });
    const ask = async (owner) => {
      await page.getByRole('button', { name: 'Switch an owner off …' }).click();
      await dialog(page, 'Switch an owner off').getByLabel('Owner').fill(owner);
      await dialog(page, 'Switch an owner off').getByRole('button', { name: 'Next' }).click();
      return dialog(page, `Switch ${owner} off?`);
    };
    const sure = await ask('Ulla');
    await sure.getByText('6 tokens; used last:').waitFor();
    await sure.getByRole('button', { name: 'Switch off' }).click();
    await sure.getByText('type it exactly').waitFor();
    await assertAccessible(page, 'many tokens of an owner');
    await sure.getByRole('button', { name: 'Cancel' }).click();
    await dialog(page, 'Switch an owner off').getByRole('button', { name: 'Cancel' }).click();
    await dialog(page, 'Discard what you typed?').getByRole('button', { name: 'Discard' }).click();
    // In another spelling nobody can say which tokens these are.
    const other = await ask('ULLA');
    await other.getByText('No active token has exactly this name; other spellings of it may.').waitFor();
    await other.getByRole('button', { name: 'Switch off' }).click();
    await other.getByText('type it exactly').waitFor();
    await other.getByLabel('Type the label').fill('ULLA');
    await other.getByRole('button', { name: 'Switch off' }).click();
    await other.waitFor({ state: 'detached' });
    assert.equal((await admin.token(used.id)).revoked_reason, 'owner_removed');
  });

  it('is only looked at by a viewer', async () => {
    const { key } = await admin.createAdminKey('viewer');
    const page = await site.signedIn({ key, at: '#/licences' });
    assert.equal(await page.getByRole('button', { name: /Set an end|Switch an owner|Actions/ }).count(), 0);
  });
});
