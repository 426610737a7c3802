// A webhook receiver: it stores the requests, and answers as the test specifies.

import { createServer } from 'node:http';
import { unlessGone } from './gone_caller.mjs';

export class Receiver {
  constructor() {
    /** Every webhook: { path, headers, body, at }. */
    this.received = [];
    this.answer = taken;
  }

  async start() {
    const serve = async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const webhook = {
        path: request.url,
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      };
      this.received.push(webhook);
      this.answer(response, webhook);
    };
    this.server = createServer(unlessGone(serve));
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.origin = `http://127.0.0.1:${this.server.address().port}`;
    console.log(`started receiver on ${this.origin}`);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Answers the webhooks with `answers` in order, and repeats the last one. */
  script(...answers) {
    this.answer = (response, webhook) =>
      (answers.length > 1 ? answers.shift() : answers[0])(response, webhook);
  }

  /** The webhooks about this token, oldest first. */
  about(id) {
    return this.received.filter(({ body }) => JSON.parse(body).data.tokens.some((token) => token.id === id));
  }
}

export const taken = (response) => response.writeHead(204).end();
export const status =
  (code, headers = {}) =>
  (response) =>
    response.writeHead(code, headers).end('an answer');
/** Keeps the connection open and sends nothing. */
export const silence = () => {};
