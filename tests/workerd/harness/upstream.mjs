// The API behind the gateway: it says exactly what reached it, and misbehaves on request.
//
// The last segment of the path says what it does; any that #routes does not list answers with an echo:
// { method, url, headers: [[name, value], …], bodyBytes, bodySha256 }.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WebSocketServer } from 'ws';

export const MEBIBYTE = 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, 'wayleave');

/** The smallest PNG: one transparent pixel. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);

export class Upstream {
  constructor() {
    /** Every request that reached the API: { method, url, headers }. */
    this.requests = [];
    this.#routes = {
      hang: () => {},
      'headers-then-hang': (request, response) => response.writeHead(200).write('first'),
      cut: (request) => request.socket.destroy(),
      png: (request, response) => response.writeHead(200, { 'Content-Type': 'image/png' }).end(PNG),
      redirect: (request, response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
      status: (request, response) => response.writeHead(Number(query(request, 'code'))).end(),
      answer: (request, response) => this.#answer(request, response),
      download: (request, response) => download(response, Number(query(request, 'bytes'))),
      upload: (request, response) => upload(request, response),
    };
  }
  #routes;

  async start() {
    this.server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      this.requests.push(seen(request));
      const route = this.#routes[request.url.split('?')[0].split('/').at(-1)];
      if (route) route(request, response);
      else echo(request, response);
    });
    this.sockets = new WebSocketServer({ server: this.server, path: '/socket' });
    this.sockets.on('connection', (socket, request) => {
      this.requests.push(seen(request));
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.origin = `http://127.0.0.1:${this.port}`;
    console.log(`started upstream on ${this.port}`);
  }

  async stop() {
    for (const socket of this.sockets.clients) socket.terminate();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** …/answer?headers=[[name,value],…]&status=…: answers with these headers, duplicates kept. */
  #answer(request, response) {
    const headers = JSON.parse(query(request, 'headers') ?? '[]');
    response.writeHead(Number(query(request, 'status') ?? 200), headers.flat());
    response.end('answered');
  }
}

function seen(request) {
  const headers = [];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    headers.push([request.rawHeaders[at].toLowerCase(), request.rawHeaders[at + 1]]);
  }
  return { method: request.method, url: request.url, headers };
}

function query(request, name) {
  return new URL(request.url, 'http://upstream').searchParams.get(name);
}

async function digestOf(request) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bodyBytes: bytes, bodySha256: hash.digest('hex') };
}

async function echo(request, response) {
  const text = JSON.stringify({ ...seen(request), ...(await digestOf(request)) });
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(text);
}

async function upload(request, response) {
  const text = JSON.stringify(await digestOf(request));
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(text);
}

/** Writes only as fast as the reader takes it. */
function download(response, bytes) {
  response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
  // A reader that goes away ends the stream with an error, and that is all right.
  pipeline(Readable.from(chunks(bytes)), response).catch(() => {});
}

function* chunks(bytes) {
  for (let left = bytes; left > 0; left -= CHUNK.length)
    yield CHUNK.subarray(0, Math.min(left, CHUNK.length));
}
