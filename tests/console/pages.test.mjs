// Every page: accessible in both colour schemes and on a phone, small, and only with files of its own origin.
// Also takes the pictures.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { assertAccessible } from './harness/axe.mjs';
import { ADMIN_KEY, Console, goTo, PATH, signIn } from './harness/console.mjs';
import { town } from './harness/town.mjs';

const ROOT = new URL('../../', import.meta.url);
/**
 * Pictures are taken only on request, so that a test run changes no files. docs/images gets only those of
 * SHOWN.
 */
const PICTURES = process.env.WAYLEAVE_PICTURES
  ? new URL(`${process.env.WAYLEAVE_PICTURES}/`, ROOT).pathname
  : null;
const SHOWN = ['home', 'tokens', 'create', 'token', 'revoke', 'revoked', 'family', 'refusals', 'revocation'];
const FIRST_LOAD_MAX_BYTES = 90_000;

const site = new Console({
  variables: (upstream) => ({
    UPSTREAM: upstream,
    REVOCATION_BOUND_SECONDS: '5',
    LOCATION: 'FRA',
    RATES: '{"page": {"requests": 300, "per_seconds": 60}}',
  }),
});
let places;
before(async () => {
  await site.start();
  places = await town(site.gateway);
  if (PICTURES) mkdirSync(PICTURES, { recursive: true });
});
after(() => site.stop());

const SIZES = {
  desktop: { width: 1440, height: 900 },
  laptop: { width: 1024, height: 768 },
  phone: { width: 390, height: 844 },
};
const ALL_VIEWS = Object.entries(SIZES).flatMap(([name, size]) =>
  ['light', 'dark'].map((scheme) => ({ name: `${name}-${scheme}`, scheme, ...size })),
);
/** Each size and each scheme. Pictures are taken in all six. */
const TESTED = ['desktop-light', 'desktop-dark', 'laptop-light', 'phone-dark'];
const VIEWS = PICTURES ? ALL_VIEWS : ALL_VIEWS.filter(({ name }) => TESTED.includes(name));
/** Waits until the page shows its heading and all its requests have ended. */
async function settled(page, heading) {
  await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
  await page.waitForLoadState('networkidle');
}

async function picture(page, name, view) {
  if (PICTURES === null || (PICTURES.endsWith('docs/images/') && !SHOWN.includes(name))) return;
  // Wait until the message of the previous page has gone.
  await page.locator('.notice p').waitFor({ state: 'detached' });
  await page.screenshot({ path: `${PICTURES}console-${name}-${view.name}.png`, animations: 'disabled' });
}

describe('the first load', () => {
  it(`is at most ${FIRST_LOAD_MAX_BYTES} bytes compressed, and all of this origin`, async () => {
    const page = await site.page();
    const bodies = [];
    page.on('response', (response) =>
      bodies.push(
        response.body().then(
          (body) => ({ url: response.url(), bytes: body.length, compressed: gzipSync(body).length }),
          () => null,
        ),
      ),
    );
    await page.goto(site.origin + PATH);
    await signIn(page, ADMIN_KEY);
    await page.getByRole('heading', { level: 1, name: 'Home', exact: true }).waitFor();
    await page.waitForLoadState('networkidle');
    const loaded = (await Promise.all(bodies)).filter((body) => body !== null);
    const sum = (field) => loaded.reduce((total, body) => total + body[field], 0);
    console.log(`${loaded.length} answers, ${sum('bytes')} bytes, ${sum('compressed')} compressed`);
    assert.ok(loaded.length > 20);
    assert.ok(loaded.every(({ url }) => url.startsWith(site.origin)));
    assert.ok(!loaded.some(({ url }) => url.includes('vendor')), 'charts are loaded where there is one');
    assert.ok(sum('compressed') <= FIRST_LOAD_MAX_BYTES);
  });
});

describe('movement', () => {
  for (const [reducedMotion, moves] of [
    ['reduce', false],
    ['no-preference', true],
  ]) {
    it(`under prefers-reduced-motion: ${reducedMotion} ${moves ? 'there is some' : 'there is none'}`, async () => {
      const page = await site.signedIn({ reducedMotion, at: `#/token/${places.active}` });
      await page.getByRole('button', { name: 'Revoke …' }).click();
      const moving = await page.getByRole('dialog').evaluate((dialog) => {
        const style = [dialog, ...document.querySelectorAll('button, a')].map((element) =>
          getComputedStyle(element),
        );
        return style.filter(
          ({ animationName, transitionDuration }) =>
            animationName !== 'none' || parseFloat(transitionDuration) > 0,
        ).length;
      });
      assert.equal(moving > 0, moves, `${moving} elements move`);
    });
  }
});

