// A real HTTP server that behaves like the gateway: it hands out the current token and refuses all others.

import { once } from 'node:events';
import { createServer } from 'node:http';

export const FAMILY = 'fam_test';

export class FakeGateway {
  /** The current token, its lifetimes in seconds, and the problem code for every other token. */
  token = 'wlp_first';
  life = { expires_in: 1000, refresh_after_seconds: 100 };
  code = 'token_revoked';
  /** Number of requests for the token. */
  asks = 0;
  /** Requests that reached the API: method, path, headers, body. */
  calls = [];
  /** Answers that replace the usual ones: `[status, headers, body]`, or a promise of one. */
  handsOut = () => undefined;
  api = () => undefined;

  async start() {
    this.server = createServer((request, response) => {
      this.#answer(request).then(([status, headers, body]) => response.writeHead(status, headers).end(body));
    }).listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.origin = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  async stop() {
    this.server.closeAllConnections();
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }

  async #answer(request) {
    if (request.url === `/_wayleave/families/${FAMILY}/token`) {
      this.asks += 1;
      return (await this.handsOut()) ?? this.grants(this.token);
    }
    const body = Buffer.concat(await request.toArray()).toString();
    const call = { method: request.method, url: request.url, headers: request.headers, body };
    this.calls.push(call);
    const ours = await this.api(call);
    if (ours) return ours;
    const { authorization, 'x-api-key': key } = request.headers;
    const token =
      key ??
      authorization?.replace('Bearer ', '') ??
      new URL(request.url, this.origin).searchParams.get('token');
    return token === this.token ? [200, {}, 'admitted'] : problem(401, this.code);
  }

  grants(token) {
    return [
      200,
      { 'content-type': 'application/json', 'cache-control': 'no-store' },
      JSON.stringify({ token, ...this.life }),
    ];
  }
}

export function problem(status, code, headers = {}) {
  const body = JSON.stringify({
    type: `/_wayleave/problems#${code}`,
    status,
    code,
    detail: `What ${code} means.`,
  });
  return [status, { 'content-type': 'application/problem+json', ...headers }, body];
}
