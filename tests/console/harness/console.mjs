// A console to be used as a person uses it: the real Worker in workerd, on a port of localhost, and pages of a real browser.

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { openBrowser } from '../../browser/chromium.mjs';
import { Gateway } from '../../workerd/harness/gateway.mjs';

export const ADMIN_KEY = 'an-admin-key-for-tests-0123456789abcdef';
export const PATH = '/_wayleave/console/';

/** What a person waits for, at most: longer is a failure. */
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
    // Cookies know no ports, so one host serves for all.
    this.origin = `http://localhost:${this.gateway.workerd.ports.gateway}`;
    this.gateway.client.host = new URL(this.origin).host;
    return this;
  }

  async stop() {
    await this.browser.close();
    await this.gateway.stop();
  }

  /** A page of a browser of its own; what goes wrong in it is kept in `page.troubles`. */
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
      // A refused call is logged by the browser itself; the console says it in words.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        page.troubles.push(message.text());
    });
    return page;
  }

  /** A page that is signed in, at an address of the console. */
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

/** Goes to an address of the console and waits until its heading is there. */
export async function goTo(page, hash, heading) {
  await page.evaluate((hash) => (location.hash = hash), hash);
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

const WWW = new URL('../../../www/', import.meta.url);
const MEDIA_TYPES = { '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };

/** While one works on www/: its files as they are, under the headers of the Worker, which was built with others. */
async function fromDisk(page) {
  await page.route(`**${PATH}*/**`, async (route) => {
    const url = new URL(route.request().url());
    const name = url.pathname.slice(PATH.length).replace(/^[^/]+\//, '');
    const page = await fetch(url.origin + PATH).catch(() => null);
    if (page === null) return route.abort();
    await route.fulfill({
      headers: { ...Object.fromEntries(page.headers), 'content-type': MEDIA_TYPES[extname(name)] },
      body: await readFile(new URL(name, WWW)),
    });
  });
}
