// New tokens in the console: rules are checked while they are typed, and a token is made once.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Console } from './harness/console.mjs';
import { holdBack, loseAnswer } from './harness/network.mjs';

const site = new Console();
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });

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

  it('judges a page by the rules that are right, and says so; Enter tries the address and sends nothing', async () => {
    const page = await site.signedIn({ at: '#/new' });
    const verdict = page.locator('output');
    const tried = page.getByLabel('Try a page’s address');
    await page.getByLabel('Label').fill('Entered');
    await tried.fill('https://www.example.com/page');
    await verdict.getByText('cannot be judged: there is no rule yet.').waitFor();
    await page.getByLabel('Sites that may use it').fill('https://www.example.com\n*.co.uk');
    await verdict.getByText('One rule is wrong; this is judged by the others.').waitFor();
    assert.equal(
      (await verdict.innerText()).replaceAll(/\s+/g, ' '),
      'yes https://www.example.com is admitted by https://www.example.com ' +
        'One rule is wrong; this is judged by the others.',
    );
    // No list item outside a list, which browsers draw with a bullet.
    assert.equal(await verdict.locator('li').count(), 0);
    assert.match(
      await verdict.evaluate((element) => element.textContent),
      /yes https:.+com is admitted by https/,
    );
    await tried.fill('https://other.example');
    await tried.press('Enter');
    await verdict.getByText('is refused: no rule matches').waitFor();
    await page.getByLabel('Sites that may use it').fill('*.co.uk');
    await verdict.getByText('One rule is wrong, and there is no other.').waitFor();
    await page.getByLabel('Sites that may use it').fill('https://www.example.com');
    await tried.press('Enter');
    await verdict.getByText('is refused: no rule matches').waitFor();
    assert.equal(await verdict.getByText('wrong').count(), 0);
    await heading(page, 'New token').waitFor();
    assert.deepEqual((await admin.call('GET', '/tokens?q=Entered')).json.items, []);
    assert.deepEqual(page.troubles, []);
  });

  it('says each fault once: beside its rule while typing, at the field after an attempt to send', async () => {
    const page = await site.signedIn({ at: '#/new' });
    const sites = page.getByLabel('Sites that may use it');
    const fault = page.locator('[data-field=origins]').getByText(/other people have sites below/i);
    const visible = () => fault.filter({ visible: true }).count();
    await page.getByLabel('Label').fill('Twice');
    await page.getByRole('button', { name: 'Create token' }).click();
    const error = page.locator('[data-field=origins] > .error');
    await error.getByText('At least one site.').waitFor();
    assert.doesNotMatch(await error.innerText(), /"any"|rule/);
    await sites.fill('https://good.example\n*.co.uk');
    await error.getByText('At least one site.').waitFor({ state: 'detached' });
    await page.getByRole('list', { name: 'How the rules are read' }).getByText('*.co.uk').waitFor();
    assert.equal(await visible(), 1);
    await page.getByRole('button', { name: 'Create token' }).click();
    await error.getByText('Line 2:').waitFor();
    assert.equal(await visible(), 1);
    await page.getByRole('radio', { name: 'A date' }).check();
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.locator('[data-field=expires_at] .error').getByText('A date and a time.').waitFor();
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

  it('a new token has the default lifetime of the deployment, a clone that of its original', async () => {
    const days = ({ created_at: from, expires_at: until }) =>
      Math.round((Date.parse(until) - Date.parse(from)) / 86_400_000);
    const page = await site.signedIn({ at: '#/new' });
    assert.ok(await page.getByRole('radio', { name: 'The default: 1 year' }).isChecked());
    await page.getByText(/^It ends on \d+ \w+ \d{4}/).waitFor();
    await page.getByLabel('Label').fill('By default');
    await page.getByLabel('Sites that may use it').fill('https://default.example');
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“By default” is ready').waitFor();
    const { default_token_lifetime_seconds: usual } = (await admin.call('GET', '/configuration')).json;
    assert.equal(days((await admin.call('GET', '/tokens?q=By+default')).json.items[0]), usual / 86_400);
    const source = await admin.createToken({ label: 'For 45 days', expires_in: 45 * 86_400 });
    await page.goto(`${site.origin}/_wayleave/console/#/new?clone=${source.id}`);
    await page.getByRole('radio', { name: 'As long as the original: 45 days' }).waitFor();
    await page.getByLabel('Label').fill('Its clone');
    await page.getByRole('button', { name: 'Create token' }).click();
    await heading(page, '“Its clone” is ready').waitFor();
    assert.equal(days((await admin.call('GET', '/tokens?q=Its+clone')).json.items[0]), 45);
  });

  it('clones: every setting is there, the label is not', async () => {
    const settings = {
      owner: 'kim',
      external_id: 'c-17',
      origins: ['https://a.example', 'https://b.example'],
      origin_mode: 'report',
      missing_origin: 'allow',
      metadata: { plan: 1 },
      quota: { requests: 25_000, per: 'month', counts: 'family' },
      methods: ['GET', 'POST'],
      paths: ['/v1/tiles/*', '/v1/style'],
      scope_mode: 'report',
      claims: { plan: 'free', public_only: true },
      distribute: true,
      auto_rotate: {
        before_expiry_seconds: 10 * 86_400,
        expires_in: 40 * 86_400,
        revoke_old: { when: 'first_use', drain_seconds: 7_200, deadline_seconds: 5 * 86_400, strict: true },
      },
    };
    const source = await admin.createToken({ label: 'Original', ...settings });
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
    for (const name of Object.keys(settings)) {
      assert.deepEqual(made[name], source[name], name);
      assert.ok(source[name] !== undefined, name);
    }
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
