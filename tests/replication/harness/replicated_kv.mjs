// A replicated KV: one history of writes, and a view of it for each location. A view lags, caches, and can be
// frozen, altered or down.
//
// Time is the machine's own clock, which every location of the test reads.

import { KvWire } from '../../workerd/harness/kv_wire.mjs';

/** All writes: key → versions, oldest first. */
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
  /** key → { version, at }: the location's cache, including cached absence. */
  #cache = new Map();
  /** When the newest list that was ever read here had been written, altered or not. */
  newestListAt = -Infinity;
  /** { key, at } of the reads in the last minute that found nothing. */
  misses = [];

  /**
   * @param {KvHistory} history
   * @param {object} behaviour
   * @param {[number, number]} behaviour.delayMs from … to: the delay after which a write is visible here,
   *   random for each read
   * @param {number} behaviour.cacheMs the longest time for which the reader's cacheTtl is honoured
   * @param {number} behaviour.secondMs how long a second of the reader's cacheTtl lasts
   * @param {import("../../workerd/harness/random.mjs").Random} behaviour.random
   */
  constructor(history, { delayMs = [0, 0], cacheMs = 0, secondMs = 1_000, random }) {
    super();
    this.history = history;
    this.delayMs = delayMs;
    this.cacheMs = cacheMs;
    this.secondMs = secondMs;
    this.random = random;
    this.heal();
  }

  /** Ends every trouble. Cached values stay until they expire. */
  heal() {
    this.down = false;
    this.hangs = false;
    /** Reads see nothing written after this instant; null: no limit. */
    this.frozenAt = null;
    /** (key, bytes) => bytes: alters what reads return. */
    this.alter = (_key, bytes) => bytes;
  }

  /** Freezes the location's view as it was at `instant`: now for a stall, earlier for a rollback. */
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
    // A reader with a shorter cacheTtl does not get an older copy, and replaces it.
    const ttlMs = Math.min(Number(query.cache_ttl ?? 60) * this.secondMs, this.cacheMs);
    if (cached !== undefined && now < cached.at + ttlMs) return cached.version;
    const delayMs = this.random.between(...this.delayMs);
    const version = this.history.asOf(key, Math.min(now - delayMs, this.frozenAt ?? now));
    if (ttlMs > 0) this.#cache.set(key, { version, at: now });
    return version;
  }
}
