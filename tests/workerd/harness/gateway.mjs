// The whole product in one process: gateway, registry, KV, upstream, and as many further locations as a test wants.
//
// A location is another service with the same code: its own isolate and memory, the same KV and registry. It reaches the
// registry through a RegistryDoor, so a test can cut it off. The service "gateway" reaches it directly, as production does.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AdminApi } from "./admin_api.mjs";
import { durableObjectBinding, externalService, jsonBinding, kvBinding, modulesOf, textBinding, workerService, workerdConfig } from "./capnp.mjs";
import { Client } from "./http_client.mjs";
import { KvServer } from "./kv_server.mjs";
import { RegistryDoor } from "./registry_door.mjs";
import { Upstream } from "./upstream.mjs";
import { Workerd } from "./workerd.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const BUILD = process.env.WAYLEAVE_BUILD ?? join(ROOT, "build");

/** Fixed, so that a test can compute tags by itself. */
export const DEPLOYMENT = "workerd-tests";
export const SIGNING_SECRETS = { 1: Buffer.alloc(32, 1) };
export const CHECK_SECRET = Buffer.alloc(32, 2).toString("base64");
export const ADMIN_KEY = "an-admin-key-for-tests-0123456789abcdef";

function signingKeysText(secrets) {
  return JSON.stringify(Object.fromEntries(Object.entries(secrets).map(([id, bytes]) => [id, bytes.toString("base64")])));
}

const DEFAULT_VARIABLES = {
  DEPLOYMENT,
  SIGNING_KEYS: signingKeysText(SIGNING_SECRETS),
  CHECK_SECRET,
  ADMIN_KEY,
};

/** `compatibility_date` and `compatibility_flags` of wrangler.toml: the tests run what is deployed. */
function compatibility() {
  const toml = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  const [, compatibilityDate] = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(toml);
  const flags = /^compatibility_flags\s*=\s*(\[[^\]]*\])/m.exec(toml);
  return { compatibilityDate, compatibilityFlags: flags === null ? [] : JSON.parse(flags[1]) };
}

/** Lists and tables are given as the JSON text that an operator writes; numbers stay numbers. */
function variableBinding(name, value) {
  if (typeof value === "number") return jsonBinding(name, value);
  return textBinding(name, typeof value === "string" ? value : JSON.stringify(value));
}

export class Gateway {
  /**
   * @param {object} options
   * @param {(upstream: string) => object} options.variables text bindings on top of the defaults; null takes one away
   * @param {Record<string, (upstream: string) => object>} options.locations further locations and their own variables
   * @param {Record<string, (compatibility: object) => string>} options.beside other services in the same process
   */
  constructor({ variables = (upstream) => ({ UPSTREAM: upstream }), locations = {}, beside = {} } = {}) {
    this.variables = variables;
    this.locations = locations;
    this.beside = beside;
    this.kv = new KvServer();
    this.upstream = new Upstream();
    this.door = new RegistryDoor();
    this.workerd = new Workerd((folder) => this.#config(folder), ["gateway", ...Object.keys(locations), ...Object.keys(beside)]);
    this.client = this.location("gateway");
    this.admin = new AdminApi(this.client, ADMIN_KEY);
  }

  /** A client of the location with this name. */
  location(name) {
    return new Client(() => this.workerd.ports[name]);
  }

  async start() {
    await Promise.all([this.kv.start(), this.upstream.start(), this.door.start()]);
    await this.workerd.start();
    return this;
  }

  /** kill -9, then the same storage again. */
  async restart() {
    await this.workerd.kill();
    await this.workerd.start();
  }

  async stop() {
    await this.workerd.stop();
    await Promise.all([this.kv.stop(), this.upstream.stop(), this.door.stop()]);
  }

  #config(folder) {
    const { compatibilityDate, compatibilityFlags } = compatibility();
    const service = (name, variables, registry, durableObjects) =>
      workerService({
        name,
        modules: modulesOf(BUILD, folder),
        bindings: [
          kvBinding("KV", "kv"),
          registry,
          ...Object.entries({ ...DEFAULT_VARIABLES, ...variables(this.upstream.origin) })
            .filter(([, value]) => value !== null)
            .map(([key, value]) => variableBinding(key, value)),
        ],
        compatibilityDate,
        compatibilityFlags,
        durableObjects,
      });
    const locations = Object.entries(this.locations).map(([name, variables]) =>
      service(name, (upstream) => ({ ...this.variables(upstream), ...variables(upstream) }), durableObjectBinding("REGISTRY", "Door", "door"), []),
    );
    return workerdConfig({
      services: [
        service("gateway", this.variables, durableObjectBinding("REGISTRY", "Registry", "gateway"), ["Registry"]),
        ...locations,
        ...this.door.services(compatibilityDate, "gateway"),
        ...Object.values(this.beside).map((service) => service({ compatibilityDate })),
        externalService("kv", this.kv.port),
      ],
      sockets: Object.fromEntries(["gateway", ...Object.keys(this.locations), ...Object.keys(this.beside)].map((name) => [name, name])),
      storage: join(folder, "storage"),
    });
  }
}

/** Waits until `condition` gives something truthy and returns it; fails with `what` after `limitMs`. */
export async function eventually(what, condition, limitMs = 15_000) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`never happened within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
