// KV in memory, shared by all locations. It counts every operation by key, and tests can make it fail as
// replicated storage does.

import { expirationOf, KvWire } from './kv_wire.mjs';

export class KvServer extends KvWire {
  constructor() {
    super();
    /** key → { bytes: Buffer, metadata: string | undefined, expiration: number | undefined } */
    this.values = new Map();
    this.#heal();
  }

  #heal() {
    this.readsFail = false;
    this.writesFail = false;
    this.hangs = false;
    this.lagMs = 0;
    /** key → bytes that reads get instead of the stored ones: a stale replica, or a value altered by hand. */
    this.pinned = new Map();
    /** Keys that reads find absent although they are stored. */
    this.unseen = () => false;
    /** (key) => a promise that reads of this key wait for. */
    this.waitsFor = () => undefined;
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

  /** Reads of `key` get `change(bytes)` of the value stored now, even after later writes. */
  pin(key, change = (bytes) => bytes) {
    this.pinned.set(key, change(Buffer.from(this.values.get(key).bytes)));
  }

  keys(prefix = '') {
    return [...this.values.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  async start() {
    await super.start();
    console.log(`started KV server on ${this.port}`);
  }

  async answer({ method, key, query, bytes, metadata }) {
    if (this.hangs) return null;
    if (this.lagMs > 0) await new Promise((resolve) => setTimeout(resolve, this.lagMs));
    if (method === 'GET') {
      await this.waitsFor(key);
      return this.#read(key);
    }
    if (method !== 'PUT' && method !== 'DELETE') return { status: 405 };
    if (this.writesFail) return { status: 500, bytes: 'KV is down' };
    if (method === 'PUT') this.values.set(key, { bytes, metadata, expiration: expirationOf(query) });
    else this.values.delete(key);
    return { status: 200 };
  }

  #read(key) {
    if (this.readsFail) return { status: 500, bytes: 'KV is down' };
    const pinned = this.pinned.get(key);
    const stored = this.unseen(key) ? undefined : this.values.get(key);
    const bytes = pinned ?? stored?.bytes;
    return bytes === undefined ? { status: 404 } : { status: 200, bytes, metadata: stored?.metadata };
  }
}
