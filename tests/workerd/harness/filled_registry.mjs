// Fills a registry with very many tokens. The API makes one, and its row is copied in the database while
// workerd is stopped.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Adds the tokens "Site 1" to "Site <count>", with `settings`. Every 10th is disabled, every 25th ends within
 * a week. Returns the first, as the API made it.
 */
export async function fill(gateway, count, settings = {}) {
  const first = await gateway.admin.createToken({ label: 'Site 1', ...settings });
  const ports = { ...gateway.workerd.ports };
  await gateway.workerd.kill();
  const began = performance.now();
  const storage = join(gateway.workerd.folder, 'storage');
  const file = readdirSync(storage, { recursive: true }).find(
    (name) => name.includes('Registry') && /[0-9a-f]{64}\.sqlite$/.test(name),
  );
  const database = new DatabaseSync(join(storage, file));
  const columns = database
    .prepare("SELECT name FROM pragma_table_info('token')")
    .all()
    .map(({ name }) => name);
  const changed = {
    serial: 'n',
    family: "'fam_' || n",
    label: "'Site ' || n",
    search: "'site ' || n",
    fingerprint: "printf('wlp_AQEA…%08d', n)",
    status: "CASE WHEN n % 10 = 0 THEN 'disabled' ELSE 'good' END",
    expires_at: 'CASE WHEN n % 25 = 0 THEN unixepoch() + 86400 * 6 ELSE expires_at END',
  };
  const values = columns.map((name) => changed[name] ?? name).join(', ');
  database.exec('BEGIN');
  database.exec(`WITH RECURSIVE number (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < ${count})
    INSERT INTO token (${columns.join(', ')})
    SELECT ${values} FROM number CROSS JOIN (SELECT * FROM token WHERE serial = 1)`);
  database.exec(`WITH RECURSIVE number (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < ${count})
    INSERT INTO token_host (host, serial)
    SELECT host, n FROM number CROSS JOIN (SELECT host FROM token_host WHERE serial = 1)`);
  database.exec(
    "UPDATE token SET label = 'Site 17 of the first', search = 'site 17 of the first' WHERE serial = 17",
  );
  database.exec(`UPDATE registry SET highest_serial = ${count}`);
  // As after the migration of an earlier release: the registry fills its index of the list by itself.
  database.exec('UPDATE index_fill SET after_serial = 0, is_filled = 0');
  database.exec('COMMIT');
  database.close();
  console.log(`filled with ${count} tokens in ${Math.round(performance.now() - began)} ms`);
  await gateway.workerd.start(ports);
  return first;
}
