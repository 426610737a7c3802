// A real browser for the tests of pages: Debian's Chromium, driven by playwright-core, with a fresh profile
// each time.
//
// `deploy/toolchain/install tests` installs it, and `deploy/toolchain/env` sets its path.

import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', // needed in containers and as root
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking', // no requests except those of the pages under test
  '--disable-component-update',
  '--disable-sync',
];

/** Starts Chromium, headless, with further flags. `close()` ends it and removes its profile. */
export function openBrowser(...flags) {
  const executablePath = process.env.WAYLEAVE_BROWSER;
  if (!executablePath) {
    throw new Error('no browser: run deploy/toolchain/install tests, then . deploy/toolchain/env');
  }
  return chromium.launch({ executablePath, headless: true, args: [...FLAGS, ...flags] });
}
