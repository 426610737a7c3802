// The cache of one location (`caches.default`), in the protocol between workerd and a service: GET is
// answered HIT or MISS, PUT has a whole HTTP response as its body. It keeps values for the time in
// `Cache-Control: max-age`, and can be made to forget them, to fail, to keep them far too long or to answer
// with something else.

import { createServer } from 'node:http';
import { unlessGone } from '../../workerd/harness/gone_caller.mjs';

export class LocationCache {
  /** URL → { headers, bytes, until } */
  #kept = new Map();

  constructor() {
    this.hits = 0;
    this.misses = 0;
    this.heal();
  }

  heal() {
    this.down = false;
    /** While this is true, stored values do not expire: a cache that ignores max-age. */
    this.forgetsNothing = false;
    /** Alters the bytes of answers. */
    this.alter = (bytes) => bytes;
  }

  clear() {
    this.#kept.clear();
  }

  async start() {
    this.server = createServer(unlessGone((request, response) => this.#serve(request, response)));
    this.server.keepAliveTimeout = 60_000;
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #serve(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (this.down) return response.writeHead(500).end();
    const url = `${request.headers.host}${request.url}`;
    if (request.method === 'PUT') {
      this.#put(url, Buffer.concat(chunks));
      return response.writeHead(204).end();
    }
    if (request.method === 'PURGE') return response.writeHead(this.#kept.delete(url) ? 200 : 404).end();
    const kept = this.#kept.get(url);
    if (kept === undefined || (Date.now() >= kept.until && !this.forgetsNothing)) {
      this.misses += 1;
      return response.writeHead(504, { 'CF-Cache-Status': 'MISS' }).end();
    }
    this.hits += 1;
    response.writeHead(200, { ...kept.headers, 'CF-Cache-Status': 'HIT' }).end(this.alter(kept.bytes));
  }

  /** `message` is a status line, header lines, an empty line and the body. */
  #put(url, message) {
    const end = message.indexOf('\r\n\r\n');
    const lines = message.subarray(0, end).toString('latin1').split('\r\n').slice(1);
    const headers = Object.fromEntries(
      lines
        .map((line) => line.split(/:\s*(.*)/s).slice(0, 2))
        .map(([name, value]) => [name.toLowerCase(), value]),
    );
    const chunked = headers['transfer-encoding'] === 'chunked';
    const body = message.subarray(end + 4);
    delete headers['transfer-encoding'];
    const [, seconds] = /max-age=(\d+)/.exec(headers['cache-control'] ?? '') ?? [null, '0'];
    this.#kept.set(url, {
      headers,
      bytes: chunked ? unchunked(body) : body,
      until: Date.now() + Number(seconds) * 1_000,
    });
  }
}

function unchunked(bytes) {
  const pieces = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const length = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16);
    if (!(length > 0)) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
}
