// Attacks on the console: markup in labels, pages of other sites, frames.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { Console, goTo, more, PATH } from './harness/console.mjs';

const EVIL = `<img src=x onerror="window.owned=1">`;
const site = new Console();
const { admin } = site;
/** A page of another site: 127.0.0.1 and localhost are different sites. */
let stranger;
let visited = '<p>nothing</p>';

before(async () => {
  await site.start();
  stranger = createServer((_request, response) =>
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(visited),
  );
  await new Promise((resolve) => stranger.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  stranger.closeAllConnections();
  stranger.close();
  await site.stop();
});

const strange = () => `http://127.0.0.1:${stranger.address().port}/`;
const labels = async () => (await admin.call('GET', '/tokens')).json.items.map(({ label }) => label);

describe('markup', () => {
  it('in a label, an owner, a reason and a key’s label stays text wherever it is shown', async () => {
    const token = await admin.createToken({
      label: EVIL,
      owner: EVIL,
      external_id: '<b>x</b>',
      metadata: { [EVIL]: EVIL },
    });
    const rotated = (await admin.call('POST', `/tokens/${token.id}/rotate`, { body: {} })).json;
    const revoked = await admin.createToken({ label: EVIL });
    await admin.revoke(revoked.id, { reason: EVIL, force: true });
    await admin.createAdminKey('viewer', { label: EVIL });
    const page = await site.signedIn();
    const places = [
      ['#/tokens', 'Tokens'],
      [`#/token/${token.id}`, EVIL],
      [`#/token/${revoked.id}`, EVIL],
      [`#/edit/${rotated.id}`, `Edit “${EVIL}”`],
      [`#/new?clone=${rotated.id}`, `New token like “${EVIL}”`],
      [`#/family/${token.family}`, `Family of “${EVIL}”`],
      ['#/audit', 'Audit log'],
      ['#/keys', 'Admin keys'],
      [`#/tokens?q=${encodeURIComponent(EVIL)}`, 'Tokens'],
      [`#/token/${encodeURIComponent(EVIL)}`, 'This cannot be shown'],
    ];
    for (const [address, title] of places) {
      await goTo(page, address, title);
      await page.waitForLoadState('networkidle');
      if (title !== 'This cannot be shown')
        await page.getByText('onerror', { exact: false }).first().waitFor({ state: 'attached' });
      assert.equal(await page.locator('img:not(.brand img)').count(), 0, address);
    }
    await goTo(page, `#/token/${rotated.id}`, EVIL);
    for (const name of ['Rotate another way …', 'Revoke …', 'Show']) {
      if (name === 'Revoke …') await page.getByRole('button', { name }).click();
      else await more(page, name);
      await page.getByRole('dialog').waitFor();
      assert.equal(await page.locator('img:not(.brand img)').count(), 0, name);
      await page.keyboard.press('Escape');
    }
    assert.equal(await page.evaluate(() => window.owned), undefined);
    assert.deepEqual(page.troubles, []);
  });

  it('is made by no line of the console, which calls the API in one place', () => {
    const www = new URL('../../www/', import.meta.url);
    const files = readdirSync(www, { recursive: true }).filter(
      (name) => /\.(js|html)$/.test(name) && !name.startsWith('vendor/'),
    );
    assert.ok(files.length > 20);
    for (const name of files) {
      const text = readFileSync(new URL(name, www), 'utf8');
      assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment/, name);
      assert.doesNotMatch(text, /document\.write|parseFromString|srcdoc/, name);
      assert.doesNotMatch(text, /\beval\(|new Function|javascript:/, name);
      assert.doesNotMatch(text, /sessionStorage|indexedDB|document\.cookie/, name);
      // Choices of the user only: the colours, whether single keys act, and named views of the list.
      assert.equal(
        /localStorage/.test(text),
        ['kept.js', 'theme.js', 'rare/saved_views.js'].includes(name),
        `${name}: localStorage`,
      );
      assert.equal(
        // Snippets hold code for other pages, as text.
        /\bfetch\(/.test(text) && !name.startsWith('snippets/'),
        name === 'api.js',
        `${name} calls fetch`,
      );
      if (name.endsWith('.html'))
        assert.doesNotMatch(text, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/, name);
    }
  });
});

describe('a page of another site', () => {
  it('changes nothing by a form or by fetch, with the operator signed in', async () => {
    const page = await site.signedIn();
    const before = await labels();
    const target = `${site.origin}/_wayleave/api/tokens`;
    visited =
      `<form id=f method=post action="${target}" enctype="text/plain">` +
      `<input name='{"label":"forged","origins":"any","x":"' value='"}'></form>`;
    await page.goto(strange());
    const posted = page.waitForResponse((response) => response.url() === target);
    await page.evaluate(() => document.getElementById('f').submit());
    assert.equal((await posted).status(), 401, 'the cookie does not even come along');
    await page.waitForURL(target);
    await page.goto(strange());
    const answers = await page.evaluate(async (target) => {
      const body = JSON.stringify({ label: 'forged', origins: 'any' });
      const tries = [
        fetch(target, { method: 'POST', mode: 'no-cors', credentials: 'include', body }),
        fetch(target, {
          method: 'POST',
          credentials: 'include',
          headers: { 'Content-Type': 'application/json' },
          body,
        }),
        fetch(target, { credentials: 'include' }).then((response) => response.text()),
      ];
      return (await Promise.allSettled(tries)).map(({ status, value }) =>
        status === 'rejected' ? 'rejected' : (value.type ?? 'read'),
      );
    }, target);
    assert.deepEqual(answers, ['opaque', 'rejected', 'rejected']);
    assert.deepEqual(await labels(), before);
    // The session still works in the console.
    await page.goto(site.origin + PATH);
    await page.getByRole('heading', { level: 1, name: 'Home', exact: true }).waitFor();
  });

  it('a page of the same site on another port, to which the cookie does go, changes nothing either', async () => {
    const page = await site.signedIn();
    const before = await labels();
    const target = `${site.origin}/_wayleave/api/tokens`;
    // localhost on another port is the same site. SameSite lets the cookie pass; Sec-Fetch-Site shows the
    // other origin.
    visited = '<p>neighbour</p>';
    const neighbour = createServer((_request, response) =>
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(visited),
    );
    await new Promise((resolve) => neighbour.listen(0, 'localhost', resolve));
    try {
      await page.goto(`http://localhost:${neighbour.address().port}/`);
      const posted = page.waitForResponse((response) => response.url() === target);
      await page.evaluate(
        (target) =>
          fetch(target, {
            method: 'POST',
            mode: 'no-cors',
            credentials: 'include',
            body: '{"label":"forged","origins":"any"}',
          }),
        target,
      );
      assert.equal((await posted).status(), 403);
    } finally {
      neighbour.closeAllConnections();
      neighbour.close();
    }
    assert.deepEqual(await labels(), before);
  });

  it('reads no list of tokens, although it has an admin key', async () => {
    const { key } = await admin.createAdminKey('viewer');
    await admin.createToken({ label: 'not for every page' });
    const page = await site.page();
    visited = '<p>curious</p>';
    await page.goto(strange());
    const target = `${site.origin}/_wayleave/api/tokens`;
    const read = await page.evaluate(
      async ([target, key]) => {
        const headers = { Authorization: `Bearer ${key}` };
        const said = (answer) => answer.text().then((text) => `${answer.type} ${text}`);
        const script = new Promise((resolve) => {
          const element = Object.assign(document.createElement('script'), { src: target });
          element.onload = () => resolve('run');
          element.onerror = () => resolve('refused');
          document.head.append(element);
        });
        const asked = [{ headers }, {}, { mode: 'no-cors', headers }];
        const tries = asked.map((options) => fetch(target, options).then(said));
        return [...(await Promise.allSettled(tries)).map(({ value }) => value ?? 'refused'), await script];
      },
      [target, key],
    );
    assert.deepEqual(read, ['refused', 'refused', 'opaque ', 'refused']);
    // The same key works outside a browser.
    const headers = { Authorization: `Bearer ${key}` };
    const answer = await site.gateway.client.get('/_wayleave/api/tokens', { headers });
    assert.match(answer.text, /not for every page/);
  });

  it('cannot frame the console', async () => {
    const page = await site.page();
    visited = `<iframe src="${site.origin}${PATH}"></iframe>`;
    await page.goto(strange());
    await page.waitForLoadState('networkidle');
    const frame = page.frames().find((candidate) => candidate !== page.mainFrame());
    assert.equal(await frame.locator('input[type=password]').count(), 0);
  });
});
