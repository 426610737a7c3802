// The API behind the gateway: it returns exactly what it received, and misbehaves on request.
//
// The last segment of the path selects the behaviour. Any segment that #routes does not list is echoed as {
// method, url, headers: [[name, value], …], bodyBytes, bodySha256 }.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WebSocketServer } from 'ws';
import { unlessGone } from './gone_caller.mjs';

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
      'headers-then-hang': (_request, response) => response.writeHead(200).write('first'),
      cut: (request) => request.socket.destroy(),
      png: (_request, response) => response.writeHead(200, { 'Content-Type': 'image/png' }).end(PNG),
      redirect: (_request, response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
      status: (request, response) => response.writeHead(Number(query(request, 'code'))).end(),
      answer: (request, response) => this.#answer(request, response),
      download: (request, response) => download(response, Number(query(request, 'bytes'))),
      upload: (request, response) => upload(request, response),
    };
  }
  #routes;

  async start() {
    const serve = (request, response) => {
      this.requests.push(seen(request));
      const route = this.#routes[request.url.split('?')[0].split('/').at(-1)] ?? echo;
      return route(request, response);
    };
    this.server = createServer({ keepAliveTimeout: 60_000 }, unlessGone(serve));
    this.#openSockets();
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.origin = `http://127.0.0.1:${this.port}`;
    console.log(`started upstream on ${this.port}`);
  }

  /** …/socket knows no subprotocols, …/choosing selects the last one offered; both echo what they receive. */
  #openSockets() {
    const choosesNone = () => false;
    const choosesLast = (offered) => [...offered].at(-1) ?? false;
    this.sockets = [choosesNone, choosesLast].map(
      (handleProtocols) => new WebSocketServer({ noServer: true, handleProtocols }),
    );
    this.server.on('upgrade', (request, connection, head) => {
      const [plain, choosing] = this.sockets;
      const server = request.url.split('?')[0].endsWith('/choosing') ? choosing : plain;
      this.requests.push(seen(request));
      server.handleUpgrade(request, connection, head, (socket) => {
        socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
      });
    });
  }

  async stop() {
    for (const { clients } of this.sockets) for (const socket of clients) socket.terminate();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** …/answer?headers=[[name,value],…]&status=…: answers with these headers and keeps duplicates. */
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

/** Writes only as fast as the reader reads. */
function download(response, bytes) {
  response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
  // When the reader closes the connection, the stream ends with an error, which is expected.
  pipeline(Readable.from(chunks(bytes)), response).catch(() => {});
}

function* chunks(bytes) {
  for (let left = bytes; left > 0; left -= CHUNK.length)
    yield CHUNK.subarray(0, Math.min(left, CHUNK.length));
}
