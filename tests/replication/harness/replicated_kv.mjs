// A replicated KV: one history of writes, and for each location a view of it that lags, caches, stalls, lies or is down.
//
// Time here is the machine's own clock, the same that every location of the test reads.

import { KvWire } from '../../workerd/harness/kv_wire.mjs';

/** What was ever written: key → versions, oldest first. */
export class KvHistory {
  #versions = new Map();

  write(key, version) {
    const versions = this.#versions.get(key) ?? [];
    versions.push({ ...version, at: Date.now() });
    this.#versions.set(key, versions);
  }

  /** The version of `key` that had been written by `instant`; undefined when there was none. */
  asOf(key, instant) {
    return this.#versions.get(key)?.findLast(({ at }) => at <= instant);
  }

  /** All versions of `key`. */
  versions(key) {
    return this.#versions.get(key) ?? [];
  }
}

export class KvView extends KvWire {
  /** key → { version, until }: what the location's cache holds, "not there" included. */
  #cache = new Map();
  /** When the newest list was written that was ever read here, whole or not. */
  newestListAt = -Infinity;
  /** { key, at } of the reads of the last minute that found nothing. */
  misses = [];

  /**
   * @param {KvHistory} history
   * @param {object} behaviour
   * @param {[number, number]} behaviour.delayMs from … to: a write is seen here so much later, anew at random for each read
   * @param {number} behaviour.cacheMs the reader's cacheTtl counts up to this
   * @param {import("../../workerd/harness/random.mjs").Random} behaviour.random
   */
  constructor(history, { delayMs = [0, 0], cacheMs = 0, random }) {
    super();
    this.history = history;
    this.delayMs = delayMs;
    this.cacheMs = cacheMs;
    this.random = random;
    this.heal();
  }

  /** Ends every trouble. What is cached stays so until its time. */
  heal() {
    this.down = false;
    this.hangs = false;
    /** Reads see nothing written after this instant; null: all. */
    this.frozenAt = null;
    /** (key, bytes) => bytes: what reads get in place of what is stored. */
    this.alter = (key, bytes) => bytes;
  }

  /** The location's view stays as it was at `instant`, now or earlier: a stall, or a return to the past. */
  freeze(instant = Date.now()) {
    this.frozenAt = instant;
    this.#cache.clear();
  }

  async answer({ method, key, query, bytes, metadata }) {
    if (this.hangs) return null;
    if (this.down) return { status: 500, bytes: 'KV is down' };
    if (method === 'PUT' || method === 'DELETE') {
      this.history.write(key, method === 'PUT' ? { bytes, metadata } : { bytes: null });
      return { status: 200 };
    }
    if (method !== 'GET') return { status: 405 };
    const version = this.#visible(key, query);
    if (version === undefined || version.bytes === null) {
      this.misses = [...this.misses.filter(({ at }) => Date.now() - at < 60_000), { key, at: Date.now() }];
      return { status: 404 };
    }
    if (key === 'list/delta') this.newestListAt = Math.max(this.newestListAt, version.at);
    return { status: 200, bytes: this.alter(key, version.bytes), metadata: version.metadata };
  }

  #visible(key, query) {
    const now = Date.now();
    const cached = this.#cache.get(key);
    if (cached !== undefined && now < cached.until) return cached.version;
    const delayMs = this.random.between(...this.delayMs);
    const version = this.history.asOf(key, Math.min(now - delayMs, this.frozenAt ?? now));
    const ttlMs = Math.min(Number(query.cache_ttl ?? 60) * 1_000, this.cacheMs);
    if (ttlMs > 0) this.#cache.set(key, { version, until: now + ttlMs });
    return version;
  }
}
