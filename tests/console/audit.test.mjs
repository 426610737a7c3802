// The audit log: labels in place of bare ids, filters by person, action and time, and what an edit changed in
// words; charts that say what a bar stands for; a webhook that is tried from the page.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Receiver } from '../workerd/harness/receiver.mjs';
import { assertAccessible } from './harness/axe.mjs';
import { Console, goTo } from './harness/console.mjs';
import { answerWith } from './harness/network.mjs';

const site = new Console();
const { admin } = site;
let token;
before(async () => {
  await site.start();
  token = await admin.createToken({
    label: 'Audited',
    origins: ['https://old.example', 'https://kept.example'],
  });
  await admin.edit(token.id, { origins: ['https://kept.example', 'https://new.example'], rate: null });
  await admin.createToken({ label: 'Another' });
});
after(() => site.stop());

const entries = (page) => page.locator('.events > li');

describe('the audit log', () => {
  it('names tokens by their labels, and says in words what an edit changed', async () => {
    const page = await site.signedIn({ at: '#/audit' });
    const edit = entries(page).filter({ hasText: 'edited' });
    const link = edit.getByRole('link', { name: '“Audited”' });
    assert.equal(await link.getAttribute('title'), token.id);
    await edit.locator('summary', { hasText: 'sites' }).click();
    await edit.getByText('without https://old.example').waitFor();
    await edit.getByText('with https://new.example').waitFor();
    await edit.getByText('1 unchanged').waitFor();
    await assertAccessible(page, 'the audit log');
    await link.click();
    await page.getByRole('heading', { level: 1, name: 'Audited', exact: true }).waitFor();
    assert.deepEqual(page.troubles, []);
  });

  it('is filtered by person, action, token and time, and the address keeps it', async () => {
    const { key, id } = await admin.createAdminKey('operator', { label: 'Ana Ruiz' });
    const other = await site.signedIn({ key, at: `#/token/${token.id}` });
    await other.getByRole('heading', { level: 1, name: 'Audited', exact: true }).waitFor();
    const page = await site.signedIn({ at: '#/audit' });
    const shown = async (count) => {
      await eventually(`${count} entries`, async () => (await entries(page).count()) === count);
    };
    await page.getByLabel('Who').focus();
    await page.getByLabel('Who').selectOption(`${id} Ana Ruiz`);
    await shown(1);
    assert.ok(await page.getByLabel('Who').evaluate((control) => control === document.activeElement));
    // As while somebody types a year.
    await page.getByLabel('From').evaluate((control) => {
      control.value = '12026-01-01T00:00';
      control.dispatchEvent(new Event('change', { bubbles: true }));
    });
    await shown(1);
    await entries(page).getByText('signed in').waitFor();
    await page.getByRole('link', { name: 'Show all' }).click();
    // Chosen while the other filter is still shown, since its page is only about to be drawn.
    await page.getByLabel('Did what').selectOption({ label: 'created (token)' });
    await shown(2);
    assert.equal(await page.getByLabel('Who').inputValue(), '');
    await page.getByLabel('Token or family').fill(token.id);
    await page.getByLabel('Token or family').press('Enter');
    await shown(1);
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Audit log', exact: true }).waitFor();
    assert.equal(await page.getByLabel('Token or family').inputValue(), token.id);
    await shown(1);
    await page.getByLabel('Before').fill('2020-01-01T00:00');
    await page.getByText('No events.').waitFor();
    await page.getByRole('link', { name: 'Show all' }).click();
    await page.getByLabel('From').waitFor();
    await page
      .getByRole('link', { name: `${id} Ana Ruiz` })
      .first()
      .click();
    await shown(1);
    assert.deepEqual(page.troubles, []);
  });

  it('says that it searched a part only, and goes on', async () => {
    const page = await site.signedIn();
    await answerWith(page, '/events?*', { json: { items: [], next_cursor: 'MTA' } });
    await goTo(page, '#/audit?action=token.created', 'Audit log');
    await page.getByText('None among the last 50,000 entries that were searched.').waitFor();
    await page.getByRole('link', { name: 'Older' }).waitFor();
  });
});

describe('a chart', () => {
  it('says at the pointer what a bar stands for, over more than one range', async () => {
    const page = await site.signedIn({ at: `#/token/${token.id}` });
    const hour = new Date();
    hour.setUTCMinutes(0, 0, 0);
    const counts = { requests: 7, admitted: 7, reported: {}, refused: {}, upstream: {} };
    const usage = {
      id: token.id,
      counting: true,
      step: 'hour',
      from: new Date(hour.getTime() - 23 * 3_600_000).toISOString(),
      to: new Date(hour.getTime() + 3_600_000).toISOString(),
      totals: counts,
      periods: [{ at: hour.toISOString(), ...counts }],
      origins: { allowed: [], refused: [] },
    };
    const asked = [];
    page.on('request', (request) => request.url().includes('/usage?') && asked.push(new URL(request.url())));
    await answerWith(page, `/tokens/${token.id}/usage?*`, { json: usage });
    const use = page.getByRole('region', { name: 'Use', exact: true });
    await use.getByLabel('Time').selectOption('Last 7 days');
    await use.locator('.uplot canvas').waitFor();
    const { searchParams } = asked.at(-1);
    assert.equal(searchParams.get('step'), 'hour');
    const days = (Date.now() - Date.parse(searchParams.get('from'))) / 86_400_000;
    assert.ok(Math.abs(days - 7) < 0.1);
    const over = use.locator('.u-over');
    const { width, height } = await over.boundingBox();
    await over.hover({ position: { x: width - 5, y: height / 2 } });
    await use.locator('.tip').getByText('7 admitted').waitFor();
    await over.hover({ position: { x: 5, y: height / 2 } });
    await use.locator('.tip').getByText('0 admitted').waitFor();
    await page.mouse.move(0, 0);
    await use.locator('.tip').waitFor({ state: 'hidden' });
    assert.deepEqual(page.troubles, []);
  });
});

describe('the webhook', () => {
  it('without a receiver says what is missing; a viewer cannot try it', async () => {
    const page = await site.signedIn({ at: '#/notices' });
    await page.getByRole('button', { name: 'Try the webhook' }).click();
    await page.getByRole('dialog').getByText('WEBHOOK_URL is not set').waitFor();
    const { key } = await admin.createAdminKey('viewer');
    const viewer = await site.signedIn({ key, at: '#/notices' });
    assert.equal(await viewer.getByRole('button', { name: 'Try the webhook' }).count(), 0);
  });

  it('is tried from the page, which shows whether it was accepted', async () => {
    const receiver = new Receiver();
    await receiver.start();
    const hooked = new Console({
      variables: (upstream) => ({
        UPSTREAM: upstream,
        WEBHOOK_URL: `${receiver.origin}/hooks`,
        WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
      }),
    });
    try {
      await hooked.start();
      const page = await hooked.signedIn({ at: '#/notices' });
      await page.getByRole('button', { name: 'Try the webhook' }).click();
      await page.getByText('Somebody tried the webhook').waitFor();
      await eventually('it is accepted', async () => {
        await page.reload();
        await page.getByText('Somebody tried the webhook').waitFor();
        return (await page.getByText('Webhook delivered').count()) === 1;
      });
      await assertAccessible(page, 'a webhook that was tried');
    } finally {
      await hooked.stop();
      await receiver.stop();
    }
  });
});
