// The console for browser tests: the real Worker in workerd, on a port of localhost, and pages of a real
// browser.

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { openBrowser } from '../../browser/chromium.mjs';
import { eventually, Gateway } from '../../workerd/harness/gateway.mjs';

export const ADMIN_KEY = 'an-admin-key-for-tests-0123456789abcdef';
export const PATH = '/_wayleave/console/';

/** The longest time that a person waits; a longer wait is a failure. */
const WAIT_MS = 10_000;

export class Console {
  /** @param {object} [options] of the Gateway */
  constructor(options) {
    this.gateway = new Gateway(options);
    this.admin = this.gateway.admin;
    this.contexts = [];
  }

  async start() {
    [this.browser] = await Promise.all([openBrowser(), this.gateway.start()]);
    // Cookies do not depend on the port, so one host name serves all instances.
    this.origin = `http://localhost:${this.gateway.workerd.ports.gateway}`;
    this.gateway.client.host = new URL(this.origin).host;
    return this;
  }

  /** Uses the token until the registry knows that a token of this owner was used: within half a minute. */
  async used({ token }, owner) {
    const body = { filter: { owner }, dry_run: true };
    const headers = { 'X-Api-Key': token, Origin: 'https://shop.example' };
    const isKnown = async () => {
      await this.gateway.client.get('/now', { headers });
      return (await this.admin.call('POST', '/tokens/revoke', { body })).json.used_lately === 1;
    };
    await eventually('the registry knows of the use', isKnown, 90_000);
  }

  async stop() {
    await this.browser.close();
    await this.gateway.stop();
  }

  /** A page in a new browser context. `page.troubles` collects its errors. */
  async page({ scheme = 'light', width = 1280, height = 900, ...options } = {}) {
    const context = await this.browser.newContext({
      colorScheme: scheme,
      viewport: { width, height },
      reducedMotion: 'reduce',
      locale: 'en-GB',
      timezoneId: 'UTC',
      ...options,
    });
    context.setDefaultTimeout(WAIT_MS);
    const page = await context.newPage();
    if (process.env.WAYLEAVE_WWW === 'disk') await fromDisk(page);
    page.troubles = [];
    page.on('pageerror', (error) => page.troubles.push(String(error)));
    page.on('console', (message) => {
      // The browser itself logs each failed call. The console shows it in its own words.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        page.troubles.push(message.text());
    });
    return page;
  }

  /** A signed-in page at an address of the console. */
  async signedIn({ key = ADMIN_KEY, at = '#/tokens', ...options } = {}) {
    const page = await this.page(options);
    await page.goto(`${this.origin}${PATH}${at}`);
    await signIn(page, key);
    await page.getByRole('navigation', { name: 'Main' }).waitFor();
    await page.locator('main h1').waitFor();
    return page;
  }
}

export async function signIn(page, key) {
  await page.getByLabel('Admin key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/**
 * Navigates to an address of the console and waits for its heading. Two pages may have the same heading, so
 * the heading of the page before is marked and does not count.
 */
export async function goTo(page, hash, heading) {
  await page.evaluate((hash) => {
    if (location.hash === hash) return;
    document.querySelector('main h1')?.setAttribute('data-left', '');
    location.hash = hash;
  }, hash);
  await page
    .locator('h1:not([data-left])')
    .and(page.getByRole('heading', { level: 1, name: heading }))
    .waitFor();
}

/** Opens the menu of a token's page. */
export async function openMore(page) {
  await page.getByRole('button', { name: /^More actions for/ }).click();
}

/** Takes an action from the menu of a token's page. */
export async function more(page, item) {
  await openMore(page);
  await page.getByRole('menuitem', { name: item, exact: true }).click();
}

const WWW = new URL('../../../www/', import.meta.url);
const MEDIA_TYPES = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};

/**
 * For work on www/: serves its current files with the headers of the Worker, which was built with older ones.
 */
async function fromDisk(page) {
  await page.route(
    (url) => url.pathname.startsWith(PATH),
    async (route) => {
      const url = new URL(route.request().url());
      const name = url.pathname.slice(PATH.length).replace(/^[^/]+\//, '') || 'index.html';
      const [page, file] = await Promise.all([
        fetch(url.origin + PATH).catch(() => null),
        readFile(new URL(name, WWW), 'utf8').catch(() => null),
      ]);
      if (page === null || file === null) return route.abort();
      await route.fulfill({
        headers: { ...Object.fromEntries(page.headers), 'content-type': MEDIA_TYPES[extname(name)] },
        body: name === 'index.html' ? file.replaceAll('RELEASE/', 'disk/') : file,
      });
    },
  );
}