for (const view of VIEWS) {
  describe(`in ${view.name}`, () => {
    let page;
    before(async () => (page = await site.signedIn(view)));

    async function look(name, hash, heading, prepare = async () => {}) {
      await goTo(page, hash, heading);
      await settled(page, heading);
      await prepare();
      assert.ok((await assertAccessible(page, `${name} in ${view.name}`)) > 20);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.ok(overflow <= 0, `${name} is ${overflow} px wider than the screen`);
      await picture(page, name, view);
    }

    /** A dialog, which Escape closes. */
    async function lookAtDialog(name, hash, heading, open) {
      await look(name, hash, heading, async () => {
        await open();
        await page.getByRole('dialog').waitFor();
      });
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }

    it('home', () =>
      look('home', '#/home', 'Home', () =>
        page.getByRole('heading', { name: 'Sites refused most' }).waitFor(),
      ));
    it('tokens', () => look('tokens', '#/tokens', 'Tokens'));
    it('tokens that are selected', async () => {
      await look('selected', '#/tokens?state=active&q=town', 'Tokens', async () => {
        await page.locator('tbody').getByRole('checkbox').first().check();
        // Elsewhere the bar lies over a row, which can be scrolled from under it.
        await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      });
      await lookAtDialog('bulk', '#/tokens?state=active&q=town', 'Tokens', async () => {
        await page.getByRole('button', { name: 'Disable …' }).click();
        await page.getByText(/used in the last 24 hours/).waitFor();
      });
    });
    it('the views of the list', () =>
      lookAtDialog('views', '#/tokens?owner=team-3@town.example', 'Tokens', () =>
        page.getByRole('button', { name: 'Views …' }).click(),
      ));
    it('the palette and the keys', async () => {
      await lookAtDialog('palette', `#/token/${places.active}`, 'Maps on the town site', async () => {
        await page.keyboard.press('Control+k');
        await page.getByRole('dialog').getByRole('combobox').fill('Weather');
        await page.getByRole('dialog').getByRole('option').first().waitFor();
      });
      await lookAtDialog('hands', `#/token/${places.active}`, 'Maps on the town site', () =>
        page.keyboard.press('?'),
      );
    });
    it('refusals', () => look('refusals', '#/refusals', 'Refusals'));
    it('licences', () => look('licences', '#/licences', 'Licences and owners'));
    it('signing keys', () => look('signing-keys', '#/signing-keys', 'Signing keys'));
    it('the menu of a row', () =>
      look('menu', '#/tokens?q=Maps', 'Tokens', async () => {
        await page.getByRole('button', { name: 'Actions for Maps on the town site' }).click();
      }));
    it('no tokens that match', () => look('nothing', '#/tokens?q=nothing', 'Tokens'));
    it('a new token, with rules read while typing', () =>
      look('create', '#/new', 'New token', async () => {
        await page.getByLabel('Label').fill('Bücherei am Markt');
        await page
          .getByLabel('Sites that may use it')
          .fill('https://www.example.com\n*.bücher.example\n*.github.io');
        await page.getByRole('list', { name: 'How the rules are read' }).getByText('*.github.io').waitFor();
      }));
    it('a token just made', async () => {
      await page.getByLabel('Label').fill('Air quality');
      await page.getByLabel('Sites that may use it').fill('https://www.example.com');
      await page
        .getByRole('list', { name: 'How the rules are read' })
        .getByText('https://www.example.com')
        .waitFor();
      await page.getByRole('button', { name: 'Create token' }).click();
      await settled(page, '“Air quality” is ready');
      await assertAccessible(page, `a token just made in ${view.name}`);
      await picture(page, 'made', view);
    });
    it('one token', () =>
      look('token', `#/token/${places.active}`, 'Maps on the town site', () =>
        page.locator('.uplot canvas').waitFor(),
      ));
    it('a token just revoked', () =>
      look('revoked', `#/token/${places.revoked}`, 'Leaked in a gist', () =>
        page
          .getByRole('region', { name: 'When it takes effect' })
          .getByText(/location/)
          .first()
          .waitFor(),
      ));
    it('a family with old and new', () =>
      look('family', `#/family/${places.family}`, 'Family of “Search on the portal”'));
    it('the dialog of a rotation', async () => {
      await look('rotate', `#/token/${places.active}`, 'Maps on the town site', async () => {
        await page.getByRole('button', { name: 'Rotate …' }).click();
        await page.getByRole('dialog').waitFor();
      });
      await page.keyboard.press('Escape');
    });
    it('the dialog before a revocation', () =>
      look('revoke', `#/token/${places.active}`, 'Maps on the town site', async () => {
        await page.getByRole('button', { name: 'Revoke …' }).click();
        await page.getByRole('dialog').waitFor();
      }));
    it('editing', async () => {
      await page.keyboard.press('Escape');
      await look('edit', `#/edit/${places.active}`, 'Edit “Maps on the town site”');
    });
    it('revocation, measured', () =>
      look('revocation', '#/revocation', 'Revocation', () => page.locator('.uplot canvas').waitFor()));
    it('notices', () => look('notices', '#/notices', 'Notices'));
    it('audit log', () => look('audit', '#/audit', 'Audit log'));
    it('admin keys', () => look('keys', '#/keys', 'Admin keys'));
    it('settings', () => look('settings', '#/settings', 'Settings'));
    it('a page that is not there', () => look('nowhere', '#/nothing', 'There is no such page'));
    it('a token that is not there', () =>
      look('unknown', '#/token/tok_99999', 'This cannot be shown', () =>
        page.getByText('Nothing exists under this id').waitFor(),
      ));
    it('signing in', async () => {
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByLabel('Admin key').waitFor();
      await assertAccessible(page, `signing in, ${view.name}`);
      await picture(page, 'sign-in', view);
      assert.deepEqual(page.troubles, []);
    });
  });
}
