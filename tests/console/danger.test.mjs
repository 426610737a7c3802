// Everything that ends tokens, or refuses their pages, looks alike: red, with the use, the bound and a label
// to type where pages use it, and with a countdown afterwards. What can be undone offers that.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { assertAccessible } from './harness/axe.mjs';
import { Console, goTo, more, openMore } from './harness/console.mjs';
import { answerWith } from './harness/network.mjs';

const SHOP = 'https://shop.example',
  BLOG = 'https://blog.example';
/** An isolate sends its counts at most every 30 s. */
const COUNTED_MS = 75_000;
const site = new Console();
const { admin } = site;
/** Tokens that pages used a moment ago. */
const used = {};
/** The successor of one of them. */
let unused;

before(async () => {
  await site.start();
  for (const name of ['rotated', 'stopped', 'edited', 'ending', 'inFamily'])
    used[name] = await admin.createToken({ label: `Used, ${name}`, origins: [SHOP, BLOG] });
  used.reported = await admin.createToken({ label: 'Tried', origins: [SHOP], origin_mode: 'report' });
  used.scripted = await admin.createToken({ label: 'Scripted', origins: [SHOP], missing_origin: 'allow' });
  const rotated = async ({ id }) => (await admin.call('POST', `/tokens/${id}/rotate`, { body: {} })).json;
  used.successor = await rotated(used.stopped);
  unused = await rotated(used.inFamily);
  for (const { label, token } of Object.values(used))
    for (const origin of label === 'Scripted' ? [SHOP, null, null] : [SHOP, SHOP, BLOG]) {
      const headers = { Authorization: `Bearer ${token}`, ...(origin && { Origin: origin }) };
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
    await more(page, 'Revoke the family …');
    const asked = dialog(page, 'Revoke the whole family?');
    await asked.getByLabel('Reason').fill('leaked key');
    await guarded(page, asked, 'Revoke the family', label);
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
      await page.getByRole('button', { name: 'Revoke the family …' }).click();
      const asked = dialog(page, 'Revoke the whole family?');
      await prepare(asked);
      await asked.getByRole('button', { name: 'Revoke the family', exact: true }).click();
      await asked.waitFor({ state: 'detached' });
    };
    await stop(async () => {});
    assert.equal((await admin.token(token.id)).state, 'active');
    await stop((asked) => asked.getByLabel('Also the protected ones (1)').check());
    await receipt(page).waitFor();
    assert.equal((await admin.token(token.id)).state, 'revoked');
  });
});

describe('the emergency stop that leaves a token', () => {
  it('counts down for those that it revoked', async () => {
    const old = await admin.createToken({ label: 'Half guarded' });
    const { json: kept } = await admin.call('POST', `/tokens/${old.id}/rotate`, { body: {} });
    await admin.edit(kept.id, { protected: true });
    const page = await site.signedIn({ at: `#/family/${old.family}` });
    await page.getByRole('button', { name: 'Revoke the family …' }).click();
    await dialog(page, 'Revoke the whole family?')
      .getByRole('button', { name: 'Revoke the family', exact: true })
      .click();
    await receipt(page)
      .getByText('The revoked tokens of the family are refused everywhere within 60 s')
      .waitFor();
    assert.deepEqual(
      [(await admin.token(old.id)).state, (await admin.token(kept.id)).state],
      ['revoked', 'active'],
    );
  });
});

describe('use that nobody can tell', () => {
  it('asks for the label where the registry knows of a last use of today', async () => {
    const { id, label } = used.inFamily;
    const page = await site.signedIn();
    const ago = (hours) => new Date(Date.now() - hours * 3_600_000).toISOString();
    await answerWith(page, `/tokens/${id}/usage?*`, { status: 503, json: {} });
    for (const [hours, isAsked] of [
      [30, false],
      [3, true],
    ]) {
      await page.unroute(`**/_wayleave/api/tokens/${id}`);
      await answerWith(page, `/tokens/${id}`, {
        json: { ...(await admin.token(id)), last_used_at: ago(hours) },
      });
      await goTo(page, '#/tokens', 'Tokens');
      await goTo(page, `#/token/${id}`, label);
      await page.getByRole('button', { name: 'Revoke …' }).click();
      const asked = dialog(page, `Revoke “${label}”?`);
      await asked.getByText('It is not known whether it is still in use. It was used').waitFor();
      assert.equal(await asked.getByLabel('Type the label').isVisible(), isAsked, `${hours} hours ago`);
      await asked.getByRole('button', { name: 'Cancel' }).click();
    }
  });
});

