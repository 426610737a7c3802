// Why does a page get 403: recent refusals, the first request with a new token, and the first page.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { assertAccessible } from './harness/axe.mjs';
import { ADMIN_KEY, Console, goTo, PATH, signIn } from './harness/console.mjs';

const SITE = 'https://shop.example',
  STRANGER = 'https://stranger.example';
/** An isolate sends its counts at most every 30 s. */
const COUNTED_MS = 75_000;
/** The location “off” keeps no refusals. */
const site = new Console({ locations: { off: () => ({ REFUSAL_TAIL: 'off' }) } });
const { admin } = site;
let shop, other;

/** A request to the API, as a page of `origin` makes it. */
const ask = (token, origin, path = '/v1/x') =>
  site.gateway.client.get(path, {
    headers: { ...(token && { Authorization: `Bearer ${token}` }), ...(origin && { Origin: origin }) },
  });
/** The name of the link that allows the stranger for a token. */
const allow = (id) => new RegExp(`^Allow this site\\s+${STRANGER} for ${id}$`);
const refusals = async (query = '') => (await admin.call('GET', `/refusals${query}`)).json;

before(async () => {
  await site.start();
  shop = await admin.createToken({ label: 'Shop', origins: [SITE] });
  other = await admin.createToken({ label: 'Other', origins: [SITE] });
  assert.equal((await ask(shop.token, STRANGER, '/v1/tiles/7?key=secret')).status, 403);
  assert.equal((await ask(other.token, null, `/v1/${other.token}/a`)).status, 403);
  assert.equal((await ask(null, STRANGER)).status, 401);
  await eventually('refusals arrive', async () => (await refusals()).items.length === 3, COUNTED_MS);
});
after(() => site.stop());

describe('recent refusals', () => {
  it('of the API have reason, site, token, path without query, and location, and no token’s text', async () => {
    const { items, keeping } = await refusals();
    assert.ok(keeping);
    const found = items.map(({ code, token, site, method, path }) => ({ code, token, site, method, path }));
    const code = (name) => found.find((refusal) => refusal.code === name);
    assert.deepEqual(code('origin_not_allowed'), {
      code: 'origin_not_allowed',
      token: shop.id,
      site: STRANGER,
      method: 'GET',
      path: '/v1/tiles/7',
    });
    assert.equal(code('origin_missing').path, '/v1/wlp_AQ…/a');
    assert.deepEqual([code('token_missing').token, code('token_missing').site], [null, STRANGER]);
    assert.ok(!JSON.stringify(items).includes('secret') && !JSON.stringify(items).includes(other.token));
    assert.deepEqual(
      (await refusals(`?token=${shop.id}`)).items.map(({ token }) => token),
      [shop.id],
    );
    assert.equal((await refusals(`?site=${encodeURIComponent(STRANGER)}`)).items.length, 2);
    assert.equal((await admin.call('GET', '/refusals?token=tok_999')).status, 404);
  });

  it('are on a page with filters, from which a site is allowed, but not saved', async () => {
    const page = await site.signedIn({ at: '#/refusals' });
    await page.getByText('Kept for 7 days at most').waitFor();
    const rows = page.getByRole('table', { name: 'Refusals, newest first' }).getByRole('row');
    const row = rows.filter({ hasText: 'Site not on its list' });
    await row.getByRole('link', { name: 'Shop', exact: true }).waitFor();
    await row.locator('code.under').getByText(shop.fingerprint, { exact: true }).waitFor();
    await row.getByText('GET /v1/tiles/7', { exact: true }).waitFor();
    await page.getByLabel('Site').fill('stranger.example/page');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.waitForURL(/site=https%3A%2F%2Fstranger\.example/);
    await rows.nth(3).waitFor({ state: 'detached' });
    assert.equal(await rows.count(), 1 + 2);
    await page.getByLabel('Token').fill(shop.token);
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.waitForURL(new RegExp(`token=${shop.id}`));
    await page.getByRole('link', { name: allow(shop.id) }).click();
    await page.getByRole('heading', { level: 1, name: 'Edit “Shop”', exact: true }).waitFor();
    assert.equal(await page.getByLabel('Sites that may use it').inputValue(), `${SITE}\n${STRANGER}`);
    await page.getByText('Nothing is saved yet.').waitFor();
    assert.deepEqual((await admin.token(shop.id)).origins, [SITE]);
    assert.deepEqual(page.troubles, []);
  });

  it('are asked for again while the page is open, unless it is paused', async () => {
    const page = await site.page();
    await page.clock.install();
    await page.goto(`${site.origin}/_wayleave/console/#/refusals`);
    await page.getByLabel('Admin key').fill('an-admin-key-for-tests-0123456789abcdef');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Refusals', exact: true }).waitFor();
    let calls = 0;
    page.on('request', (request) => {
      if (request.url().includes('/refusals')) calls += 1;
    });
    const answered = page.waitForResponse('**/refusals?*');
    await page.clock.runFor(11_000);
    await answered;
    assert.equal(calls, 1);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.clock.runFor(60_000);
    assert.equal(calls, 1);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    assert.equal(calls, 2);
    await goTo(page, '#/tokens', 'Tokens');
    await page.clock.runFor(60_000);
    assert.equal(calls, 2, 'a page that was left asks nothing');
  });

  it('that are not kept are not promised', async () => {
    const page = await site.page();
    await page.goto(`http://localhost:${site.gateway.workerd.ports.off}${PATH}#/refusals`);
    await signIn(page, ADMIN_KEY);
    await page.getByRole('heading', { level: 2, name: 'No refusals are kept' }).waitFor();
    await page.getByText('REFUSAL_TAIL is off').waitFor();
    await page.getByText('A token’s page still counts its refusals').waitFor();
    assert.equal(await page.getByText('Kept for').count(), 0);
    assert.equal(await page.getByRole('table').count(), 0);
    await assertAccessible(page, 'no refusals are kept');
    assert.deepEqual(page.troubles, []);
  });

  it('are linked from the token’s page', async () => {
    const page = await site.signedIn({ at: `#/token/${shop.id}` });
    await page.getByRole('link', { name: 'Recent refusals of this token' }).click();
    await page.getByRole('heading', { level: 1, name: 'Refusals', exact: true }).waitFor();
    assert.equal(await page.getByLabel('Token').inputValue(), shop.id);
  });
});

