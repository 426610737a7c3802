// The signing keys in the console: every step of docs/signing-keys.md, with the one that comes next.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { assertAccessible } from './harness/axe.mjs';
import { Console, goTo } from './harness/console.mjs';
import { answerWith } from './harness/network.mjs';

const secret = (byte) => Buffer.alloc(32, byte).toString('base64');
const site = new Console({
  variables: (upstream) => ({
    UPSTREAM: upstream,
    SIGNING_KEYS: JSON.stringify({ 1: secret(1), 2: secret(3) }),
  }),
});
const { admin } = site;
before(() => site.start());
after(() => site.stop());

const keys = async () => (await admin.call('GET', '/signing-keys')).json.items;
const next = (page) => page.locator('[aria-current=step] h3').innerText();
const open = (page) => goTo(page, '#/signing-keys', 'Signing keys');

/** Answers the list of keys, changed; the page looks again by itself. */
async function withKeys(page, change) {
  const items = (await keys()).map(change);
  await answerWith(page, '/signing-keys', { json: { items, next_cursor: null } });
}

describe('signing keys', () => {
  it('are replaced step by step, and each step says what comes next', async () => {
    await admin.createToken({ label: 'Of key 1' });
    const page = await site.signedIn();
    await withKeys(page, (key) => (key.id === 2 ? { ...key, missing_at: ['OSL'] } : key));
    await open(page);
    assert.match(await next(page), /^See that every location has it/);
    await page.getByText('Key 2 is missing at OSL.').waitFor();
    const held = page.getByRole('button', { name: 'Activate key 2', exact: true });
    assert.equal(await held.getAttribute('aria-disabled'), 'true');
    assert.equal(await held.getAttribute('title'), 'These locations lack it: OSL.');
  });

  it('are activated and retired; what is left is taken out of the ring', async () => {
    const page = await site.signedIn({ at: '#/signing-keys' });
    assert.match(await next(page), /^Activate/);
    await assertAccessible(page, 'signing keys');
    await page.getByRole('button', { name: 'Activate key 2 now' }).click();
    await page.getByText('Key 2 signs from now on.').waitFor();
    await page.locator('[aria-current=step] h3').filter({ hasText: 'Retire the old one' }).waitFor();
    await page.getByRole('link', { name: 'Show its 1 live token' }).waitFor();
    await page.getByRole('button', { name: 'Retire key 1 now …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Retire key 1?' });
    await dialog.getByText('1 live token signed with it.').waitFor();
    await assertAccessible(page, 'before a key is retired');
    await dialog.getByRole('button', { name: 'Retire it' }).click();
    await dialog.getByText('type it exactly').waitFor();
    await dialog.getByLabel('Type the label').fill('key 1');
    await dialog.getByRole('button', { name: 'Retire it' }).click();
    await page
      .getByRole('region', { name: 'When it takes effect' })
      .getByText('Every token of key 1 is refused everywhere within 60 s')
      .waitFor();
    assert.match(await next(page), /^Take it out of the ring/);
    assert.deepEqual(
      (await keys()).map(({ id, state }) => [id, state]),
      [
        [1, 'retired'],
        [2, 'signing'],
      ],
    );
    assert.deepEqual(page.troubles, []);
    const later = await site.signedIn();
    await withKeys(later, (key) =>
      key.id === 1 ? { ...key, effective_by: new Date(Date.now() - 1_000).toISOString() } : key,
    );
    await open(later);
    await later.getByRole('textbox', { name: 'The command that takes key 1 out' }).waitFor();
  });

  it('have the commands of the documentation', async () => {
    const page = await site.signedIn({ at: '#/signing-keys' });
    const text = readFileSync(new URL('../../docs/signing-keys.md', import.meta.url), 'utf8');
    const add = await page.getByRole('textbox', { name: 'The command that adds key 3' }).innerText();
    assert.ok(text.includes(add.replace('"3\\"', '"2\\"').replace('\\"3\\"', '\\"2\\"')), add);
  });

  it('are for owners', async () => {
    const { key } = await admin.createAdminKey('operator');
    const page = await site.signedIn({ key, at: '#/signing-keys' });
    await page.getByText('This needs the role owner.').waitFor();
  });
});
