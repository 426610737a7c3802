// A door in front of the registry, so that a test can shut it and count who went through.
//
// To a location the registry is a Durable Object binding, which a Node test cannot stand in for. So the location is bound
// to a Durable Object of these few lines instead, which asks this server before it passes each call on.

import { createServer } from "node:http";
import { durableObjectBinding, externalService, inlineModule, serviceBinding, workerService } from "./capnp.mjs";

const DOOR = `
import { DurableObject } from "cloudflare:workers";
export class Door extends DurableObject {
  async fetch(request) {
    const body = request.body === null ? undefined : await request.arrayBuffer();
    const verdict = await this.env.KEEPER.fetch("http://keeper/", { method: "POST", body });
    if (verdict.status !== 200) throw new Error("the registry cannot be reached");
    const registry = this.env.REGISTRY.get(this.env.REGISTRY.idFromName(this.ctx.id.name));
    return registry.fetch(new Request(request, { body }));
  }
}
export default { fetch: () => new Response(null, { status: 404 }) };
`;

export class RegistryDoor {
  constructor() {
    /** Bodies of the calls that came to the door since the last reset, passed or not. */
    this.calls = [];
    this.open();
  }

  open() {
    this.behaviour = "pass";
  }

  /** Calls fail at once. */
  shut() {
    this.behaviour = "fail";
  }

  /** Calls are never answered. */
  hang() {
    this.behaviour = "hang";
  }

  resetCounts() {
    this.calls = [];
  }

  async start() {
    this.server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      this.calls.push(body);
      if (this.behaviour === "hang") return;
      response.writeHead(this.behaviour === "pass" ? 200 : 503).end();
    });
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.port = this.server.address().port;
    console.log(`started registry door on ${this.port}`);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** The two services that make it: the object, and the way to this server. */
  services(compatibilityDate, registryService) {
    return [
      externalService("keeper", this.port),
      workerService({
        name: "door",
        modules: [inlineModule("door.js", DOOR)],
        bindings: [serviceBinding("KEEPER", "keeper"), durableObjectBinding("REGISTRY", "Registry", registryService)],
        compatibilityDate,
        durableObjects: ["Door"],
      }),
    ];
  }
}
