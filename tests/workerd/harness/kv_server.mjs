// Workers KV as workerd speaks it to a service: GET, PUT and DELETE of /<key>?urlencoded=true, in memory.
//
// It counts every operation by key, and it can be told to behave as replicated storage does on a bad day.

import { createServer } from "node:http";

export class KvServer {
  constructor() {
    /** key → { bytes: Buffer, metadata: string | undefined, expiration: number | undefined } */
    this.values = new Map();
    /** Every operation since the last reset: { method, key, query }. */
    this.operations = [];
    this.#heal();
  }

  #heal() {
    this.readsFail = false;
    this.writesFail = false;
    this.hangs = false;
    this.lagMs = 0;
    /** key → bytes that reads get, whatever is stored: a location that is behind, or a value altered by hand. */
    this.pinned = new Map();
    /** Keys that reads find absent although they are stored. */
    this.unseen = () => false;
  }

  /** Ends every fault; keeps values and counts. */
  heal() {
    this.#heal();
  }

  /** KV answers every operation with 500. */
  fail() {
    this.readsFail = true;
    this.writesFail = true;
  }

  /** Reads of `key` get `change(bytes)` of what is stored now, even after later writes. */
  pin(key, change = (bytes) => bytes) {
    this.pinned.set(key, change(Buffer.from(this.values.get(key).bytes)));
  }

  get reads() {
    return this.operations.filter(({ method }) => method === "GET" || method === "POST").length;
  }

  get writes() {
    return this.operations.filter(({ method }) => method === "PUT" || method === "DELETE").length;
  }

  readsOf(key) {
    return this.operations.filter((operation) => operation.method === "GET" && operation.key === key).length;
  }

  keys(prefix = "") {
    return [...this.values.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  resetCounts() {
    this.operations = [];
  }

  async start() {
    this.server = createServer((request, response) => this.#serve(request, response));
    this.server.keepAliveTimeout = 60_000;
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.port = this.server.address().port;
    console.log(`started KV server on ${this.port}`);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #serve(request, response) {
    const url = new URL(request.url, "http://kv");
    const key = decodeURIComponent(url.pathname.slice(1));
    this.operations.push({ method: request.method, key, query: Object.fromEntries(url.searchParams) });
    const body = await bytesOf(request);
    if (this.hangs) return;
    if (this.lagMs > 0) await new Promise((resolve) => setTimeout(resolve, this.lagMs));
    if (request.method === "GET") return this.#read(key, response);
    if (request.method === "PUT") return this.#write(key, body, request, url, response);
    if (request.method === "DELETE") {
      this.values.delete(key);
      return response.writeHead(this.writesFail ? 500 : 200).end();
    }
    response.writeHead(405).end();
  }

  #read(key, response) {
    if (this.readsFail) return response.writeHead(500).end("KV is down");
    const pinned = this.pinned.get(key);
    const stored = this.unseen(key) ? undefined : this.values.get(key);
    const bytes = pinned ?? stored?.bytes;
    if (bytes === undefined) return response.writeHead(404).end();
    const headers = stored?.metadata === undefined ? {} : { "CF-KV-Metadata": stored.metadata };
    response.writeHead(200, headers).end(bytes);
  }

  #write(key, bytes, request, url, response) {
    if (this.writesFail) return response.writeHead(500).end("KV is down");
    const query = url.searchParams;
    const inSeconds = query.get("expiration_ttl");
    const expiration = query.has("expiration") ? Number(query.get("expiration"))
      : inSeconds === null ? undefined : Math.floor(Date.now() / 1000) + Number(inSeconds);
    this.values.set(key, { bytes, metadata: request.headers["cf-kv-metadata"], expiration });
    response.writeHead(200).end();
  }
}

async function bytesOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
