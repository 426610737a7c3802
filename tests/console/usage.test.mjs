// What the console shows of a token's usage: on its page, before a revocation, and for both tokens of a
// family.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Console, goTo } from './harness/console.mjs';
import { answerWith } from './harness/network.mjs';

const SITE = 'https://shop.example',
  COPYCAT = 'https://copycat.example';
/** An isolate sends its counts at most every 30 s. */
const COUNTED_MS = 75_000;
const site = new Console();
let old, fresh, refused, tried;

before(async () => {
  await site.start();
  const { admin, client } = site.gateway;
  const call = (token, origin) =>
    client.get('/v1/x', { headers: { Authorization: `Bearer ${token.token}`, Origin: origin } });
  old = await admin.createToken({ label: 'In use', origins: [SITE] });
  fresh = (await admin.call('POST', `/tokens/${old.id}/rotate`, { body: {} })).json;
  refused = await admin.createToken({ label: 'Only refused', origins: [SITE] });
  tried = await admin.createToken({ label: 'Tried', origins: [SITE], origin_mode: 'report' });
  assert.equal((await call(tried, COPYCAT)).status, 200);
  for (let time = 0; time < 3; time += 1) assert.equal((await call(refused, COPYCAT)).status, 403);
  for (let time = 0; time < 4; time += 1) assert.equal((await call(old, SITE)).status, 200);
  for (let time = 0; time < 2; time += 1) assert.equal((await call(old, COPYCAT)).status, 403);
  await eventually(
    'uses are counted',
    async () => {
      const requests = async ({ id }) =>
        (await admin.call('GET', `/tokens/${id}/usage`)).json.totals.requests;
      return (await requests(old)) === 6 && (await requests(refused)) === 3 && (await requests(tried)) === 1;
    },
    COUNTED_MS,
  );
});
after(() => site.stop());

/**
 * Where the chart has this colour: its columns, as parts of the width of the plot.
 * @returns {Promise<{ from: number, to: number, columns: number }>}
 */
const drawn = (use, color) =>
  use.locator('.uplot').evaluate((chart, color) => {
    const canvas = chart.querySelector('canvas');
    const plot = chart.querySelector('.u-over').getBoundingClientRect();
    const outer = canvas.getBoundingClientRect();
    const scale = canvas.width / outer.width;
    const pen = document.createElement('canvas').getContext('2d');
    pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(color).trim();
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
    const left = Math.round((plot.left - outer.left) * scale);
    const width = Math.round(plot.width * scale);
    const { data } = canvas.getContext('2d').getImageData(left, 0, width, canvas.height);
    const columns = new Set();
    for (let at = 0; at < data.length; at += 4)
      if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255)
        columns.add((at / 4) % width);
    return {
      from: Math.min(...columns) / width,
      to: (Math.max(...columns) + 1) / width,
      columns: columns.size,
    };
  }, color);