/** Whether the dot of the first request has the colour of what is good. */
const isGreen = (first) =>
  first.locator('.dot').evaluate((dot) => {
    const probe = document.createElement('i');
    probe.style.color = 'var(--good)';
    document.body.append(probe);
    const isGreen = getComputedStyle(dot).backgroundColor === getComputedStyle(probe).color;
    probe.remove();
    return isGreen;
  });

describe('the first request', () => {
  it('is waited for at the token’s address, and says what was wrong, then that it works', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await page.getByLabel('Label').fill('Newcomer');
    await page.getByLabel('Sites that may use it').fill(SITE);
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByRole('heading', { level: 1, name: '“Newcomer” is ready', exact: true }).waitFor();
    const [, id] = /#\/token\/(tok_\d+)$/.exec(page.url());
    const first = page.getByRole('region', { name: 'First request' });
    await first.getByText('Waiting for the first request').waitFor();
    const { token } = (await admin.call('GET', `/tokens/${id}/token`)).json;
    assert.equal((await ask(token, STRANGER)).status, 403);
    await first
      .locator('.first-request.refused')
      .getByText('A request was refused: site not on its list')
      .waitFor({ timeout: COUNTED_MS });
    assert.equal(await isGreen(first), false);
    await first.getByRole('link', { name: allow(id) }).waitFor();
    assert.equal((await ask(token, SITE)).status, 200);
    await first.locator('.first-request.came').getByText('It works.').waitFor({ timeout: COUNTED_MS });
    assert.equal(await isGreen(first), true);
    await first.getByText('shop.example').waitFor();
    assert.deepEqual(page.troubles, []);

    // The text was shown once; a reload shows the token's page, and Back leads to where one came from.
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Newcomer', exact: true }).waitFor();
    assert.equal(await page.getByText(token).count(), 0);
  });

  it('is waited for after a rotation and after a clone, with code that has the new token', async () => {
    const old = await admin.createToken({ label: 'Replaced', origins: [SITE] });
    const page = await site.signedIn({ at: `#/token/${old.id}` });
    const comes = async (isGone) => {
      const id = page.url().split('/').at(-1);
      const { token } = (await admin.call('GET', `/tokens/${id}/token`)).json;
      const first = page.getByRole('region', { name: 'First request' });
      await first.locator('.first-request.waiting').getByText('Waiting for the first request').waitFor();
      await page.getByRole('region', { name: 'Use it' }).getByText(token).first().waitFor();
      assert.equal((await ask(token, SITE)).status, 200);
      await first.locator('.first-request.came').getByText('It works.').waitFor({ timeout: COUNTED_MS });
      assert.equal(await isGreen(first), true);
      await page.reload();
      await page.getByRole('heading', { level: 1, name: isGone, exact: true }).waitFor();
      assert.equal(await page.getByText(token).count(), 0, 'it is shown once');
      return id;
    };
    await page.getByRole('button', { name: 'Rotate …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Done' }).click();
    await page.waitForURL((url) => !url.href.endsWith(old.id));
    const successor = await comes('Replaced');
    assert.equal((await admin.token(successor)).predecessor, old.id);
    await goTo(page, `#/new?clone=${old.id}`, 'New token like “Replaced”');
    await page.getByLabel('Label').fill('Copied');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByRole('heading', { level: 1, name: '“Copied” is ready', exact: true }).waitFor();
    await comes('Copied');
    assert.deepEqual(page.troubles, []);
  });

  it('is waited for on a new token’s page too, and not on one that is used', async () => {
    const made = await admin.createToken({ label: 'Not used', origins: [SITE] });
    const page = await site.signedIn({ at: `#/token/${made.id}` });
    await page.getByRole('region', { name: 'First request' }).getByText('Waiting').waitFor();
    await goTo(page, `#/token/${shop.id}`, 'Shop');
    await page.getByRole('region', { name: 'First request' }).getByText('A request was refused').waitFor();
  });
});

