// The demo's API: a small public weather service that knows nothing of tokens or other origins. It
// deliberately sends no CORS headers, because the gateway decides what a page may read.
//
//   GET /v1/stations                 JSON
//   GET /v1/observations             JSON; ?station=<id> for one
//   GET /v1/tiles/<z>/<x>/<y>.png    PNG, 256 × 256
//   GET /v1/live                     one JSON line a second for 20 seconds, streamed; events to EventSource
//   GET /v1/slow?seconds=<n>         answers after n seconds (5; at most 120)
//   ANY /v1/echo                     what arrived here: method, path, headers
//
// `/` lists these, and tiles are also below `/`, so that the code that the console shows for a token works as
// it is.

import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { tile } from './tile.mjs';
import { observation, STATIONS } from './weather.mjs';

const PATHS = ['/v1/stations', '/v1/observations', '/v1/live'];

export function demoUpstream() {
  return createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
}

async function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://upstream.invalid');
  if (pathname === '/v1/echo') {
    const headers = Object.fromEntries(pairs(request.rawHeaders));
    return json(response, 200, { method: request.method, path: request.url, headers });
  }
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return json(response, 405, { error: 'only GET' });
  if (pathname === '/') return json(response, 200, { paths: PATHS });
  if (pathname === '/v1/stations') return json(response, 200, { stations: STATIONS });
  if (pathname === '/v1/observations') return observations(response, searchParams.get('station'));
  if (pathname === '/v1/live') return live(request, response);
  if (pathname === '/v1/slow') return slow(response, searchParams.get('seconds'));
  const found = /^(?:\/v1)?\/tiles\/(\d{1,2})\/(\d{1,6})\/(\d{1,6})\.png$/.exec(pathname);
  if (found) return png(response, tile(...found.slice(1).map(Number), thisTenMinutes()));
  return json(response, 404, { error: 'no such path', paths: PATHS });
}

function observations(response, id) {
  const stations = STATIONS.filter((station) => id === null || station.id === id);
  if (stations.length === 0) return json(response, 404, { error: 'no such station' });
  const now = thisTenMinutes();
  return json(response, 200, { observations: stations.map((station) => observation(station, now)) });
}

async function live(request, response) {
  const isEvents = request.headers.accept === 'text/event-stream';
  const type = isEvents ? 'text/event-stream' : 'application/x-ndjson';
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' });
  for (let line = 0; line < 20 && !response.destroyed; line += 1) {
    if (line > 0) await sleep(1000);
    const station = STATIONS[line % STATIONS.length];
    const text = JSON.stringify(observation(station, Date.now()));
    response.write(isEvents ? `data: ${text}\n\n` : `${text}\n`);
  }
  response.end();
}

async function slow(response, text) {
  const seconds = Math.min(Math.max(Number(text ?? 5) || 0, 0), 120);
  await sleep(seconds * 1000);
  if (!response.destroyed) json(response, 200, { waited_seconds: seconds });
}

function json(response, status, value) {
  const body = `${JSON.stringify(value, null, 1)}\n`;
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'public, max-age=60' })
    .end(body);
}

function png(response, file) {
  response.writeHead(200, { 'content-type': 'image/png', 'cache-control': 'public, max-age=600' }).end(file);
}

// Observations and tiles change together, every ten minutes.
function thisTenMinutes() {
  return Math.floor(Date.now() / 600_000) * 600_000;
}

function pairs(list) {
  return list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1]]] : []));
}
