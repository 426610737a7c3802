// The protocol in which workerd's KV binding talks to a service: GET, PUT and DELETE of
// /<key>?urlencoded=true.
//
// A subclass stores the values and simulates faults: it answers one operation at a time.

import { createServer } from 'node:http';
import { unlessGone } from './gone_caller.mjs';

export class KvWire {
  /** Every operation since the last reset: { method, key, query }. */
  operations = [];

  /**
   * Answers { method, key, query, bytes, metadata } with { status, bytes?, metadata? }, or null for no answer
   * at all.
   * @abstract
   */
  async answer() {
    throw new Error('what KV answers is for the extending class to say');
  }

  get reads() {
    return this.operations.filter(({ method }) => method === 'GET' || method === 'POST').length;
  }

  get writes() {
    return this.operations.filter(({ method }) => method === 'PUT' || method === 'DELETE').length;
  }

  readsOf(key) {
    return this.operations.filter((operation) => operation.method === 'GET' && operation.key === key).length;
  }

  resetCounts() {
    this.operations = [];
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
    const url = new URL(request.url, 'http://kv');
    const operation = {
      method: request.method,
      key: decodeURIComponent(url.pathname.slice(1)),
      query: Object.fromEntries(url.searchParams),
    };
    this.operations.push(operation);
    const bytes = await bytesOf(request);
    const answer = await this.answer({ ...operation, bytes, metadata: request.headers['cf-kv-metadata'] });
    if (answer === null) return;
    const headers = answer.metadata === undefined ? {} : { 'CF-KV-Metadata': answer.metadata };
    response.writeHead(answer.status, headers).end(answer.bytes);
  }
}

/** Unix seconds after which KV may drop the value that this PUT writes; undefined for never. */
export function expirationOf(query) {
  if (query.expiration !== undefined) return Number(query.expiration);
  return query.expiration_ttl === undefined
    ? undefined
    : Math.floor(Date.now() / 1000) + Number(query.expiration_ttl);
}

async function bytesOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
