// Simulates a day of use: copies the counts of one minute into the hours before, in the shards' databases,
// while workerd is stopped.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Step numbers in the shards' tables. */
const MINUTE = 0,
  HOUR = 1;
const HOURS = 24,
  MINUTES_AN_HOUR = 60;

/**
 * Gives the token `serial` hourly counts for the day before, copied from the latest counts of it and
 * `others`. Every fifth hour stays empty.
 */
export async function spreadUsage(gateway, serial, others) {
  const ports = { ...gateway.workerd.ports };
  await gateway.workerd.kill();
  const storage = join(gateway.workerd.folder, 'storage');
  const shards = readdirSync(storage, { recursive: true })
    .filter((name) => name.includes('Usage') && /[0-9a-f]{64}\.sqlite$/.test(name))
    .map((name) => new DatabaseSync(join(storage, name)));
  const rowOf = (of) =>
    shards.flatMap((shard) =>
      shard.prepare('SELECT at, tally FROM tally WHERE step = ? AND serial = ?').all(MINUTE, of),
    )[0];
  const counted = [serial, ...others].map(rowOf).filter(Boolean);
  const own = shards.find((shard) => shard.prepare('SELECT 1 FROM tally WHERE serial = ?').get(serial));
  const insert = own.prepare('INSERT OR REPLACE INTO tally (step, serial, at, tally) VALUES (?, ?, ?, ?)');
  for (let back = 1; back < HOURS; back += 1) {
    const at = Math.floor(counted[0].at / MINUTES_AN_HOUR) - back;
    if (back % 5 !== 0) insert.run(HOUR, serial, at, counted[(back * back) % counted.length].tally);
  }
  for (const shard of shards) shard.close();
  await gateway.workerd.start(ports);
}
