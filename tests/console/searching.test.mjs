// What people paste into the search is found, and no token gets into an address; every filter can be seen and
// taken away.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { read, siteIn, whySecret } from '../../www/views/pasted.js';
import { Console, goTo } from './harness/console.mjs';

const site = new Console();
const { admin } = site;
const SITE = 'https://shop.example';
/** In the shape of an admin key. */
const ADMIN_SECRET = 'wla_AQEAAAAHsecret';
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
/** What an address must not have: so much of the token, or of an admin key. */
const secretsIn = (seen) =>
  seen.filter((url) => {
    const text = decodeURIComponent(url);
    return text.includes(wanted.token.slice(0, 14)) || text.includes(ADMIN_SECRET);
  });
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
    assert.equal(siteIn(`shop.example:8443/a?token=${whole}`), 'https://shop.example:8443');
    assert.equal(siteIn('*.town.example'), 'https://*.town.example');
    assert.deepEqual(read('  '), { asks: [{}], shown: '' });
  });

  it('what shows more of a token than its ends may not stand in an address, and says why', () => {
    for (const text of [whole, whole.slice(0, 13), `wlp_AQEA Bearer ${whole}`, `Basic ${btoa(`a:${whole}`)}`])
      assert.match(whySecret(text), /has a token in it/, text);
    assert.match(whySecret(ADMIN_SECRET), /admin key/);
    for (const text of ['', shown, whole.slice(0, 12), 'ana@shop.example', 'tok_7', 'Basic support'])
      assert.equal(whySecret(text), '', text);
    assert.equal(read(`wlp_AQEA Bearer ${whole}`).token, whole, 'the whole one counts');
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
      await page.getByRole('heading', { level: 1, name: 'Wanted', exact: true }).waitFor();
      await page.goBack();
      await page.getByRole('heading', { level: 1, name: 'Tokens', exact: true }).waitFor();
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

describe('a field whose text goes into an address', () => {
  const TOKEN_SAID = 'That has a token in it, which must not stand in an address.';
  const KEY_SAID = 'That is an admin key.';

  it('of the list takes no token and no admin key, and says so beside it; a site is its origin', async () => {
    const page = await site.signedIn();
    const seen = addresses(page);
    await page.getByText('More filters').click();
    const entered = async (name, text) => {
      const field = page.getByLabel(name, { exact: true });
      await field.fill(text);
      await field.press('Enter');
      return field;
    };
    const chips = page.getByRole('button', { name: /remove this filter$/ });
    for (const name of ['Owner, exactly', 'Signing key', 'Site'])
      for (const [text, said] of [
        [wanted.token, TOKEN_SAID],
        [`Bearer ${wanted.token}`, TOKEN_SAID],
        [ADMIN_SECRET, KEY_SAID],
      ]) {
        const field = await entered(name, text);
        const place = page.locator(`#${await field.getAttribute('aria-describedby')}`);
        await place.getByText(said).waitFor();
        assert.equal(await field.getAttribute('aria-invalid'), 'true');
        assert.equal(await chips.count(), 0, `${name}: ${text}`);
        await entered(name, '');
        await place.getByText(said).waitFor({ state: 'detached' });
      }
    await entered('Site', `${SITE}/map?token=${wanted.token}`);
    await page.getByRole('button', { name: `Site: ${SITE}: remove this filter` }).waitFor();
    await row(page, 'Wanted').waitFor();
    await page.getByRole('button', { name: 'Views …' }).click();
    const views = page.getByRole('dialog');
    await views.getByLabel('Name').fill(wanted.token);
    await views.getByRole('button', { name: 'Save the current view' }).click();
    await views.getByText(TOKEN_SAID).waitFor();
    assert.deepEqual(secretsIn(seen), []);
    assert.deepEqual(page.troubles, []);
  });

  it('of refusals, the audit log, licences and owners neither', async () => {
    const page = await site.signedIn({ at: '#/refusals' });
    const seen = addresses(page);
    const show = page.getByRole('button', { name: 'Show', exact: true });
    for (const text of [`Bearer ${wanted.token}`, wanted.token]) {
      await page.getByLabel('Site').fill(text);
      await show.click();
      await page.locator('#refused-site-error').getByText(TOKEN_SAID).waitFor();
    }
    await page.getByLabel('Site').fill(`${SITE}/map?token=${wanted.token}`);
    await page.getByLabel('Token').fill(ADMIN_SECRET);
    await show.click();
    await page.locator('#refused-token-error').getByText(KEY_SAID).waitFor();
    await page.getByLabel('Token').fill(`https://api.example/?token=${wanted.token}`);
    await show.click();
    await page.waitForURL(`**/#/refusals?token=${wanted.id}&site=https%3A%2F%2Fshop.example`);

    await goTo(page, '#/audit', 'Audit log');
    const about = page.getByLabel('Token or family');
    for (const [text, said] of [
      [wanted.token, TOKEN_SAID],
      [`tok_7 ${wanted.token}`, TOKEN_SAID],
      [ADMIN_SECRET, KEY_SAID],
      ['shop', 'An id: tok_ or fam_'],
    ]) {
      await about.fill(text);
      await about.press('Enter');
      await page.getByText(said).waitFor();
    }

    await goTo(page, '#/licences', 'Licences and owners');
    for (const [open, name] of [
      ['Set an end', 'Its external id, name or id'],
      ['Switch an owner off', 'Owner'],
    ]) {
      await page.getByRole('button', { name: open }).click();
      const asked = page.getByRole('dialog');
      await asked.getByLabel(name, { exact: true }).fill(`${wanted.token}@shop.example`);
      await asked.getByRole('button', { name: 'Next' }).click();
      await asked.getByText(TOKEN_SAID).waitFor();
      await asked.getByLabel(name, { exact: true }).fill('');
      await asked.getByRole('button', { name: 'Cancel' }).click();
      await asked.waitFor({ state: 'detached' });
    }
    assert.deepEqual(secretsIn(seen), []);
    assert.deepEqual(page.troubles, []);
  });

  it('loses a secret where somebody opens an address with one', async () => {
    const page = await site.signedIn({ at: '#/settings' });
    const calls = [];
    page.on('request', (request) => calls.push(request.url()));
    for (const [address, heading] of [
      [`#/tokens?owner=${wanted.token}&origin=${SITE}?token=${wanted.token}`, 'Tokens'],
      [`#/refusals?site=${wanted.token}&token=${wanted.token}`, 'Refusals'],
      [`#/audit?actor=${ADMIN_SECRET}&token=${wanted.token}`, 'Audit log'],
    ]) {
      await goTo(page, address, heading);
      assert.deepEqual(secretsIn([page.url(), ...calls]), []);
    }
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
