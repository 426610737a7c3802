// Rotating a token in the console: the four choices, the obstacles, and the family's lineage.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Console, goTo, more as take } from './harness/console.mjs';
import { loseAnswer } from './harness/network.mjs';

/** An isolate sends its counts at most every 30 s. */
const COUNTED_MS = 75_000;
const site = new Console();
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const DAY = 86_400;
const lifeDays = ({ created_at: from, expires_at: until }) =>
  Math.round((Date.parse(until) - Date.parse(from)) / 1000 / DAY);
const dialog = (page) => page.getByRole('dialog');

async function rotate(page, choice, { more = async () => {}, anotherWay = false } = {}) {
  if (anotherWay) await take(page, 'Rotate another way …');
  else await page.getByRole('button', { name: 'Rotate …' }).click();
  await dialog(page).getByRole('radio', { name: choice, exact: true }).check();
  await more();
  await dialog(page).getByRole('button', { name: 'Rotate', exact: true }).click();
}

/** The button says why, with a link to the token to act on, and does nothing. */
async function cannotRotate(page, why, other) {
  const button = page.getByRole('button', { name: 'Rotate …' });
  await button.waitFor();
  assert.equal(await button.getAttribute('aria-disabled'), 'true');
  const beside = page.locator(`#${await button.getAttribute('aria-describedby')}`);
  assert.match(await beside.innerText(), why);
  const link = beside.getByRole('link', { name: other, exact: true });
  assert.equal(await link.getAttribute('href'), `#/token/${other}`);
  // It is not disabled for the keyboard, so that its reason can be read.
  await button.click({ force: true });
  assert.equal(await dialog(page).count(), 0);
}

