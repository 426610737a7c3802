// Replaces Workers KV in a deployment on one machine: a Durable Object with SQLite, stored beside the
// registry.
//
// It implements the part of KV's protocol that Wayleave uses: get, put with an expiry, delete. Metadata,
// listing and bulk reads get 501. It has no cache and no replicas, so a written value can be read at once.

import { DurableObject } from 'cloudflare:workers';

/**
 * A row of Durable Object SQLite holds 2 MB and a KV value may be larger, so values are split into pieces of
 * 1 MiB.
 */
const PIECE_BYTES = 1024 * 1024;
/**
 * Expired values are never returned. They are deleted at this interval, one hour, while any value has an
 * expiry.
 */
const SWEEP_EVERY_MS = 60 * 60 * 1000;

export class Namespace extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec(`
      CREATE TABLE IF NOT EXISTS piece (
        key TEXT, number INTEGER, bytes BLOB NOT NULL, expires_at INTEGER, PRIMARY KEY (key, number));
      CREATE INDEX IF NOT EXISTS piece_expiry ON piece (expires_at) WHERE expires_at IS NOT NULL`);
  }

  async fetch(request) {
    const url = new URL(request.url);
    const key = decodeURIComponent(url.pathname.slice(1));
    if (key === '' || request.headers.has('CF-KV-Metadata')) return new Response(null, { status: 501 });
    if (request.method === 'GET') return this.#get(key);
    if (request.method === 'PUT')
      return this.#put(key, await request.arrayBuffer(), expiryOf(url.searchParams));
    if (request.method !== 'DELETE') return new Response(null, { status: 501 });
    this.sql.exec('DELETE FROM piece WHERE key = ?', key);
    return new Response();
  }

  #get(key) {
    const pieces = this.sql
      .exec(
        'SELECT bytes FROM piece WHERE key = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY number',
        key,
        nowSeconds(),
      )
      .toArray();
    return pieces.length === 0
      ? new Response(null, { status: 404 })
      : new Response(new Blob(pieces.map(({ bytes }) => bytes)));
  }

  /**
   * There is no await before the response, so all rows are committed together, and the response waits for the
   * disk.
   */
  #put(key, value, expiresAt) {
    this.sql.exec('DELETE FROM piece WHERE key = ?', key);
    for (let at = 0; at === 0 || at < value.byteLength; at += PIECE_BYTES) {
      this.sql.exec(
        'INSERT INTO piece VALUES (?, ?, ?, ?)',
        key,
        at,
        value.slice(at, at + PIECE_BYTES),
        expiresAt,
      );
    }
    if (expiresAt !== null && !this.sweeps) {
      this.sweeps = true;
      this.ctx.storage.setAlarm(Date.now() + SWEEP_EVERY_MS);
    }
    return new Response();
  }

  async alarm() {
    this.sql.exec('DELETE FROM piece WHERE expires_at <= ?', nowSeconds());
    this.sweeps =
      this.sql.exec('SELECT 1 FROM piece WHERE expires_at IS NOT NULL LIMIT 1').toArray().length > 0;
    if (this.sweeps) await this.ctx.storage.setAlarm(Date.now() + SWEEP_EVERY_MS);
  }
}

/** Expiry in Unix seconds, or null for never. */
function expiryOf(query) {
  if (query.has('expiration')) return Number(query.get('expiration'));
  return query.has('expiration_ttl') ? nowSeconds() + Number(query.get('expiration_ttl')) : null;
}

function nowSeconds() {
  return Math.floor(Date.now() / 1000);
}

export default {
  fetch(request, env) {
    return env.NAMESPACE.get(env.NAMESPACE.idFromName('kv')).fetch(request);
  },
};
