// Signing in and out, and the places where a key must never appear.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ADMIN_KEY, Console, PATH, signIn } from './harness/console.mjs';

const site = new Console();
before(() => site.start());
after(() => site.stop());

describe('signing in', () => {
  it('asks for a key, takes one, and gives it back to nobody', async () => {
    const page = await site.page();
    const addresses = [];
    page.on('request', (request) => addresses.push(request.url()));
    await page.goto(site.origin + PATH);
    const field = page.getByLabel('Admin key');
    assert.equal(await field.getAttribute('type'), 'password');
    assert.equal(await field.getAttribute('autocomplete'), 'current-password');
    assert.ok(await field.evaluate((element) => element === document.activeElement));
    await signIn(page, ADMIN_KEY);
    await page.getByRole('heading', { level: 1, name: 'Home', exact: true }).waitFor();
    assert.ok(
      await page.locator('main h1').evaluate((element) => element === document.activeElement),
      'the heading has the focus',
    );

    const kept = await page.evaluate(async () =>
      JSON.stringify([
        { ...localStorage },
        { ...sessionStorage },
        document.cookie,
        location.href,
        history.state,
        await indexedDB.databases(),
        await caches.keys(),
        document.documentElement.outerHTML,
      ]),
    );
    assert.ok(!kept.includes(ADMIN_KEY), 'storage, cookies, address and page');
    assert.ok(!kept.includes('wls_'), 'a session is not to be read by scripts');
    assert.ok(
      addresses.every((address) => !address.includes(ADMIN_KEY) && address.startsWith(site.origin)),
      'no address has the key, and nobody else is asked',
    );
    assert.ok(!site.gateway.workerd.output.includes(ADMIN_KEY), 'nor the log');
    assert.deepEqual(page.troubles, []);

    const [cookie, ...others] = await page.context().cookies();
    assert.deepEqual(others, []);
    const { name, httpOnly, secure, sameSite, path, domain } = cookie;
    assert.deepEqual(
      { name, httpOnly, secure, sameSite, path, domain },
      {
        name: '__Host-wayleave',
        httpOnly: true,
        secure: true,
        sameSite: 'Strict',
        path: '/',
        domain: 'localhost',
      },
    );
  });

  it('keeps the session on every name of this machine, over plain http: browsers trust loopback with Secure cookies', async () => {
    for (const host of ['localhost', '127.0.0.1']) {
      const page = await site.page();
      await page.goto(site.origin.replace('localhost', host) + PATH);
      await signIn(page, ADMIN_KEY);
      await page.getByRole('heading', { level: 1, name: 'Home', exact: true }).waitFor();
      await page.reload();
      await page.getByRole('heading', { level: 1, name: 'Home', exact: true }).waitFor();
      assert.equal((await page.context().cookies())[0].secure, true, host);
    }
  });

  it('a wrong key is told next to the field, and what was typed stays', async () => {
    const page = await site.page();
    await page.goto(site.origin + PATH);
    await signIn(page, 'wla_wrong');
    const told = page.getByRole('alert');
    await told.getByText('This key is not valid here: it is mistyped, deleted or past its end.').waitFor();
    assert.doesNotMatch(await told.innerText(), /Bearer|Authorization/);
    assert.equal(await page.getByLabel('Admin key').inputValue(), 'wla_wrong');
  });

  it('signing out ends the session, also for whoever kept the cookie', async () => {
    const page = await site.signedIn();
    const [{ name, value }] = await page.context().cookies();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Admin key').waitFor();
    assert.deepEqual(await page.context().cookies(), []);
    const answer = await site.gateway.client.get('/_wayleave/api/session', {
      headers: { Cookie: `${name}=${value}`, 'Sec-Fetch-Site': 'same-origin' },
    });
    assert.equal(answer.status, 401);
  });

  it('a reload stays signed in and at the same place', async () => {
    const page = await site.signedIn({ at: '#/revocation' });
    await page.getByRole('heading', { level: 1, name: 'Revocation', exact: true }).waitFor();
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Revocation', exact: true }).waitFor();
  });
});
