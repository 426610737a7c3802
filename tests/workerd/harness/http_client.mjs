// An HTTP client that sends exactly what it is given: raw paths, duplicate headers, and bytes that are not
// HTTP.
//
// fetch() normalises paths, joins duplicate headers and forbids others, so these tests cannot use it.

import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { HOST } from './routes.mjs';

const ANSWER_LIMIT_MS = 30_000;

export class Client {
  #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  /** @param {() => number} port called for each request, since a restart changes the port */
  constructor(port, host = HOST) {
    this.port = port;
    this.host = host;
  }

  /**
   * Sends one request. `headers` is an array of pairs or an object; `body` is text, bytes, or an object sent
   * as JSON.
   * @returns {Promise<Answer>}
   */
  async send(method, path, { headers = [], body, host = this.host } = {}) {
    const pairs = Array.isArray(headers) ? headers : Object.entries(headers);
    const isJson = body !== undefined && typeof body === 'object' && !(body instanceof Uint8Array);
    const bytes = body === undefined ? undefined : Buffer.from(isJson ? JSON.stringify(body) : body);
    const all = [['Host', host], ...pairs];
    const has = (name) => all.some(([given]) => given.toLowerCase() === name);
    if (isJson && !has('content-type')) all.push(['Content-Type', 'application/json']);
    if (bytes !== undefined && !has('content-length')) all.push(['Content-Length', String(bytes.length)]);
    const response = await this.open(method, path, all, (request) => request.end(bytes));
    return new Answer(response, await bytesOf(response));
  }

  /**
   * Returns the response before its body is read; `write` receives the request, writes its body and ends it.
   */
  open(method, path, pairs, write = (request) => request.end()) {
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          host: '127.0.0.1',
          port: this.port(),
          method,
          path,
          headers: pairs.flat(),
          agent: this.#agent,
          setHost: false,
        },
        resolve,
      );
      request.setTimeout(ANSWER_LIMIT_MS, () => request.destroy(new Error(`no answer to ${method} ${path}`)));
      request.on('error', reject);
      write(request);
    });
  }

  get(path, options) {
    return this.send('GET', path, options);
  }

  /** Sends these bytes on a new socket. Resolves with everything received until the peer closes it. */
  sendBytes(bytes) {
    return new Promise((resolve, reject) => {
      let text = '';
      const socket = connect(this.port(), '127.0.0.1', () => socket.write(bytes));
      socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy(new Error('the socket stayed open')));
      socket.on('data', (chunk) => (text += chunk.toString('latin1')));
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
    });
  }

  close() {
    this.#agent.destroy();
  }
}

/** A complete response. Header names are lower case. */
export class Answer {
  constructor(response, bytes) {
    this.status = response.statusCode;
    this.headers = response.headers;
    this.rawHeaders = [];
    for (let at = 0; at < response.rawHeaders.length; at += 2) {
      this.rawHeaders.push([response.rawHeaders[at].toLowerCase(), response.rawHeaders[at + 1]]);
    }
    this.bytes = bytes;
  }

  get text() {
    return this.bytes.toString('utf8');
  }

  get json() {
    return JSON.parse(this.text);
  }

  /** Every value of a header, in order; [] when it is absent. */
  all(name) {
    return this.rawHeaders.filter(([given]) => given === name).map(([, value]) => value);
  }

  /** A list-valued header (comma-separated), trimmed and in lower case. */
  list(name) {
    return this.all(name)
      .flatMap((value) => value.split(','))
      .map((item) => item.trim().toLowerCase())
      .filter(Boolean);
  }

  /** For assertion messages. */
  toString() {
    return `${this.status} ${JSON.stringify(this.headers)} ${this.text.slice(0, 500)}`;
  }
}

async function bytesOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
