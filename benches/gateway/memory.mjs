// Whether the memory of the gateway's process stays the same under load: MINUTES of it (10 if not said).

import { BROWSER_HEADERS } from './contenders.mjs';
import { load } from './load.mjs';

const MINUTES = Number(process.env.MINUTES ?? 10);
const TOKENS = 2_000;
const SECONDS_PER_MINUTE = 60;
const BYTES_PER_MIB = 1_048_576;

/** Prints the resident memory after each minute. The first minute fills what is kept. */
export async function memory({ process: served, gateway, url }) {
  const tokens = [];
  while (tokens.length < TOKENS) {
    const made = await Promise.all(Array.from({ length: 16 }, () => gateway.admin.createToken()));
    tokens.push(...made.map(({ token }) => `Bearer ${token}`));
  }
  const run = { process: served, url, headers: BROWSER_HEADERS, authorizations: tokens, status: 200 };
  for (let minute = 1; minute <= MINUTES; minute += 1) {
    const { requests } = await load({ ...run, seconds: SECONDS_PER_MINUTE });
    const residentMiB = Math.round(served.residentBytes() / BYTES_PER_MIB);
    console.log(`  minute ${minute}: ${residentMiB} MiB after ${requests} requests more`);
  }
}
