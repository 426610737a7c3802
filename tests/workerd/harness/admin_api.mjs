// A client of the admin API. call() returns the Answer; the shorter methods below assert success.

import assert from 'node:assert/strict';

const BASE = '/_wayleave/api';

/** The site of createToken()'s tokens. */
export const SITE = 'https://shop.example';

export class AdminApi {
  constructor(client, key) {
    this.client = client;
    this.key = key;
  }

  /** The same API with another admin key. */
  as(key) {
    return new AdminApi(this.client, key);
  }

  call(method, path, { body, headers = {} } = {}) {
    return this.client.send(method, `${BASE}${path}`, {
      body,
      headers: { Authorization: `Bearer ${this.key}`, ...headers },
    });
  }

  async #done(status, method, path, options) {
    const answer = await this.call(method, path, options);
    assert.equal(answer.status, status, `${method} ${path}: ${answer}`);
    return answer.json;
  }

  /**
   * Creates a token for SITE with further `settings`; returns the API's answer, with the full text in
   * `token`.
   */
  createToken(settings = {}, headers = {}) {
    return this.#done(201, 'POST', '/tokens', {
      body: { label: 'a test', origins: [SITE], ...settings },
      headers,
    });
  }

  token(id) {
    return this.#done(200, 'GET', `/tokens/${id}`);
  }

  edit(id, settings, headers = {}) {
    return this.#done(200, 'PATCH', `/tokens/${id}`, { body: settings, headers });
  }

  revoke(id, body = { force: true }) {
    return this.#done(200, 'POST', `/tokens/${id}/revoke`, { body });
  }

  disable(id) {
    return this.#done(200, 'POST', `/tokens/${id}/disable`);
  }

  enable(id) {
    return this.#done(200, 'POST', `/tokens/${id}/enable`);
  }

  createAdminKey(role, settings = {}) {
    return this.#done(201, 'POST', '/admin-keys', { body: { label: `a ${role}`, role, ...settings } });
  }

  status() {
    return this.#done(200, 'GET', '/status');
  }
}
