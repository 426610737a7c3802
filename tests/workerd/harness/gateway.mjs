// The whole product in one process: gateway, registry, KV, upstream, and any number of further locations.
//
// A location is another service with the same code: it has its own isolate and memory, and the same KV and
// registry. It reaches the registry and the usage shards through one RegistryDoor each, so a test can cut it
// off. The service "gateway" reaches them directly, as in production.

import { join } from 'node:path';
import { AdminApi } from './admin_api.mjs';
import { durableObjectBinding, externalService, workerdConfig } from './capnp.mjs';
import { Client } from './http_client.mjs';
import { KvServer } from './kv_server.mjs';
import { ADMIN_KEY, compatibility, productService } from './product.mjs';
import { RegistryDoor } from './registry_door.mjs';
import { Upstream } from './upstream.mjs';
import { Workerd } from './workerd.mjs';

export { ADMIN_KEY, CHECK_SECRET, DEPLOYMENT, SIGNING_SECRETS } from './product.mjs';

export class Gateway {
  /**
   * @param {object} options
   * @param {(upstream: string) => object} options.variables text bindings added to the defaults; null removes
   *   one
   * @param {Record<string, (upstream: string) => object>} options.locations further locations and their own
   *   variables
   * @param {Record<string, (compatibility: object) => string>} options.beside other services in the same
   *   process
   * @param {boolean} [options.usage] whether usage shards are bound
   * @param {boolean} [options.relays] whether relays are bound at the locations: a service "relays" behind a
   *   door, with another door between it and the registry
   * @param {string[]} [options.bindings] capnp texts of further bindings of every location
   * @param {string} [options.extensions] capnp text of workerd extensions
   * @param {string} [options.build] folder of the built Worker
   * @param {string} [options.main] text of a main module around the product's own, for "gateway" alone
   * @param {string[]} [options.entrypoints] other entrypoints of it that get a socket of their name
   */
  constructor({
    variables = (upstream) => ({ UPSTREAM: upstream }),
    locations = {},
    beside = {},
    usage = true,
    relays = false,
    bindings = [],
    extensions,
    build,
    main,
    entrypoints = [],
  } = {}) {
    this.variables = variables;
    this.locations = locations;
    this.beside = beside;
    this.usage = usage;
    this.relays = relays;
    this.bindings = bindings;
    this.extensions = extensions;
    this.build = build;
    this.main = main;
    this.entrypoints = entrypoints;
    this.kv = new KvServer();
    this.upstream = new Upstream();
    this.door = new RegistryDoor();
    this.usageDoor = new RegistryDoor('usage-door', 'Usage');
    this.relayDoor = new RegistryDoor('relay-door', 'Relay');
    this.doorOfRelays = new RegistryDoor('door-of-relays');
    this.workerd = new Workerd(
      (folder) => this.#config(folder),
      ['gateway', ...entrypoints, ...Object.keys(locations), ...Object.keys(beside)],
    );
    this.client = this.location('gateway');
    this.admin = new AdminApi(this.client, ADMIN_KEY);
  }

  /** A client of the location with this name. */
  location(name) {
    return new Client(() => this.workerd.ports[name]);
  }

  async start() {
    await Promise.all([this.kv, this.upstream, ...this.#doors].map((part) => part.start()));
    await this.workerd.start();
    return this;
  }

  /** kill -9, then a start with the same storage. */
  async restart() {
    await this.workerd.kill();
    await this.workerd.start();
  }

  async stop() {
    await this.workerd.stop();
    await Promise.all([this.kv, this.upstream, ...this.#doors].map((part) => part.stop()));
  }

  get #doors() {
    return [this.door, this.usageDoor, this.relayDoor, this.doorOfRelays];
  }

  #config(folder) {
    const { compatibilityDate } = compatibility();
    const service = (name, variables, registry, usage, durableObjects) => {
      const relay = this.relays && name !== 'relays' ? [this.relayDoor.binding('RELAY')] : [];
      const others = [...(this.usage ? [usage] : []), ...relay, ...this.bindings];
      return productService({
        name,
        folder,
        variables: variables(this.upstream.origin),
        registry,
        others,
        durableObjects,
        build: this.build,
        main: name === 'gateway' ? this.main : undefined,
      });
    };
    const locations = Object.entries(this.locations).map(([name, variables]) =>
      service(
        name,
        (upstream) => ({ ...this.variables(upstream), ...variables(upstream) }),
        this.door.binding('REGISTRY'),
        this.usageDoor.binding('USAGE'),
        [],
      ),
    );
    return workerdConfig({
      services: [
        service(
          'gateway',
          this.variables,
          durableObjectBinding('REGISTRY', 'Registry', 'gateway'),
          durableObjectBinding('USAGE', 'Usage', 'gateway'),
          ['Registry', 'Usage'],
        ),
        ...locations,
        ...(this.relays ? this.#relayServices(service, compatibilityDate) : []),
        ...this.#doorServices(compatibilityDate),
        ...Object.values(this.beside).map((service) => service({ compatibilityDate })),
        externalService('kv', this.kv.port),
      ],
      sockets: {
        ...Object.fromEntries(
          ['gateway', ...Object.keys(this.locations), ...Object.keys(this.beside)].map((name) => [
            name,
            name,
          ]),
        ),
        ...Object.fromEntries(this.entrypoints.map((name) => [name, `gateway:${name}`])),
      },
      storage: join(folder, 'storage'),
      extensions: this.extensions,
    });
  }

  /** None where nothing goes through them: each is an isolate, which takes time to start. */
  #doorServices(compatibilityDate) {
    if (Object.keys(this.locations).length === 0 && !this.relays) return [];
    return [this.door, this.usageDoor].flatMap((door) => door.services(compatibilityDate, 'gateway'));
  }

  #relayServices(service, compatibilityDate) {
    return [
      service(
        'relays',
        this.variables,
        this.doorOfRelays.binding('REGISTRY'),
        this.usageDoor.binding('USAGE'),
        ['Relay'],
      ),
      ...this.relayDoor.services(compatibilityDate, 'relays'),
      ...this.doorOfRelays.services(compatibilityDate, 'gateway'),
    ];
  }
}

/**
 * Repeats `condition` until it returns a truthy value, and returns that. Fails with `what` after `limitMs`.
 */
export async function eventually(what, condition, limitMs = 15_000) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`never happened within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
