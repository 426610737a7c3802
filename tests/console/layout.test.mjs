// What must be in sight on common screens, and what must not break.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Console, goTo } from './harness/console.mjs';

const site = new Console();
const { admin } = site;
const LABEL = 'The map of roadworks, diversions and closed bridges on the pages of all districts of the town';
let token;
before(async () => {
  await site.start();
  token = await admin.createToken({
    label: LABEL,
    owner: 'department-for-roads-and-bridges@town.example',
    origins: [
      'https://roads.town.example',
      'https://a-long-name-of-a-site.department.town.example',
      '*.t.example',
    ],
  });
});
after(() => site.stop());

const SCREENS = [
  [1440, 900],
  [1024, 768],
  [390, 844],
];

for (const [width, height] of SCREENS) {
  describe(`at ${width} x ${height}`, () => {
    it('the button that revokes is in sight, and all of the dialog can be reached', async () => {
      const page = await site.signedIn({ width, height, at: `#/token/${token.id}` });
      await page.getByRole('button', { name: 'Revoke …' }).click();
      const dialog = page.getByRole('dialog', { name: `Revoke “${LABEL}”?` });
      const button = dialog.getByRole('button', { name: 'Revoke', exact: true });
      await button.waitFor();
      const box = await button.boundingBox();
      assert.ok(box.y >= 0 && box.y + box.height <= height, JSON.stringify(box));
      const above = await page.evaluate(({ x, y }) => document.elementFromPoint(x, y)?.textContent, {
        x: box.x + box.width / 2,
        y: box.y + box.height / 2,
      });
      assert.equal(above, 'Revoke', 'nothing lies over it');
      const field = dialog.getByLabel('Type the label');
      await field.focus();
      const place = await field.boundingBox();
      const bar = await dialog.locator('.actions').boundingBox();
      assert.ok(place.y + place.height <= bar.y + 1, 'a field with the focus is not below the buttons');
    });

    it('the account stands on one line, and hosts break between their names only', async () => {
      const page = await site.signedIn({ width, height });
      const who = page.locator('.who');
      const lines = await who.evaluate((element) => element.getBoundingClientRect().height);
      assert.ok(lines < 50, `${lines} px`);
      if (width >= 1024) {
        const top = (await page.locator('.top').boundingBox()).height;
        assert.ok(top < 80, `the top is ${top} px high`);
      }
      // The list cuts them instead.
      await goTo(page, `#/token/${token.id}`, LABEL);
      for (const part of ['roads', 'town', 'department']) {
        const broken = await page.locator('.site').evaluateAll((sites, part) => {
          const heights = [];
          for (const site of sites)
            for (const node of site.childNodes) {
              const at = node.nodeType === Node.TEXT_NODE ? node.data.indexOf(part) : -1;
              if (at < 0) continue;
              const range = document.createRange();
              range.setStart(node, at);
              range.setEnd(node, at + part.length);
              heights.push(range.getClientRects().length);
            }
          return heights;
        }, part);
        assert.ok(broken.length > 0 && broken.every((lines) => lines === 1), `${part}: ${broken}`);
      }
    });
  });
}
