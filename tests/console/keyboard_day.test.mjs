// A day's work with the keyboard alone: no step uses the mouse, or puts the focus where Tab does not lead.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../workerd/harness/gateway.mjs';
import { Console } from './harness/console.mjs';

const SITE = 'https://shop.example',
  STRANGER = 'https://stranger.example';
/** An isolate sends its counts at most every 30 s. */
const COUNTED_MS = 75_000;
/** More presses of Tab than any page has stops. */
const STOPS_MAX = 150;
const site = new Console();
const { admin } = site;
const made = {};

before(async () => {
  await site.start();
  for (const label of ['Rotated', 'Stopped', 'Refused', 'Filtered', 'Row one', 'Row two'])
    made[label] = await admin.createToken({ label, origins: [SITE], owner: `${label}@shop.example` });
  await admin.call('POST', `/tokens/${made.Stopped.id}/rotate`, { body: {} });
  await site.gateway.client.get('/v1/x', {
    headers: { Authorization: `Bearer ${made.Refused.token}`, Origin: STRANGER },
  });
  const kept = async () => (await admin.call('GET', '/refusals')).json.items.length === 1;
  await eventually('the refusal is kept', kept, COUNTED_MS);
});
after(() => site.stop());

/** The hands of somebody who has no mouse. */
function handsOn(page) {
  const press = (...keys) =>
    keys.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve());
  const isFocused = (place) => place.evaluate((element) => element === document.activeElement);
  /** Tabs to it. Its focus can be seen. */
  const reach = async (place, { back = false } = {}) => {
    await place.waitFor();
    for (let stop = 0; stop < STOPS_MAX && !(await isFocused(place)); stop += 1)
      await press(back ? 'Shift+Tab' : 'Tab');
    assert.ok(await isFocused(place), `Tab leads to ${place}`);
    const { outlineStyle, boxShadow } = await place.evaluate((element) => {
      const { outlineStyle, boxShadow } = getComputedStyle(element);
      return { outlineStyle, boxShadow };
    });
    assert.ok(outlineStyle !== 'none' || boxShadow !== 'none', `the focus of ${place} is seen`);
  };
  const act = async (place, key = 'Enter') => {
    await reach(place);
    await press(key);
  };
  const type = async (place, text) => {
    await reach(place);
    await press('Control+a', 'Delete');
    await page.keyboard.type(text);
  };
  /** Goes to a page with the palette. */
  const open = async (text, heading) => {
    await press('Control+k');
    const palette = page.getByRole('combobox', { name: 'A page, an action or a token' });
    await palette.waitFor();
    await page.keyboard.type(text);
    await page.getByRole('option').filter({ hasText: heading }).first().waitFor();
    await press('Enter');
    await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
  };
  return { press, reach, act, type, open };
}

const button = (place, name) => place.getByRole('button', { name, exact: true });

