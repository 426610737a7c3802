// A proxy ("door") in front of the registry. A test can shut it, count the calls and alter the answers.
//
// A location reaches the registry through a Durable Object binding, which a Node test cannot implement. So
// the location is bound to a small Durable Object that asks this server before it passes each call on.

import { createServer } from 'node:http';
import {
  durableObjectBinding,
  externalService,
  inlineModule,
  serviceBinding,
  workerService,
} from './capnp.mjs';
import { unlessGone } from './gone_caller.mjs';

const DOOR = `
import { DurableObject } from "cloudflare:workers";
export class Door extends DurableObject {
  async fetch(request) {
    const body = request.body === null ? undefined : await request.arrayBuffer();
    const verdict = await this.env.KEEPER.fetch("http://keeper/call", { method: "POST", body });
    if (!verdict.ok) throw new Error("the object cannot be reached");
    const oneWayMs = Number(verdict.headers.get("x-one-way-ms"));
    if (oneWayMs > 0) await scheduler.wait(oneWayMs);
    const object = this.env.OBJECT.get(this.env.OBJECT.idFromName(this.ctx.id.name));
    const answer = await object.fetch(new Request(request, { body }));
    if (oneWayMs > 0) await scheduler.wait(oneWayMs);
    // The door may have been shut while a call waited for a change.
    const begins = body === undefined ? "" : new TextDecoder().decode(body.slice(0, 12));
    const waited = /^\\{"(Subscribe|Relay)"/.test(begins);
    if (verdict.status !== 202 && !waited) return answer;
    const kept = { method: "POST", body: await answer.arrayBuffer() };
    const passed = await this.env.KEEPER.fetch("http://keeper/answer", kept);
    if (!passed.ok) throw new Error("the object cannot be reached any more");
    return passed;
  }
}
export default { fetch: () => new Response(null, { status: 404 }) };
`;

export class RegistryDoor {
  /**
   * @param {string} name of the door's service: each location may have a door of its own
   * @param {string} className of the objects behind it: the registry's, or the usage shards'
   */
  constructor(name = 'door', className = 'Registry', oneWayMs = 0) {
    /** How long a call takes to arrive, and so does its answer. */
    this.usualOneWayMs = oneWayMs;
    this.name = name;
    this.className = className;
    /** Bodies of all calls since the last reset, whether passed on or not. */
    this.calls = [];
    this.open();
  }

  /** The class to bind as REGISTRY or USAGE in place of the real one. */
  binding(name) {
    return durableObjectBinding(name, 'Door', this.name);
  }

  open() {
    this.release?.();
    this.behaviour = 'pass';
    this.lagMs = 0;
    this.alter = null;
    this.oneWayMs = this.usualOneWayMs;
  }

  /** Calls fail at once. */
  shut() {
    this.behaviour = 'fail';
  }

  /** Calls are never answered. */
  hang() {
    this.behaviour = 'hang';
  }

  /** Calls are kept until the door opens. */
  hold() {
    this.behaviour = 'hold';
    this.held = new Promise((resolve) => (this.release = resolve));
  }

  /** Answers are replaced by `change(text)`. */
  alterAnswers(change) {
    this.alter = change;
  }

  resetCounts() {
    this.calls = [];
  }

  async start() {
    const serve = async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      if (request.url === '/answer') {
        if (this.behaviour === 'hang') return;
        if (this.behaviour === 'fail') return response.writeHead(503).end();
        return response.end(this.alter === null ? body : this.alter(body));
      }
      this.calls.push(body);
      if (this.behaviour === 'hang') return;
      if (this.behaviour === 'hold') await this.held;
      if (this.lagMs > 0) await new Promise((resolve) => setTimeout(resolve, this.lagMs));
      const verdict = this.behaviour !== 'pass' ? 503 : this.alter === null ? 200 : 202;
      response.writeHead(verdict, { 'x-one-way-ms': this.oneWayMs }).end();
    };
    this.server = createServer(unlessGone(serve));
    // Longer than workerd keeps an idle connection. Otherwise a call could fail on one that is just being
    // closed.
    this.server.keepAliveTimeout = 60_000;
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** The two services of the door: the Durable Object, and the connection to this server. */
  services(compatibilityDate, registryService) {
    const keeper = `keeper-of-${this.name}`;
    return [
      externalService(keeper, this.port),
      workerService({
        name: this.name,
        modules: [inlineModule('door.js', DOOR)],
        bindings: [
          serviceBinding('KEEPER', keeper),
          durableObjectBinding('OBJECT', this.className, registryService),
        ],
        compatibilityDate,
        durableObjects: ['Door'],
      }),
    ];
  }
}