describe('the first page', () => {
  it('shows requests and refusals by outcome, sites to allow, ends ahead and what is under way', async () => {
    const old = await admin.createToken({ label: 'Old', origins: [SITE], expires_in: 5 * 86_400 });
    await admin.call('POST', `/tokens/${old.id}/rotate`, { body: { revoke_old: { when: 'never' } } });
    const page = await site.page();
    await page.goto(`${site.origin}/_wayleave/console/`);
    await page.getByLabel('Admin key').fill('an-admin-key-for-tests-0123456789abcdef');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Home', exact: true }).waitFor();
    const all = page.getByRole('region', { name: 'Requests of all tokens' });
    for (const code of ['origin_not_allowed', 'origin_missing', 'token_missing'])
      await all.locator('.numbers').getByText(code, { exact: true }).waitFor();
    await all.getByRole('link', { name: allow(shop.id) }).waitFor();
    const ends = page.getByRole('region', { name: 'Ends ahead' });
    await ends.getByRole('link', { name: 'Old' }).first().waitFor();
    await ends.getByRole('img', { name: /^Ends by day/ }).waitFor();
    const changes = page.getByRole('region', { name: 'Under way' });
    await changes.getByRole('listitem').filter({ hasText: 'Old is being replaced' }).waitFor();
    await page.getByRole('region', { name: 'How long changes take' }).getByText('Bound').waitFor();
    assert.deepEqual(page.troubles, []);
  });

  it('guides whoever has no token yet', async () => {
    const page = await site.signedIn({ at: '#/settings' });
    await page.route('**/_wayleave/api/tokens?*', (route) =>
      route.fulfill({ json: { items: [], next_cursor: null } }),
    );
    await goTo(page, '#/home', 'Home');
    await page.getByRole('heading', { level: 2, name: 'No tokens yet' }).waitFor();
    await page.getByText('See the first request.').waitFor();
    await page.getByRole('link', { name: 'Create the first token' }).click();
    await page.getByRole('heading', { level: 1, name: 'New token', exact: true }).waitFor();
  });
});

describe('accessibility', () => {
  for (const scheme of ['light', 'dark'])
    it(`holds on these pages, ${scheme}`, async () => {
      const page = await site.signedIn({ at: '#/home', scheme });
      await page.getByRole('region', { name: 'Ends ahead' }).locator('ul, p').first().waitFor();
      await page.getByText('Over time').click();
      await page.locator('.uplot canvas').waitFor();
      await assertAccessible(page, 'home');
      await goTo(page, '#/refusals', 'Refusals');
      await assertAccessible(page, 'refusals');
      await goTo(page, `#/token/${shop.id}`, 'Shop');
      await page.getByRole('region', { name: 'First request' }).getByText('refused').first().waitFor();
      await assertAccessible(page, 'token');
    });
});
