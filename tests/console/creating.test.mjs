// New tokens in the console: rules are checked while they are typed, and a token is made once.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Console } from './harness/console.mjs';
import { holdBack, loseAnswer } from './harness/network.mjs';

const site = new Console();
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const heading = (page, name) => page.getByRole('heading', { level: 1, name });

describe('rules while typing', () => {
  it('says which rule matches, what is refused and why, and shows both spellings of a name', async () => {
    const page = await site.signedIn({ at: '#/new' });
    const readings = page.getByRole('list', { name: 'How the rules are read' });
    const verdict = page.locator('output');
    await page
      .getByLabel('Sites that may use it')
      .fill('https://www.example.com\n*.bücher.example\nhttp://plain.example');
    await readings.getByText('https://*.xn--bcher-kva.example').waitFor();
    await readings.getByText('https://*.bücher.example').waitFor();
    await readings.getByText('A rule allows plain http').waitFor();
    await page.getByLabel('Try a page’s address').fill('https://shop.bücher.example/a?b');
    await verdict.getByText('is admitted by').waitFor();
    await page.getByLabel('Try a page’s address').fill('https://www.example.com:8443/');
    await verdict.getByText('is refused: no rule matches').waitFor();
    await page.getByLabel('Sites that may use it').fill('https://www.example.com\n*.github.io');
    await readings.getByText('*.github.io').waitFor();
    await readings.getByText(/public suffix|preview/i).waitFor();
    await readings
      .getByRole('listitem')
      .filter({ hasText: 'https://www.example.com' })
      .getByText('ok')
      .waitFor();
    assert.deepEqual(page.troubles, []);
  });

  it('shows how the rules that stand there are read, whichever answer comes first', async () => {
    const page = await site.signedIn({ at: '#/new' });
    const readings = page.getByRole('list', { name: 'How the rules are read' });
    const held = await holdBack(page, '/origin-test');
    const sites = page.getByLabel('Sites that may use it');
    await sites.fill('https://first.example');
    await page.waitForRequest('**/origin-test');
    await sites.fill('https://second.example');
    await readings.getByText('https://second.example').waitFor();
    held.letGo();
    await page.waitForLoadState('networkidle');
    assert.equal(held.calls, 2);
    assert.equal(await readings.getByText('first.example').count(), 0);
  });

  it('clones: every setting is there, the label is not', async () => {
    const source = await admin.createToken({
      label: 'Original',
      owner: 'kim',
      origins: ['https://a.example', 'https://b.example'],
      origin_mode: 'report',
      metadata: { plan: 1 },
      methods: ['GET', 'POST'],
      paths: ['/v1/tiles/*', '/v1/style'],
      scope_mode: 'report',
      claims: { plan: 'free', public_only: true },
    });
    const page = await site.signedIn({ at: `#/new?clone=${source.id}` });
    await heading(page, 'New token like “Original”').waitFor();
    assert.equal(
      await page.getByLabel('Sites that may use it').inputValue(),
      'https://a.example\nhttps://b.example',
    );
    assert.ok(await page.getByRole('radio', { name: 'Only count it' }).isChecked());
    await page.getByRole('button', { name: 'Create token' }).click();
    const label = page.getByLabel('Label');
    await page.locator('[data-field=label] .error').getByText('At least one visible character').waitFor();
    assert.equal(await label.getAttribute('aria-invalid'), 'true');
    assert.ok(await label.evaluate((element) => element === document.activeElement));
    await label.fill('Copy of it');
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“Copy of it” is ready').waitFor();
    const [made] = (await admin.call('GET', '/tokens?limit=1')).json.items;
    assert.deepEqual([made.owner, made.origin_mode, made.metadata], ['kim', 'report', { plan: 1 }]);
    for (const name of ['methods', 'paths', 'scope_mode', 'claims'])
      assert.deepEqual(made[name], source[name], name);
  });
});

describe('creating', () => {
  const fillIn = async (page, label) => {
    await heading(page, 'New token').waitFor();
    await page.getByLabel('Label').fill(label);
    await page.getByLabel('Sites that may use it').fill('https://once.example');
  };
  const made = async (label) =>
    (await admin.call('GET', `/tokens?q=${encodeURIComponent(label)}`)).json.items.length;

  it('again after an answer was lost makes no second token', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await fillIn(page, 'Made once');
    const calls = await loseAnswer(page, 'POST', '/tokens');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByRole('alert').getByText('cannot be reached').waitFor();
    assert.equal(await made('Made once'), 1);
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“Made once” is ready').waitFor();
    assert.deepEqual([calls.sent, await made('Made once')], [2, 1]);
  });

  it('is sent once, however often the button is pressed', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await fillIn(page, 'Pressed twice');
    const held = await holdBack(page, '/tokens');
    await page.getByRole('button', { name: 'Create token' }).evaluate((button) => {
      for (let presses = 0; presses < 3; presses += 1) button.click();
    });
    await page.waitForRequest('**/api/tokens').catch(() => {});
    held.letGo();
    await heading(page, '“Pressed twice” is ready').waitFor();
    assert.equal(held.calls, 1);
  });

  it('a wrong method, path or claim is refused next to its field, and stays', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await fillIn(page, 'Wrong scope');
    await page.getByText('More settings').click();
    await page.getByLabel('Methods').fill('GET\nget');
    await page.getByLabel('Paths').fill('/v1/tiles/*\n/v1/../admin');
    await page.getByLabel('Claims').fill('{"plan": {"name": "free"}}');
    await page.getByRole('button', { name: 'Create token' }).click();
    const error = (name) => page.locator(`[data-field=${name}] .error`);
    await error('methods')
      .getByText(/Line 2: A method in capitals/)
      .waitFor();
    await error('paths')
      .getByText(/Line 2: A path of letters/)
      .waitFor();
    await error('claims')
      .getByText(/a text/)
      .waitFor();
    assert.equal(await page.getByLabel('Paths').inputValue(), '/v1/tiles/*\n/v1/../admin');
    assert.equal(await made('Wrong scope'), 0);
  });

  it('metadata that is no JSON is refused next to its field, and stays', async () => {
    const page = await site.signedIn({ at: '#/new' });
    await fillIn(page, 'Not JSON');
    await page.getByText('More settings').click();
    await page.getByLabel('Metadata').fill('{"plan": ');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page
      .locator('[data-field=metadata] .error')
      .getByText(/object/i)
      .waitFor();
    assert.equal(await page.getByLabel('Metadata').inputValue(), '{"plan": ');
    assert.equal(await made('Not JSON'), 0);
  });
});
