// A door in front of the registry, so that a test can shut it, count who went through and alter what comes back.
//
// To a location the registry is a Durable Object binding, which a Node test cannot stand in for. So the location is bound
// to a Durable Object of these few lines instead, which asks this server before it passes each call on.

import { createServer } from 'node:http';
import {
  durableObjectBinding,
  externalService,
  inlineModule,
  serviceBinding,
  workerService,
} from './capnp.mjs';

const DOOR = `
import { DurableObject } from "cloudflare:workers";
export class Door extends DurableObject {
  async fetch(request) {
    const body = request.body === null ? undefined : await request.arrayBuffer();
    const verdict = await this.env.KEEPER.fetch("http://keeper/call", { method: "POST", body });
    if (!verdict.ok) throw new Error("the object cannot be reached");
    const object = this.env.OBJECT.get(this.env.OBJECT.idFromName(this.ctx.id.name));
    const answer = await object.fetch(new Request(request, { body }));
    if (verdict.status !== 202) return answer;
    return this.env.KEEPER.fetch("http://keeper/answer", { method: "POST", body: await answer.arrayBuffer() });
  }
}
export default { fetch: () => new Response(null, { status: 404 }) };
`;

export class RegistryDoor {
  /**
   * @param {string} name of the door's service: each location may have a door of its own
   * @param {string} className of the objects behind it: the registry's, or the usage shards'
   */
  constructor(name = 'door', className = 'Registry') {
    this.name = name;
    this.className = className;
    /** Bodies of the calls that came to the door since the last reset, passed or not. */
    this.calls = [];
    this.open();
  }

  /** The class to bind as REGISTRY or USAGE in place of the real one. */
  binding(name) {
    return durableObjectBinding(name, 'Door', this.name);
  }

  open() {
    this.behaviour = 'pass';
    this.lagMs = 0;
    this.alter = null;
  }

  /** Calls fail at once. */
  shut() {
    this.behaviour = 'fail';
  }

  /** Calls are never answered. */
  hang() {
    this.behaviour = 'hang';
  }

  /** Answers are replaced by `change(text)`. */
  alterAnswers(change) {
    this.alter = change;
  }

  resetCounts() {
    this.calls = [];
  }

  async start() {
    this.server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      if (request.url === '/answer') return response.end(this.alter === null ? body : this.alter(body));
      this.calls.push(body);
      if (this.behaviour === 'hang') return;
      if (this.lagMs > 0) await new Promise((resolve) => setTimeout(resolve, this.lagMs));
      response.writeHead(this.behaviour !== 'pass' ? 503 : this.alter === null ? 200 : 202).end();
    });
    // Longer than workerd keeps an idle connection: a call on one that is just being closed would fail.
    this.server.keepAliveTimeout = 60_000;
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** The two services that make it: the object, and the way to this server. */
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
