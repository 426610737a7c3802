// The time of a request while a thousand answers are streaming through the same process.

import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { BROWSER_HEADERS } from './contenders.mjs';
import { load } from './load.mjs';

const STREAMS = 1_000;
/** Begun at a time. */
const BEGUN_AT_ONCE = 50;
const PIECE_EVERY_MS = 1_000;
const CONNECTIONS = 16;

/** An upstream whose answers do not end: a short piece every second. */
export async function streamingUpstream() {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const send = () => response.write('data: 1\n\n');
    send();
    const timer = setInterval(send, PIECE_EVERY_MS);
    response.on('close', () => clearInterval(timer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Latency of the forwarder and of Wayleave, without streams and with them. */
export async function streams({ started, gateway, urlOf, seconds, bare }) {
  const { token } = await gateway.admin.createToken();
  const table = [];
  for (const [name, bearer] of [
    ['forwarder', bare],
    ['ours', token],
  ]) {
    const headers = [...BROWSER_HEADERS, `Authorization: Bearer ${bearer}`];
    const measured = async (open) => {
      const run = await load({
        process: started[name],
        url: urlOf(name),
        seconds,
        connections: CONNECTIONS,
        headers,
        status: 200,
      });
      table.push({ name, streams: open, ...run.latencyMs, per_second: Math.round(run.perSecond) });
      const { p50, p99, p999 } = run.latencyMs;
      console.log(`  ${name}, ${open} streams: p50 ${p50} p99 ${p99} p99.9 ${p999} ms`);
    };
    await measured(0);
    const url = new URL('/v1/stream', urlOf(name));
    const opened = await open(url, headers);
    const reading = opened.reduce((sum, { pieces }) => sum + pieces(), 0);
    await measured(STREAMS);
    const read = opened.reduce((sum, { pieces }) => sum + pieces(), 0) - reading;
    console.log(`  ${name}: ${read} pieces came meanwhile`);
    for (const { end } of opened) end();
  }
  return table;
}

/** Opens the streams, each until its first piece has come. */
async function open(url, headers) {
  const sent = Object.fromEntries(headers.map((header) => header.split(': ')));
  const opened = [];
  while (opened.length < STREAMS) {
    const some = Array.from({ length: BEGUN_AT_ONCE }, () => openOne(url, sent));
    opened.push(...(await Promise.all(some)));
  }
  return opened;
}

function openOne(url, headers) {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, agent: false }, (response) => {
      if (response.statusCode !== 200)
        return reject(new Error(`${url} answered ${response.statusCode} to a stream`));
      let pieces = 0;
      response.on('data', () => {
        pieces += 1;
        resolve({ pieces: () => pieces, end: () => request.destroy() });
      });
      response.on('error', () => {});
    });
    request.on('error', reject);
  });
}
