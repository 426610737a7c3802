// What the console shows of a token's usage: on its page, before a revocation, and for both tokens of a
// family.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Console, goTo } from './harness/console.mjs';

const SITE = 'https://shop.example',
  COPYCAT = 'https://copycat.example';
/** An isolate sends its counts at most every 30 s. */
const COUNTED_MS = 75_000;
const site = new Console();
let old, fresh;

before(async () => {
  await site.start();
  const { admin, client } = site.gateway;
  const call = (token, origin) =>
    client.get('/v1/x', { headers: { Authorization: `Bearer ${token.token}`, Origin: origin } });
  old = await admin.createToken({ label: 'In use', origins: [SITE] });
  fresh = (await admin.call('POST', `/tokens/${old.id}/rotate`, { body: {} })).json;
  for (let time = 0; time < 4; time += 1) assert.equal((await call(old, SITE)).status, 200);
  for (let time = 0; time < 2; time += 1) assert.equal((await call(old, COPYCAT)).status, 403);
  await eventually(
    'uses are counted',
    async () => (await admin.call('GET', `/tokens/${old.id}/usage`)).json.totals.requests === 6,
    COUNTED_MS,
  );
});
after(() => site.stop());

describe('use', () => {
  it('is on the token’s page by outcome and site, as a chart and as a table', async () => {
    const page = await site.signedIn({ at: `#/token/${old.id}` });
    const use = page.getByRole('region', { name: 'Use', exact: true });
    await use.locator('.uplot canvas').waitFor();
    const number = (name) =>
      use.locator('.numbers > div').filter({ hasText: name }).locator('dd').innerText();
    assert.deepEqual(
      [await number('Requests'), await number('Admitted'), await number('Refused by site')],
      ['6', '4', '2'],
    );
    await use.getByText('Show as a table').click();
    const cells = await use
      .getByRole('table', { name: 'Requests by outcome' })
      .getByRole('cell')
      .allInnerTexts();
    assert.deepEqual(cells.map(Number), [4, 2, 0]);
    await use.getByRole('listitem').filter({ hasText: SITE }).getByText('4').waitFor();
    await use.getByRole('listitem').filter({ hasText: COPYCAT }).getByText('2').waitFor();
    await use.getByLabel('Time').selectOption('Last hour');
    await use.getByText('Show as a table').waitFor();
    assert.deepEqual(page.troubles, []);
  });

  it('is a small line in the list', async () => {
    const page = await site.signedIn();
    await page.getByRole('img', { name: '6 requests in the last 24 hours' }).waitFor();
    assert.equal(await page.locator('.line i').count(), 24, 'nothing is drawn where nothing was asked');
  });

  it('is said before a revocation', async () => {
    const page = await site.signedIn({ at: `#/token/${old.id}` });
    await page.getByRole('button', { name: 'Revoke …' }).click();
    await page.getByRole('dialog').getByText('Still used by shop.example').waitFor();
    assert.equal(
      await page.getByLabel('Type the label').count(),
      0,
      'it has a successor: no label need be typed',
    );
  });

  it('of old and new stands side by side, and the old one is ended there', async () => {
    const page = await site.signedIn();
    await goTo(page, `#/family/${old.family}`, 'Family of “In use”');
    const sides = page.locator('.columns.even > div');
    await sides.nth(0).getByText('4 admitted, 2 refused').waitFor();
    await sides.nth(1).getByText('0 admitted, 0 refused').waitFor();
    await page.getByRole('button', { name: 'End the old one now' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByRole('region', { name: 'When it takes effect' }).waitFor();
    assert.equal((await site.admin.token(old.id)).state, 'revoked');
    assert.equal((await site.admin.token(fresh.id)).state, 'active');
    await page
      .getByRole('link', { name: 'All tokens' })
      .or(page.getByRole('link', { name: 'Tokens', exact: true }).first())
      .first()
      .click();
    await page.getByRole('heading', { level: 1, name: 'Tokens' }).waitFor();
  });
});
