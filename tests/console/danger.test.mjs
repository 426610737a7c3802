// Everything that ends tokens, or refuses their pages, looks alike: red, with the use, the bound and a label
// to type where pages use it, and with a countdown afterwards. What can be undone offers that.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { assertAccessible } from './harness/axe.mjs';
import { Console, goTo, more, openMore } from './harness/console.mjs';

const SHOP = 'https://shop.example',
  BLOG = 'https://blog.example';
/** An isolate sends its counts at most every 30 s. */
const COUNTED_MS = 75_000;
const site = new Console();
const { admin } = site;
/** Tokens that pages used a moment ago. */
const used = {};

before(async () => {
  await site.start();
  for (const name of ['rotated', 'stopped', 'edited', 'ending'])
    used[name] = await admin.createToken({ label: `Used, ${name}`, origins: [SHOP, BLOG] });
  const successor = await admin.call('POST', `/tokens/${used.stopped.id}/rotate`, { body: {} });
  used.successor = successor.json;
  for (const { token } of Object.values(used))
    for (const origin of [SHOP, SHOP, BLOG]) {
      const headers = { Authorization: `Bearer ${token}`, Origin: origin };
      assert.equal((await site.gateway.client.get('/now', { headers })).status, 200);
    }
  await eventually(
    'uses are counted',
    async () => {
      const counts = Object.values(used).map(
        async ({ id }) => (await admin.call('GET', `/tokens/${id}/usage`)).json.totals.requests,
      );
      return (await Promise.all(counts)).every((requests) => requests === 3);
    },
    COUNTED_MS,
  );
});
after(() => site.stop());

const dialog = (page, name) => page.getByRole('dialog', { name });
const receipt = (page) => page.getByRole('region', { name: 'When it takes effect' });
const isRed = (button) =>
  button.evaluate((element) => {
    const probe = document.createElement('i');
    probe.style.color = 'var(--bad)';
    document.body.append(probe);
    const isRed = getComputedStyle(element).backgroundColor === getComputedStyle(probe).color;
    probe.remove();
    return isRed;
  });

/** The dialog says the use, the bound and the name to type, and does nothing without the name. */
async function guarded(page, asked, button, label) {
  await asked.getByText('Still used by shop.example').first().waitFor();
  await asked.getByText('within 60 s of the acknowledgement', { exact: true }).waitFor();
  const submit = asked.getByRole('button', { name: button, exact: true });
  assert.ok(await isRed(submit), `${button} is red`);
  await assertAccessible(page, button);
  await submit.click();
  await asked.getByText('type it exactly').waitFor();
  await asked.getByLabel('Type the label').fill(label);
  await submit.click();
  await asked.waitFor({ state: 'detached' });
}

describe('rotating now', () => {
  it('is asked for again, and counts down until the old one is refused', async () => {
    const { id, label } = used.rotated;
    const page = await site.signedIn({ at: `#/token/${id}` });
    await page.getByRole('button', { name: 'Rotate …' }).click();
    const form = dialog(page, `Rotate “${label}”`);
    const rotate = form.getByRole('button', { name: 'Rotate', exact: true });
    assert.equal(await isRed(rotate), false);
    await form.getByRole('radio', { name: 'Now', exact: true }).check();
    assert.ok(await isRed(rotate));
    await rotate.click();
    const sure = dialog(page, `Rotate “${label}” now?`);
    await sure.getByRole('button', { name: 'Cancel' }).click();
    await sure.waitFor({ state: 'detached' });
    assert.equal((await admin.token(id)).state, 'active', 'nothing was done');
    await rotate.click();
    await guarded(page, sure, 'Rotate now', label);
    const made = dialog(page, `The new token of “${label}”`);
    await made.getByText('The old one is refused everywhere within 60 s').waitFor();
    await made.getByRole('button', { name: 'Done' }).click();
    await receipt(page).getByText('The one before it is refused everywhere within 60 s').waitFor();
    const old = await admin.token(id);
    assert.deepEqual([old.state, old.revoked_reason], ['revoked', 'rotated']);
    assert.deepEqual(page.troubles, []);
  });
});

