// Loads one address with wrk for some seconds, and reads how much processor time a process took meanwhile.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SCRIPT = join(import.meta.dirname, 'wrk.lua');

/**
 * @param {object} options
 * @param {{ pid: number, processorMs: () => number }} options.process whose processor time is read
 * @param {string} options.url
 * @param {number} options.seconds
 * @param {number} [options.connections] each sends its next request after an answer
 * @param {string[]} options.headers `Name: value`
 * @param {string[]} [options.authorizations] values of Authorization, one after the other
 * @param {number} [options.thinkMs] how long a connection waits between an answer and the next request
 * @param {number} options.status that every answer must have
 */
export async function load({
  process: served,
  url,
  seconds,
  connections = 16,
  headers,
  authorizations = [],
  thinkMs = 0,
  status,
}) {
  // A file, since an environment may not be that long.
  const folder = mkdtempSync(join(tmpdir(), 'wayleave-bench-'));
  const listed = join(folder, 'authorizations');
  writeFileSync(listed, authorizations.map((value) => `${value}\n`).join(''));
  const env = {
    ...process.env,
    BENCH_STATUS: String(status),
    BENCH_THINK_MS: String(thinkMs),
    BENCH_AUTHORIZATIONS: listed,
  };
  const fields = headers.flatMap((header) => ['-H', header]);
  const options = [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout',
    '10s',
    '-s',
    SCRIPT,
    ...fields,
    url,
  ];
  const before = served.processorMs();
  const child = spawn('wrk', options, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (printed += piece));
  child.on(
    'error',
    (error) => (printed += `${error.message} (make bench installs wrk: deploy/toolchain/install bench)`),
  );
  const [code] = await once(child, 'close');
  rmSync(folder, { recursive: true });
  const line = printed.split('\n').find((text) => text.startsWith('{'));
  if (code !== 0 || line === undefined) throw new Error(`wrk failed for ${url}:\n${printed}`);
  const counted = JSON.parse(line);
  if (counted.others > 0 || counted.failed > 0 || counted.requests === 0) {
    throw new Error(`${url}: not every answer was ${status}, so nothing is compared: ${line}`);
  }
  return {
    requests: counted.requests,
    perSecond: (counted.requests * 1e6) / counted.duration_us,
    cpuUs: ((served.processorMs() - before) * 1000) / counted.requests,
    latencyMs: { p50: counted.p50 / 1000, p99: counted.p99 / 1000, p999: counted.p999 / 1000 },
  };
}
