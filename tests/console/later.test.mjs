// Parts of the console are loaded when they are needed. One that cannot be loaded says so.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Console, goTo } from './harness/console.mjs';

const site = new Console();
before(() => site.start());
after(() => site.stop());

describe('a part that is loaded when it is needed', () => {
  it('is not loaded before, and says what to do when it cannot be', async () => {
    const page = await site.page();
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(`${site.origin}/_wayleave/console/`);
    await page.getByLabel('Admin key').fill('an-admin-key-for-tests-0123456789abcdef');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Home', exact: true }).waitFor();
    await page.waitForLoadState('networkidle');
    const isPart = (path) => /rare|views\/token\.js|dialog\.js/.test(path) && !path.endsWith('ui/dialog.js');
    assert.deepEqual(asked.filter(isPart), []);
    await page.route('**/rare/**', (route) => route.abort());
    await page.evaluate(() => (location.hash = '#/licences'));
    await page.getByRole('alert').getByText('another release was deployed. Reload the page.').waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').getByText('Reload the page.').waitFor();
    await page.keyboard.press('Escape');
    await page.unroute('**/rare/**');
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Licences and owners', exact: true }).waitFor();
    await goTo(page, '#/audit', 'Audit log');
    assert.deepEqual(page.troubles, []);
  });
});
