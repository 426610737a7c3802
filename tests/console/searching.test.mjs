// What people paste into the search is found, and no token gets into an address; every filter can be seen and
// taken away.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { read } from '../../www/views/pasted.js';
import { Console, goTo } from './harness/console.mjs';

const site = new Console();
const { admin } = site;
const SITE = 'https://shop.example';
let wanted, successor;

before(async () => {
  await site.start();
  await admin.createToken({ label: 'Another', origins: ['https://another.example'] });
  wanted = await admin.createToken({
    label: 'Wanted',
    origins: [SITE, '*.town.example'],
    expires_in: 86_400,
  });
  successor = (await admin.call('POST', `/tokens/${wanted.id}/rotate`, { body: { label: 'Successor' } }))
    .json;
});
after(() => site.stop());

const row = (page, label) =>
  page.getByRole('row').filter({ has: page.getByRole('link', { name: label, exact: true }) });
const search = (page) => page.getByRole('searchbox', { name: 'Search' });

/** The addresses of all calls of the page, and all its own addresses from now on. */
function addresses(page) {
  const seen = [];
  page.on('request', (request) => seen.push(request.url()));
  page.on('framenavigated', (frame) => seen.push(frame.url()));
  return seen;
}

describe('reading what was pasted', () => {
  const whole = `wlp_AQEAAAAH${'x'.repeat(20)}3vPq9XbE`;
  const shown = 'wlp_AQEAAAAH…3vPq9XbE';

  it('a whole token in whatever stands around it is sent in a body, and its ends stand for it', () => {
    for (const text of [
      whole,
      ` ${whole}\n`,
      `Bearer ${whole}`,
      `Authorization: Bearer ${whole}`,
      `curl -H 'X-Api-Key: ${whole}' https://api.example`,
      `https://api.example/map?token=${whole}&style=2`,
      `https://api.example/map?key=${whole}`,
      `https://api.example/${whole}/map`,
      `Authorization: Basic ${btoa(`${whole}:`)}`,
    ])
      assert.deepEqual(read(text), { asks: [{ q: shown }], shown, token: whole }, text);
  });

  it('a fingerprint in the shape of any release, and a token cut short', () => {
    assert.deepEqual(read(shown).asks, [{ q: shown }]);
    assert.deepEqual(read('wlp_AQEAAAAH...3vPq9XbE').asks, [{ q: shown }]);
    assert.deepEqual(read('wlp_AQEA…3vPq9XbE').asks, [{ q: 'wlp_AQEA…3vPq9XbE' }]);
    assert.deepEqual(read(`${whole.slice(0, 20)}…${whole.slice(-8)}`).asks, [{ q: shown }]);
    for (const text of [whole.slice(0, 39), whole.slice(0, 13), `Bearer ${whole.slice(0, 20)}…`])
      assert.deepEqual([read(text).asks, read(text).shown], [[{ q: 'wlp_AQEAAAAH' }], 'wlp_AQEAAAAH…'], text);
    assert.deepEqual(read(whole.slice(0, 12)).asks, [{ q: 'wlp_AQEAAAAH' }]);
  });

  it('ids, sites, hosts and other text', () => {
    const first = (text) => read(text).asks[0];
    assert.deepEqual(first('tok_7'), { q: 'tok_7' });
    assert.deepEqual(first('http://localhost:8787/_wayleave/console/#/token/tok_7'), { q: 'tok_7' });
    assert.deepEqual(first('fam_AbC-_9'), { family: 'fam_AbC-_9' });
    assert.deepEqual(first('https://shop.example/a?b#c'), { origin: 'https://shop.example' });
    assert.deepEqual(first('moz-extension://*/x'), { origin: 'moz-extension://*' });
    assert.deepEqual(read('shop.example/a').asks, [
      { q: 'shop.example/a' },
      { q: 'shop.example' },
      { origin: 'https://shop.example' },
      { origin: 'http://shop.example' },
    ]);
    for (const text of ['ana@shop.example', 'Town shop', 'customer-17', '3vPq9XbE', 'wlp_', 'wlp_AQEA'])
      assert.deepEqual(read(text), { asks: [{ q: text }], shown: text }, text);
    assert.equal(read('wla_AAAA').isAdminKey, true);
    assert.deepEqual(read('  '), { asks: [{}], shown: '' });
  });
});

describe('the search', () => {
  it('finds what people paste', async () => {
    const page = await site.signedIn();
    const { token, id, family } = wanted;
    for (const text of [
      wanted.fingerprint,
      `${token.slice(0, 8)}…${token.slice(-8)}`,
      token.slice(0, 30),
      `Bearer ${token.slice(0, 20)}`,
      id,
      family,
      SITE,
      `${SITE}/page?a=b`,
      'shop.example',
      'any.town.example',
      '*.town.example',
    ]) {
      await search(page).fill('no such thing');
      await page.getByRole('heading', { name: 'No token matches' }).waitFor();
      await search(page).fill(text);
      await row(page, 'Wanted').waitFor();
      assert.equal(await row(page, 'Another').count(), 0, text);
      assert.equal(await search(page).inputValue(), text, 'what is typed stays');
    }
    assert.deepEqual(page.troubles, []);
  });

  it('opens the page of a whole token, which is in no address; its fingerprint stands in its place', async () => {
    for (const around of ['', 'Bearer ', 'Authorization: Bearer ', 'https://api.example/x?token=']) {
      const page = await site.signedIn();
      const seen = addresses(page);
      await search(page).fill(`${around}${wanted.token}`);
      await page.getByRole('heading', { level: 1, name: 'Wanted' }).waitFor();
      await page.goBack();
      await page.getByRole('heading', { level: 1, name: 'Tokens' }).waitFor();
      assert.equal(await search(page).inputValue(), wanted.fingerprint);
      await row(page, 'Wanted').waitFor();
      assert.deepEqual(
        seen.filter((url) => decodeURIComponent(url).includes(wanted.token.slice(0, 14))),
        [],
      );
      await page.context().close();
    }
  });

  it('takes a whole token out of an address that somebody opened, and says when there is none', async () => {
    const page = await site.signedIn({ at: '#/settings' });
    const seen = addresses(page);
    await goTo(page, `#/tokens?q=${wanted.token}`, 'Tokens');
    await row(page, 'Wanted').waitFor();
    assert.ok(!page.url().includes(wanted.token));
    assert.deepEqual(
      seen.filter((url) => url.includes('/api/') && url.includes(wanted.token)),
      [],
    );
    const unknown = `wlp_AQEAAAAH${'x'.repeat(28)}`;
    await search(page).fill(`Bearer ${unknown}`);
    await page.locator('#search-error').getByText('not issued by this deployment').waitFor();
    assert.equal(await search(page).inputValue(), 'wlp_AQEAAAAH…xxxxxxxx');
  });
});

describe('a filter', () => {
  it('that the banner sets is shown, and can be taken away', async () => {
    const page = await site.signedIn();
    await page.getByRole('searchbox').fill('portal');
    await goTo(page, '#/settings', 'Settings');
    await goTo(page, '#/tokens?has_successor=false', 'Tokens');
    await row(page, 'Successor').waitFor();
    assert.equal(await row(page, 'Wanted').count(), 0);
    await page.getByRole('button', { name: 'Without a successor: remove this filter' }).click();
    await row(page, 'Wanted').waitFor();
    assert.ok(!page.url().includes('has_successor'));
    assert.equal(await page.getByRole('button', { name: /remove this filter/ }).count(), 0);
    assert.equal(successor.label, 'Successor');
    assert.deepEqual(page.troubles, []);
  });
});