describe('use', () => {
  it('is on the token’s page by outcome and site, as a chart and as a table', async () => {
    const page = await site.signedIn({ at: `#/token/${old.id}` });
    const use = page.getByRole('region', { name: 'Use', exact: true });
    await use.locator('.uplot canvas').waitFor();
    const number = (name) =>
      use.locator('.numbers > div').filter({ hasText: name }).locator('dd').first().innerText();
    assert.deepEqual(
      [await number('Requests'), await number('Admitted'), await number('Site not on its list')],
      ['6', '4', '2'],
    );
    // All of it is of the current hour, whose bar ends where the chart ends.
    const bar = await drawn(use, '--good');
    assert.ok(bar.columns >= 4 && bar.from > 22 / 24 && bar.to <= 1, JSON.stringify(bar));
    await use.getByText('Show as a table').click();
    const cells = await use
      .getByRole('table', { name: 'Requests by outcome' })
      .getByRole('cell')
      .allInnerTexts();
    assert.deepEqual(cells.map(Number), [4, 2]);
    await use.getByRole('listitem').filter({ hasText: SITE }).getByText('4').waitFor();
    await use.getByRole('listitem').filter({ hasText: COPYCAT }).getByText('2').waitFor();
    for (const [time, steps] of [
      ['Last hour', 60],
      ['Last 30 days', 30],
    ]) {
      await use.locator('.uplot').evaluate((chart) => chart.setAttribute('data-before', ''));
      await use.getByLabel('Time').selectOption(time);
      await use.locator('.uplot:not([data-before]) canvas').waitFor();
      const { columns, from } = await drawn(use, '--good');
      assert.ok(columns >= 2 && from > 1 - 6 / steps, `${time}: ${columns} columns from ${from}`);
    }
    assert.deepEqual(page.troubles, []);
  });

  it('of the first hour, of the last, and of a range of one is drawn in its place', async () => {
    const { json } = await site.admin.call('GET', `/tokens/${old.id}/usage`);
    const [counted] = json.periods;
    const hour = 3_600_000;
    const to = Date.parse(json.to);
    const at = (time) => new Date(time).toISOString();
    for (const { hours, first, from, until } of [
      { hours: 24, first: to - 24 * hour, from: 0, until: 1 / 24 },
      { hours: 24, first: to - hour, from: 23 / 24, until: 1 },
      { hours: 1, first: to - hour, from: 0, until: 1 },
    ]) {
      const page = await site.signedIn();
      const range = { from: at(to - hours * hour), to: at(to), periods: [{ ...counted, at: at(first) }] };
      await answerWith(page, `/tokens/${old.id}/usage?*`, { json: { ...json, ...range } });
      await goTo(page, `#/token/${old.id}`, 'In use');
      const use = page.getByRole('region', { name: 'Use', exact: true });
      await use.locator('.uplot canvas').waitFor();
      const bar = await drawn(use, '--good');
      const told = `${hours} hours: ${JSON.stringify(bar)}`;
      assert.ok(bar.columns >= 4, told);
      assert.ok(bar.from >= from - 0.01 && bar.to <= until + 0.01, told);
      await page.context().close();
    }
  });

  it('is a small line in the list', async () => {
    const page = await site.signedIn();
    const use = '4 admitted in the last 24 hours; Site not on its list: 2';
    await page.getByRole('img', { name: use, exact: true }).waitFor();
    const row = page.getByRole('row').filter({ hasText: 'Only refused' });
    await row.getByText('Site not on its list: 3').waitFor();
    await row.getByText('never').waitFor();
    await page
      .getByRole('img', { name: /^1 admitted .*; would be refused: Site not on its list: 1$/ })
      .waitFor();
    assert.equal(
      await page.locator('.line i').count(),
      2 * 24,
      'nothing is drawn where nothing was admitted',
    );
  });

  it('of a token in report mode has sites that would be refused, and none that were', async () => {
    const page = await site.signedIn({ at: `#/token/${tried.id}` });
    const use = page.getByRole('region', { name: 'Use', exact: true });
    const list = use.locator('div:has(> h3:text-is("Would be refused"))');
    await list.getByRole('listitem').filter({ hasText: COPYCAT }).getByText('1').waitFor();
    assert.equal(await use.getByText('Sites refused').count(), 0);
  });

  it('that the registry has not learnt of yet is told by the shards, in the list and of the first one', async () => {
    const page = await site.signedIn({ at: '#/settings' });
    const at = new Date(Date.now() - 60_000).toISOString();
    const usage = (await site.admin.call('GET', `/tokens/${fresh.id}/usage`)).json;
    const known = { ...usage, first_used_at: at, last_used_at: new Date().toISOString() };
    await answerWith(page, `/tokens/${fresh.id}/usage?*`, { json: known });
    const family = (await site.admin.call('GET', `/families/${old.family}`)).json;
    const traffic = family.traffic.map((one) =>
      one.id === fresh.id ? { ...one, last_used_at: known.last_used_at } : one,
    );
    await answerWith(page, `/families/${old.family}`, { json: { ...family, traffic } });
    await goTo(page, `#/family/${old.family}`, 'Family of “In use”');
    const side = page.locator('.columns.even > div').nth(1);
    await side.locator(`dt:text("First used") + dd time[datetime="${at}"]`).waitFor();
    assert.equal(await side.getByText('never').count(), 0);
    await goTo(page, '#/tokens', 'Tokens');
    const row = page.getByRole('row').filter({ hasText: fresh.fingerprint });
    await row.locator(`time[datetime="${known.last_used_at}"]`).waitFor();
    assert.equal(await row.getByText('never').count(), 0);
  });

  it('was last at the same time wherever a page says so, and “never” where there was none', async () => {
    const page = await site.signedIn();
    const { json } = await site.admin.call('GET', `/families/${old.family}`);
    // The registry learns of uses later than the shards that count them.
    const later = new Date(Date.parse(json.traffic.find(({ id }) => id === old.id).last_used_at) + 60_000);
    const traffic = json.traffic.map((one) =>
      one.id === old.id ? { ...one, last_used_at: later.toISOString() } : one,
    );
    await answerWith(page, `/families/${old.family}`, { json: { ...json, traffic } });
    await goTo(page, `#/family/${old.family}`, 'Family of “In use”');
    const side = page.locator('.columns.even > div').first();
    const times = (place, name) =>
      place.locator(name).evaluateAll((all) => all.map((one) => one.getAttribute('datetime')));
    const beside = await times(side, 'dt:text("Last used") + dd time');
    const below = await times(page.locator('.tree > li > .entry'), 'time');
    assert.deepEqual([beside.length, beside[0]], [1, later.toISOString()]);
    assert.equal(below.at(-1), beside[0]);
    await page.locator('.columns.even > div').nth(1).getByText('never').first().waitFor();
    assert.equal(await page.getByText('not known').count(), 0);

    const usage = (await site.admin.call('GET', `/tokens/${old.id}/usage`)).json;
    await answerWith(page, `/tokens/${old.id}/usage?*`, {
      json: { ...usage, last_used_at: later.toISOString() },
    });
    await goTo(page, `#/token/${old.id}`, 'In use');
    await page
      .getByRole('region', { name: 'Life' })
      .locator(`dt:text("Last used") + dd time[datetime="${later.toISOString()}"]`)
      .waitFor();
    await goTo(page, `#/token/${refused.id}`, 'Only refused');
    await page
      .getByRole('region', { name: 'Life' })
      .locator('dt:text("Last used") + dd')
      .getByText('never')
      .waitFor();
  });

  it('is said before a revocation', async () => {
    const page = await site.signedIn({ at: `#/token/${old.id}` });
    await page.getByRole('button', { name: 'Revoke …' }).click();
    await page.getByRole('dialog').getByText('Still used by shop.example').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByText('The label is “In use”: type it exactly').waitFor();
    assert.equal((await site.admin.token(old.id)).state, 'active', 'pages use it: a slip does not end it');
  });

  it('of old and new stands side by side, and the old one is ended there', async () => {
    const page = await site.signedIn();
    await goTo(page, `#/family/${old.family}`, 'Family of “In use”');
    const sides = page.locator('.columns.even > div');
    await sides.nth(0).getByText('4 admitted, 2 refused (Site not on its list: 2)').waitFor();
    await sides.nth(1).getByText('0 admitted, 0 refused').waitFor();
    await page.getByRole('button', { name: 'End the old one now' }).click();
    await page.getByRole('dialog').getByLabel('Type the label').fill('In use');
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByRole('region', { name: 'When it takes effect' }).waitFor();
    assert.equal((await site.admin.token(old.id)).state, 'revoked');
    assert.equal((await site.admin.token(fresh.id)).state, 'active');
    await page
      .getByRole('link', { name: 'All tokens' })
      .or(page.getByRole('link', { name: 'Tokens', exact: true }).first())
      .first()
      .click();
    await page.getByRole('heading', { level: 1, name: 'Tokens', exact: true }).waitFor();
  });
});