describe('with the keyboard alone', () => {
  it('a token is rotated, with a plan', async () => {
    const page = await site.signedIn({ at: '#/settings' });
    const { press, act, type, open, reach } = handsOn(page);
    await open('Rotated', 'Rotated');
    await act(button(page, 'Rotate …'));
    const asked = page.getByRole('dialog', { name: 'Rotate “Rotated”' });
    await reach(asked.getByRole('radio', { name: 'A number of days from now' }));
    await press('ArrowDown');
    await type(asked.getByRole('spinbutton', { name: 'Hours after the first use' }), '6');
    await act(button(asked, 'Rotate'));
    const shown = page.getByRole('dialog', { name: 'The new token of “Rotated”' });
    await act(button(shown, 'Done'));
    await page.getByRole('region', { name: 'First request' }).getByText('Waiting').waitFor();
    const { rotation } = await admin.token(made.Rotated.id);
    assert.deepEqual([rotation.revoke_old.when, rotation.revoke_old.drain_seconds], ['first_use', 6 * 3600]);
    assert.deepEqual(page.troubles, []);
  });

  it('a family is stopped', async () => {
    const page = await site.signedIn({ at: '#/settings' });
    const { press, act, type, open } = handsOn(page);
    await open(made.Stopped.id, 'Stopped');
    await act(page.getByRole('button', { name: /^More actions for/ }));
    const stop = page.getByRole('menuitem', { name: 'Revoke the family …' });
    await stop.waitFor();
    const isThere = () => stop.evaluate((item) => item === document.activeElement);
    for (let item = 0; item < 10 && !(await isThere()); item += 1) await press('ArrowDown');
    await press('Enter');
    const asked = page.getByRole('dialog', { name: 'Revoke the whole family?' });
    await type(asked.getByLabel('Reason'), 'leaked');
    await act(button(asked, 'Revoke the family'));
    await page.getByRole('region', { name: 'When it takes effect' }).getByRole('timer').waitFor();
    assert.equal((await admin.token(made.Stopped.id)).revoked_reason, 'family: leaked');
    assert.deepEqual(page.troubles, []);
  });

  it('a site that was refused is allowed, and saved', async () => {
    const page = await site.signedIn({ at: '#/settings' });
    const { act, open } = handsOn(page);
    await open('Refusals', 'Refusals');
    await act(page.getByRole('link', { name: /^Allow this site/ }));
    await page.getByRole('heading', { level: 1, name: 'Edit “Refused”', exact: true }).waitFor();
    await act(button(page, 'Save'));
    await page.getByRole('heading', { level: 1, name: 'Refused', exact: true }).waitFor();
    assert.deepEqual((await admin.token(made.Refused.id)).origins, [SITE, STRANGER]);
    assert.deepEqual(page.troubles, []);
  });

  it('a token is edited', async () => {
    const page = await site.signedIn({ at: '#/settings' });
    const { act, type, open } = handsOn(page);
    await open(made.Refused.id, 'Refused');
    await act(button(page, 'Edit'));
    await type(page.getByLabel('Label'), 'Edited');
    await act(page.getByText('More settings'), 'Space');
    await act(page.getByRole('checkbox', { name: 'Distribute' }), 'Space');
    await act(button(page, 'Save'));
    await page.getByRole('heading', { level: 1, name: 'Edited', exact: true }).waitFor();
    const { label, distribute } = await admin.token(made.Refused.id);
    assert.deepEqual([label, distribute], ['Edited', true]);
    assert.deepEqual(page.troubles, []);
  });

  it('filters are set, and taken away', async () => {
    const page = await site.signedIn({ at: '#/settings' });
    const { press, act, type, reach } = handsOn(page);
    await press('/');
    const search = page.getByRole('searchbox', { name: 'Search' });
    await eventually('the search has the focus', () =>
      search.evaluate((element) => element === document.activeElement).catch(() => false),
    );
    await page.keyboard.type('filt');
    const chip = (name) => page.getByRole('button', { name: `${name}: remove this filter` });
    await chip('Search: filt').waitFor();
    await reach(page.getByLabel('State'));
    await page.keyboard.type('Act');
    await chip('State: Active').waitFor();
    await act(page.getByText('More filters'), 'Enter');
    await type(page.getByLabel('Owner, exactly'), 'Filtered@shop.example');
    await press('Enter');
    await chip('Owner: Filtered@shop.example').waitFor();
    await page.getByRole('link', { name: 'Filtered', exact: true }).waitFor();
    await act(chip('State: Active'));
    await chip('State: Active').waitFor({ state: 'detached' });
    await act(button(page, 'Remove all filters'));
    await page.getByRole('link', { name: 'Row one', exact: true }).waitFor();
    assert.ok(
      await search.evaluate((element) => element === document.activeElement),
      'the focus is not lost',
    );
    assert.equal(await search.inputValue(), '');
    assert.deepEqual(page.troubles, []);
  });

  it('rows are selected and disabled, and enabled again', async () => {
    const page = await site.signedIn({ at: '#/tokens' });
    const { act } = handsOn(page);
    // The newest one is the first row.
    await act(page.getByRole('checkbox', { name: 'Select Row two' }), 'Space');
    await act(page.getByRole('checkbox', { name: 'Select Row one' }), 'Space');
    const bar = page.getByRole('region', { name: 'Selected tokens' });
    await bar.getByText('2 selected').waitFor();
    await act(button(bar, 'Disable …'));
    const asked = page.getByRole('dialog', { name: 'Disable many tokens' });
    await act(button(asked, 'Disable 2 tokens'));
    await asked.getByText('2 tokens disabled.').waitFor();
    const states = () =>
      Promise.all(['Row one', 'Row two'].map(async (label) => (await admin.token(made[label].id)).state));
    assert.deepEqual(await states(), ['disabled', 'disabled']);
    await act(button(asked, 'Enable them again'));
    await asked.getByText('2 tokens enabled.').waitFor();
    await act(button(asked, 'Close'));
    await asked.waitFor({ state: 'detached' });
    assert.deepEqual(await states(), ['active', 'active']);
    assert.deepEqual(page.troubles, []);
  });
});