describe('rotating', () => {
  it('plans the old one’s end as chosen, shows the new one, and marks which to copy', async () => {
    const old = await admin.createToken({ label: 'Rotated' });
    const page = await site.signedIn({ at: `#/token/${old.id}` });
    await rotate(page, 'A number of days from now', {
      more: () => dialog(page).getByRole('spinbutton', { name: 'Days from now' }).fill('3'),
    });
    const shown = page.getByRole('dialog', { name: 'The new token of “Rotated”' });
    assert.match(await shown.getByRole('textbox').innerText(), /^wlp_[\w-]{36}$/);
    await shown.getByRole('button', { name: 'Done' }).click();
    const { successor, rotation } = await admin.token(old.id);
    // Both have the same heading.
    await page.waitForURL(`**/*#/token/${successor}`);
    assert.deepEqual([rotation.revoke_old.when, rotation.revoke_old.after_seconds], ['after', 3 * 86_400]);
    await goTo(page, `#/token/${old.id}`, 'Rotated');
    await page.getByRole('button', { name: 'Move or cancel the end' }).click();
    await dialog(page).getByRole('button', { name: 'Cancel', exact: true }).click();
    await goTo(page, '#/tokens', 'Tokens');
    await page
      .getByRole('row')
      .filter({ hasText: 'Current' })
      .getByRole('link', { name: 'Rotated' })
      .waitFor();
    await goTo(page, `#/family/${old.family}`, 'Family of “Rotated”');
    await page
      .getByText(/It ends in 3 days/)
      .first()
      .waitFor();
    assert.equal(await page.locator('.tree > li > ul > li').count(), 1, 'the successor stands below');
    const current = (place) => place.getByText('Current', { exact: true }).count();
    assert.deepEqual(
      [await current(page.locator('.tree')), await current(page.locator('.tree > li > ul'))],
      [1, 1],
      'of the two it is the one to copy',
    );
    const sides = page.locator('.columns.even > div');
    assert.deepEqual([await current(sides.nth(0)), await current(sides.nth(1))], [0, 1]);
    assert.deepEqual(page.troubles, []);
  });

  it('offers what to give up when the successor waits to be deployed', async () => {
    const old = await admin.createToken({ label: 'Waiting' });
    const waiting = (await admin.call('POST', `/tokens/${old.id}/rotate`, { body: {} })).json;
    const page = await site.signedIn({ at: `#/token/${waiting.id}` });
    await cannotRotate(page, /Its successor was never used\. Deploy that one first\./, waiting.id);
    await rotate(page, 'Not automatically', { anotherWay: true });
    await dialog(page).getByRole('alert').getByText('The newest token was never used').waitFor();
    await dialog(page)
      .getByRole('radio', { name: `The unused one, ${waiting.id}` })
      .check();
    await dialog(page).getByRole('button', { name: 'Rotate', exact: true }).click();
    await page
      .getByRole('dialog', { name: 'Rotate “Waiting” now?' })
      .getByRole('button', { name: 'Rotate now' })
      .click();
    await page.getByRole('dialog', { name: 'The new token of “Waiting”' }).waitFor();
    assert.equal((await admin.token(waiting.id)).state, 'revoked');
    assert.equal((await admin.token(old.id)).state, 'active');
  });

  it('says why when two are active, names both, and offers to revoke the older one', async () => {
    const origin = 'https://shop.example';
    const old = await admin.createToken({ label: 'Two active', origins: [origin] });
    const second = (
      await admin.call('POST', `/tokens/${old.id}/rotate`, { body: { revoke_old: { when: 'never' } } })
    ).json;
    for (const { token } of [old, second]) {
      assert.equal(
        (
          await site.gateway.client.get('/now', {
            headers: { Authorization: `Bearer ${token}`, Origin: origin },
          })
        ).status,
        200,
      );
    }
    await eventually(
      'the use of the second is known',
      async () => (await admin.token(second.id)).first_used_at,
    );
    await eventually(
      'the use of the first is counted',
      async () => (await admin.call('GET', `/tokens/${old.id}/usage`)).json.totals.admitted === 1,
      COUNTED_MS,
    );
    const page = await site.signedIn({ at: `#/token/${second.id}` });
    await cannotRotate(page, /Two tokens of the family are in use\. End the older one first\./, old.id);
    await rotate(page, 'Not automatically', { anotherWay: true });
    const told = dialog(page).getByRole('alert');
    await told.getByText('A family can have two active tokens').waitFor();
    for (const { id } of [old, second])
      await told
        .getByRole('listitem')
        .filter({ hasText: id })
        .getByText(/Last used|No use is known/)
        .waitFor();
    assert.equal((await admin.token(old.id)).state, 'active', 'nothing is done before it is chosen');
    await told.getByRole('checkbox', { name: 'Revoke the older one now' }).check();
    await dialog(page).getByRole('button', { name: 'Rotate', exact: true }).click();
    const sure = page.getByRole('dialog', { name: 'Rotate “Two active” now?' });
    await sure.getByText('Still used by shop.example').waitFor();
    await sure.getByText(old.fingerprint).waitFor();
    await sure.getByLabel('Type the label').fill('Two active');
    await sure.getByRole('button', { name: 'Rotate now' }).click();
    await page.getByRole('dialog', { name: 'The new token of “Two active”' }).waitFor();
    assert.deepEqual(
      [(await admin.token(old.id)).state, (await admin.token(second.id)).state],
      ['revoked', 'active'],
    );
  });

  it('names the token to rotate instead as a link: on the page, and when the dialog learns of it', async () => {
    const old = await admin.createToken({ label: 'Overtaken' });
    const page = await site.signedIn({ at: `#/token/${old.id}` });
    await page.getByRole('button', { name: 'Rotate …' }).click();
    const { id } = (await admin.call('POST', `/tokens/${old.id}/rotate`, { body: {} })).json;
    await dialog(page).getByRole('button', { name: 'Rotate', exact: true }).click();
    const told = dialog(page).getByRole('alert');
    await told.getByText('It has a successor already. Rotate that one.').waitFor();
    assert.doesNotMatch(await dialog(page).innerText(), /admin key|rotate_instead/);
    const link = told.getByRole('link', { name: `Go to ${id}` });
    assert.ok(await link.evaluate((element) => element === document.activeElement));
    await link.click();
    await page.waitForURL(new RegExp(`${id}$`));
    await dialog(page).waitFor({ state: 'detached' });
    await goTo(page, `#/token/${old.id}`, 'Overtaken');
    await cannotRotate(page, /It has a successor already/, id);
    assert.deepEqual(page.troubles, []);
  });

  it('the one to copy is marked, also while its successor is disabled', async () => {
    const old = await admin.createToken({ label: 'Marked' });
    const { id } = (
      await admin.call('POST', `/tokens/${old.id}/rotate`, { body: { label: 'Its successor' } })
    ).json;
    const page = await site.signedIn();
    const rowOf = (label) =>
      page.getByRole('row').filter({ has: page.getByRole('link', { name: label, exact: true }) });
    await rowOf('Its successor').getByText('Current').waitFor();
    assert.equal(await rowOf('Marked').getByText('Current').count(), 0);
    await admin.disable(id);
    await page.reload();
    await rowOf('Marked').getByText('Current').waitFor();
    assert.equal(await rowOf('Its successor').getByText('Current').count(), 0);
  });

  it('again after an answer was lost gives the successor that was made', async () => {
    const old = await admin.createToken({ label: 'Rotated once' });
    const page = await site.signedIn({ at: `#/token/${old.id}` });
    const calls = await loseAnswer(page, 'POST', `/tokens/${old.id}/rotate`);
    await rotate(page, 'Not automatically');
    await dialog(page).getByRole('alert').getByText('cannot be reached').waitFor();
    const { successor } = await admin.token(old.id);
    await dialog(page).getByRole('button', { name: 'Rotate', exact: true }).click();
    await page
      .getByRole('dialog', { name: 'The new token of “Rotated once”' })
      .getByRole('button', { name: 'Done' })
      .click();
    await page.waitForURL(new RegExp(`${successor}$`));
    assert.equal(calls.sent, 2);
    assert.equal((await admin.call('GET', `/families/${old.family}`)).json.total, 2);
  });

  it('gives the new one the life of the old one, said in words and with its end; shorter ones are choices', async () => {
    const day = (at) =>
      new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(at));
    const old = await admin.createToken({ label: 'A year', expires_in: 365 * DAY });
    const page = await site.signedIn({ at: `#/token/${old.id}` });
    await page.getByRole('button', { name: 'Rotate …' }).click();
    const same = dialog(page).getByRole('radio', { name: 'As long as before: 1 year' });
    assert.ok(await same.isChecked());
    const offered = await dialog(page).locator('.presets label').allInnerTexts();
    assert.deepEqual(offered, [
      'As long as before: 1 year',
      '1 day',
      '7 days',
      '30 days',
      '90 days',
      'A date',
    ]);
    await dialog(page)
      .getByText(`It ends on ${day(Date.now() + 365 * DAY * 1000)}`)
      .waitFor();
    await dialog(page).getByRole('button', { name: 'Rotate', exact: true }).click();
    await dialog(page).getByRole('button', { name: 'Done' }).click();
    await page.waitForURL(/tok_\d+$/);
    const made = await admin.token((await admin.token(old.id)).successor);
    assert.equal(lifeDays(made), 365);
    assert.ok(Date.parse(made.expires_at) >= Date.parse(old.expires_at));

    const another = await admin.createToken({ label: 'Shorter', expires_in: 45 * DAY });
    await goTo(page, `#/token/${another.id}`, 'Shorter');
    await page.getByRole('button', { name: 'Rotate …' }).click();
    await dialog(page).getByRole('radio', { name: 'As long as before: 45 days' }).waitFor();
    await dialog(page).getByRole('radio', { name: '7 days' }).check();
    await dialog(page)
      .getByText(`It ends on ${day(Date.now() + 7 * DAY * 1000)}`)
      .waitFor();
    await dialog(page).getByRole('button', { name: 'Rotate', exact: true }).click();
    await dialog(page).getByRole('button', { name: 'Done' }).click();
    assert.equal(lifeDays(await admin.token((await admin.token(another.id)).successor)), 7);
  });

  it('a token that the registry rotates by itself says so', async () => {
    const { id } = await admin.createToken({
      label: 'By itself',
      auto_rotate: { before_expiry_seconds: 30 * 86_400 },
    });
    const page = await site.signedIn({ at: `#/token/${id}` });
    await page.getByRole('region', { name: 'Settings' }).getByText('30 days before its end').waitFor();
  });
});