describe('the emergency stop of a family', () => {
  it('is reached from a token’s page, and counts down', async () => {
    const { id, label, family } = used.stopped;
    const page = await site.signedIn({ at: `#/token/${id}` });
    await more(page, 'Stop the family …');
    const asked = dialog(page, 'Revoke the whole family?');
    await asked.getByLabel('Reason').fill('leaked key');
    await guarded(page, asked, 'Revoke all', label);
    await page.waitForURL(new RegExp(`${family}$`));
    await receipt(page).getByText('Every token of the family is refused everywhere within 60 s').waitFor();
    await receipt(page).getByRole('timer').waitFor();
    for (const token of [id, used.successor.id])
      assert.equal((await admin.token(token)).revoked_reason, 'family: leaked key');
    await goTo(page, `#/token/${id}`, label);
    await page.getByRole('button', { name: 'Clone' }).waitFor();
    await openMore(page);
    assert.deepEqual(await page.getByRole('menuitem').allInnerTexts(), ['Show', 'Copy']);
  });

  it('of a family that nobody uses needs no label; protected ones stay unless an owner says so', async () => {
    const token = await admin.createToken({ label: 'Guarded', protected: true });
    const page = await site.signedIn({ at: `#/family/${token.family}` });
    const stop = async (prepare) => {
      await page.getByRole('button', { name: 'Revoke all …' }).click();
      const asked = dialog(page, 'Revoke the whole family?');
      await prepare(asked);
      await asked.getByRole('button', { name: 'Revoke all', exact: true }).click();
      await asked.waitFor({ state: 'detached' });
    };
    await stop(async () => {});
    assert.equal((await admin.token(token.id)).state, 'active');
    await stop((asked) => asked.getByLabel('Also the protected ones (1)').check());
    await receipt(page).waitFor();
    assert.equal((await admin.token(token.id)).state, 'revoked');
  });
});

describe('disabling', () => {
  it('can be undone from the notice, with the keyboard too', async () => {
    const token = await admin.createToken({ label: 'Slipped' });
    const page = await site.signedIn({ at: `#/token/${token.id}` });
    await more(page, 'Disable');
    await receipt(page).getByText('It is refused everywhere within 60 s').waitFor();
    const undo = page.getByRole('status').getByRole('button', { name: 'Undo' });
    await assertAccessible(page, 'a notice with a button');
    await undo.focus();
    await page.keyboard.press('Enter');
    await page.getByText('Slipped works again.').waitFor();
    assert.equal((await admin.token(token.id)).state, 'active');
    await receipt(page).getByText('It is admitted again everywhere').waitFor();
  });
});

describe('an earlier end', () => {
  it('within a day of a token in use needs its label; a later one does not; it counts down', async () => {
    const { id } = used.ending;
    const page = await site.signedIn({ at: `#/token/${id}` });
    const at = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16);
    await page.getByRole('button', { name: 'Set an earlier end' }).click();
    const asked = dialog(page, 'Set an earlier end');
    await asked.getByText('Still used by shop.example').waitFor();
    const typed = asked.getByLabel('Type the label');
    await typed.waitFor({ state: 'hidden' });
    await asked.getByLabel('Ends at').fill(at(5));
    await typed.waitFor();
    await asked.getByLabel('Ends at').fill(at(100));
    await typed.waitFor({ state: 'hidden' });
    await asked.getByLabel('even if no other').check();
    await asked.getByRole('button', { name: 'Set the end' }).click();
    await receipt(page).getByText('The planned end is in effect everywhere within 60 s').waitFor();
    assert.equal((await admin.token(id)).ends_at.slice(0, 16), at(100));
  });
});

describe('an edit', () => {
  it('that refuses a site which used the token today warns first, then counts down', async () => {
    const { id, label } = used.edited;
    const page = await site.signedIn({ at: `#/edit/${id}` });
    await page.getByLabel('Sites that may use it').fill(`${SHOP}\n*.blog.example`);
    await page.getByRole('button', { name: 'Save' }).click();
    const asked = dialog(page, 'Refuse a site that used it today?');
    await asked.getByText(BLOG).waitFor();
    assert.equal(await asked.getByText(SHOP).count(), 0);
    await assertAccessible(page, 'before sites are removed');
    await asked.getByRole('button', { name: 'Cancel' }).click();
    assert.equal((await admin.token(id)).version, 1);
    await page.getByRole('button', { name: 'Save' }).click();
    await asked.getByRole('button', { name: 'Save, and refuse them' }).click();
    await page.getByRole('heading', { level: 1, name: label }).waitFor();
    await receipt(page).getByText('The change is in effect everywhere within 60 s').waitFor();
    assert.deepEqual((await admin.token(id)).origins, [SHOP, 'https://*.blog.example']);
    assert.deepEqual(page.troubles, []);
  });

  it('of words for people only has nothing to wait for', async () => {
    const token = await admin.createToken({ label: 'Renamed' });
    const page = await site.signedIn({ at: `#/edit/${token.id}` });
    await page.getByLabel('Label').fill('Named anew');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { level: 1, name: 'Named anew' }).waitFor();
    await page.waitForLoadState('networkidle');
    assert.equal(await receipt(page).count(), 0);
  });
});