describe('many tokens at once', () => {
  const chosen = async (labels, action) => {
    const page = await site.signedIn();
    for (const label of labels) await page.getByRole('checkbox', { name: `Select ${label}` }).check();
    const bar = page.getByRole('region', { name: 'Selected tokens' });
    await bar.getByRole('button', { name: `${action} …` }).click();
    const asked = dialog(page, `${action} many tokens`);
    await asked.getByRole('button', { name: `${action} ${labels.length} tokens` }).waitFor();
    return asked;
  };

  it('are disabled with the bound said before and a countdown after, and enabled from there', async () => {
    const labels = ['Bulk one', 'Bulk two'];
    const made = await Promise.all(labels.map((label) => admin.createToken({ label })));
    const asked = await chosen(labels, 'Disable');
    await asked.getByText('They are refused everywhere within 60 s of the acknowledgement.').waitFor();
    await asked.getByRole('button', { name: 'Disable 2 tokens' }).click();
    await receipt(asked).getByText('The 2 tokens are refused everywhere within 60 s').waitFor();
    await receipt(asked).getByRole('timer').waitFor();
    await assertAccessible(asked.page(), 'after many were disabled');
    await asked.getByRole('button', { name: 'Enable them again' }).click();
    await asked.getByText('2 tokens enabled.').waitFor();
    await receipt(asked).getByText('The 2 tokens are admitted again everywhere').waitFor();
    assert.equal(await asked.getByRole('button', { name: 'Enable them again' }).count(), 0);
    for (const { id } of made) assert.equal((await admin.token(id)).state, 'active');
  });

  it('are revoked because their owner has left', async () => {
    const labels = ['Left one', 'Left two'];
    const made = await Promise.all(labels.map((label) => admin.createToken({ label })));
    const asked = await chosen(labels, 'Revoke');
    await asked.getByLabel('Their owner has left').check();
    await asked.getByRole('button', { name: 'Revoke 2 tokens' }).click();
    await receipt(asked).getByText('The 2 tokens are refused everywhere within 60 s').waitFor();
    for (const { id } of made) assert.equal((await admin.token(id)).revoked_reason, 'owner_removed');
  });

  it('are rotated with every part of a plan, and with a life', async () => {
    const labels = ['Turned one', 'Turned two'];
    const made = await Promise.all(
      labels.map((label) => admin.createToken({ label, expires_in: 90 * 86_400 })),
    );
    const asked = await chosen(labels, 'Rotate');
    assert.ok(await asked.getByRole('radio', { name: 'As long as each had before' }).isChecked());
    await asked.getByRole('radio', { name: 'A number of hours after the new one' }).check();
    await asked.getByRole('spinbutton', { name: 'Hours after the first use' }).fill('5');
    await asked.getByText('A deadline', { exact: true }).click();
    await asked.getByRole('spinbutton', { name: /^Days from now, at the latest/ }).fill('9');
    await asked.getByLabel('End the old one at the deadline in any case').check();
    await asked.getByRole('radio', { name: '7 days' }).check();
    await assertAccessible(asked.page(), 'a plan for many');
    await asked.getByRole('button', { name: 'Rotate 2 tokens' }).click();
    await asked.getByText('2 tokens rotated.').waitFor();
    for (const { id } of made) {
      const { rotation, successor } = await admin.token(id);
      assert.deepEqual(rotation.revoke_old, {
        when: 'first_use',
        drain_seconds: 5 * 3600,
        deadline_seconds: 9 * 86_400,
        strict: true,
      });
      const { created_at: from, expires_at: until } = await admin.token(successor);
      assert.equal(Math.round((Date.parse(until) - Date.parse(from)) / 86_400_000), 7);
    }
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
  /** It is in use, so its label is asked for. */
  const agreed = async (asked, label) => {
    const submit = asked.getByRole('button', { name: 'Save, and refuse them' });
    await submit.click();
    await asked.getByText('type it exactly').waitFor();
    await asked.getByLabel('Type the label').fill(label);
    await submit.click();
  };

  it('that refuses a site which used the token today warns first, then counts down', async () => {
    const { id, label } = used.edited;
    const page = await site.signedIn({ at: `#/edit/${id}` });
    await page.getByLabel('Sites that may use it').fill(`${SHOP}\n*.blog.example`);
    await page.getByRole('button', { name: 'Save' }).click();
    const asked = dialog(page, 'Refuse a site that used it since yesterday?');
    await asked.getByText(BLOG).waitFor();
    assert.equal(await asked.getByText(SHOP).count(), 0);
    await assertAccessible(page, 'before sites are removed');
    await asked.getByRole('button', { name: 'Cancel' }).click();
    assert.equal((await admin.token(id)).version, 1);
    await page.getByRole('button', { name: 'Save' }).click();
    await agreed(asked, label);
    await page.getByRole('heading', { level: 1, name: label, exact: true }).waitFor();
    await receipt(page).getByText('The change is in effect everywhere within 60 s').waitFor();
    assert.deepEqual((await admin.token(id)).origins, [SHOP, 'https://*.blog.example']);
    assert.deepEqual(page.troubles, []);
  });

  /** Saves the form; the dialog that asks once more. */
  const saved = async (page, name) => {
    await page.getByRole('button', { name: 'Save' }).click();
    const asked = dialog(page, name);
    await asked.waitFor();
    return asked;
  };

  it('from report mode to enforced rules warns of sites that only report mode admitted', async () => {
    const { id } = used.reported;
    const page = await site.signedIn({ at: `#/edit/${id}` });
    await page.getByRole('group', { name: 'When a site is not on the list' }).getByLabel('Refuse it').check();
    const asked = await saved(page, 'Refuse a site that used it since yesterday?');
    await asked.getByText(BLOG).waitFor();
    assert.equal(await asked.getByText(SHOP).count(), 0);
    await agreed(asked, 'Tried');
    await page.getByRole('heading', { level: 1, name: 'Tried', exact: true }).waitFor();
    assert.equal((await admin.token(id)).origin_mode, 'enforce');
  });

  it('of a whole family warns of what used its other tokens', async () => {
    const page = await site.signedIn({ at: `#/edit/${unused.id}` });
    await page.getByLabel('Sites that may use it').fill(SHOP);
    await page.getByLabel('Change the family’s other tokens too').check();
    const asked = await saved(page, 'Refuse a site that used it since yesterday?');
    await asked.getByText(BLOG).waitFor();
    await asked.getByText('used a token of the family').waitFor();
    await asked.getByRole('button', { name: 'Cancel' }).click();
    await page.getByLabel('Change the family’s other tokens too').uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { level: 1, name: unused.label, exact: true }).waitFor();
    assert.deepEqual((await admin.token(used.inFamily.id)).origins, [SHOP, BLOG]);
  });

  it('that refuses requests without a site warns where some were admitted', async () => {
    const refuse = (page) =>
      page.getByRole('group', { name: 'When a request names no site' }).getByLabel('Refuse it').check();
    const page = await site.signedIn({ at: `#/edit/${used.scripted.id}` });
    await refuse(page);
    const asked = await saved(page, 'Refuse requests without a site?');
    await asked.getByText('2 requests without a site since yesterday').waitFor();
    await assertAccessible(page, 'before requests without a site are refused');
    await asked.getByRole('button', { name: 'Cancel' }).click();
    const { id } = await admin.createToken({ label: 'Quiet', origins: [SHOP], missing_origin: 'allow' });
    const other = await site.signedIn({ at: `#/edit/${id}` });
    await refuse(other);
    await other.getByRole('button', { name: 'Save' }).click();
    await other.getByRole('heading', { level: 1, name: 'Quiet', exact: true }).waitFor();
    assert.deepEqual([page.troubles, other.troubles], [[], []]);
  });

  it('of words for people only has nothing to wait for', async () => {
    const token = await admin.createToken({ label: 'Renamed' });
    const page = await site.signedIn({ at: `#/edit/${token.id}` });
    await page.getByLabel('Label').fill('Named anew');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { level: 1, name: 'Named anew', exact: true }).waitFor();
    await page.waitForLoadState('networkidle');
    assert.equal(await receipt(page).count(), 0);
  });
});
