// A real browser for the tests of pages: Debian's Chromium, driven by playwright-core, with a fresh profile each time.
//
// `deploy/toolchain/install browser` brings it, and `deploy/toolchain/env` says where it is.

import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', // containers, root
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking', // it asks nobody but the pages under test
  '--disable-component-update',
  '--disable-sync',
];

/** Starts it, headless. Close it with `close()`; its profile goes with it. */
export function openBrowser() {
  const executablePath = process.env.WAYLEAVE_BROWSER;
  if (!executablePath) {
    throw new Error('no browser: run deploy/toolchain/install browser, then . deploy/toolchain/env');
  }
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}
