// One workerd process with many locations: a control service that owns the registry, and edge services that
// share only the code. Each has its own view of KV, its own connection to the registry and its own cache.
//
// Otherwise it is the same as tests/workerd/harness/gateway.mjs.

import { join } from 'node:path';
import { AdminApi } from '../../workerd/harness/admin_api.mjs';
import { durableObjectBinding, externalService, workerdConfig } from '../../workerd/harness/capnp.mjs';
import { Client } from '../../workerd/harness/http_client.mjs';
import { ADMIN_KEY, compatibility, productService } from '../../workerd/harness/product.mjs';
import { RegistryDoor } from '../../workerd/harness/registry_door.mjs';
import { HOST } from '../../workerd/harness/routes.mjs';
import { Upstream } from '../../workerd/harness/upstream.mjs';
import { Workerd } from '../../workerd/harness/workerd.mjs';
import { LocationCache } from './location_cache.mjs';
import { KvHistory, KvView } from './replicated_kv.mjs';

const CONTROL = 'control';

/** A location: its isolates share its view of KV, its connection to the registry and its cache. */
export class Location {
  /** @param {(service: string) => Client} clientOf */
  constructor(name, { isolates = 1, oneWayMs = 0, variables = {} }, kv, clientOf) {
    this.name = name;
    /** Added to the configuration of every service. */
    this.variables = variables;
    this.kv = kv;
    this.door = new RegistryDoor(`door-of-${name}`, 'Registry', oneWayMs);
    this.cache = new LocationCache();
    /** One service for each isolate. */
    this.isolates = Array.from({ length: isolates }, (_, at) => (at === 0 ? name : `${name}-${at + 1}`));
    this.clients = this.isolates.map(clientOf);
  }

  /** Of each isolate. */
  healths() {
    return Promise.all(this.clients.map(async (client) => (await client.get('/_wayleave/health')).json));
  }

  get parts() {
    return [this.kv, this.door, this.cache];
  }
}

export class Replicas {
  /**
   * @param {object} options
   * @param {object} options.variables configuration of every service, such as the bound
   * @param {Record<string, object>} options.locations name → behaviour of its KV view (see KvView) and
   *   number of isolates; `variables` of its own
   * @param {import("../../workerd/harness/random.mjs").Random} options.random
   */
  constructor({ variables = {}, locations, random }) {
    this.variables = variables;
    this.history = new KvHistory();
    this.upstream = new Upstream();
    const clientOf = (service) => new Client(() => this.workerd.ports[service]);
    this.locations = Object.entries(locations).map(
      ([name, behaviour]) =>
        new Location(
          name,
          behaviour,
          new KvView(this.history, { ...behaviour, random: random.fork() }),
          clientOf,
        ),
    );
    /** The registry's own connection to KV. */
    this.controlKv = new KvView(this.history, { random: random.fork() });
    this.workerd = new Workerd((folder) => this.#config(folder), this.#sockets);
    this.control = clientOf(CONTROL);
    this.admin = new AdminApi(this.control, ADMIN_KEY);
  }

  get #sockets() {
    return [CONTROL, ...this.locations.flatMap(({ isolates }) => isolates)];
  }

  location(name) {
    return this.locations.find((location) => location.name === name);
  }

  async start() {
    const parts = [this.upstream, this.controlKv, ...this.locations.flatMap(({ parts }) => parts)];
    await Promise.all(parts.map((part) => part.start()));
    await this.workerd.start();
    return this;
  }

  async stop() {
    for (const client of [this.control, ...this.locations.flatMap(({ clients }) => clients)]) client.close();
    await this.workerd.stop();
    const parts = [this.upstream, this.controlKv, ...this.locations.flatMap(({ parts }) => parts)];
    await Promise.all(parts.map((part) => part.stop()));
  }

  #config(folder) {
    const { compatibilityDate } = compatibility();
    const route = { host: HOST, upstream: this.upstream.origin };
    const variables = {
      ROUTES: [
        { ...route, path: '/', audience: 'weather' },
        { ...route, path: '/maps/', audience: 'maps' },
      ],
      ...this.variables,
    };
    const usage = durableObjectBinding('USAGE', 'Usage', CONTROL);
    const control = productService({
      name: CONTROL,
      folder,
      variables: { ...variables, LOCATION: CONTROL },
      registry: durableObjectBinding('REGISTRY', 'Registry', CONTROL),
      others: [usage],
      kv: 'kv-of-control',
      durableObjects: ['Registry', 'Usage'],
    });
    const edges = this.locations.flatMap(({ name, isolates, kv, door, cache, variables: own }) => [
      ...isolates.map((isolate) =>
        productService({
          name: isolate,
          folder,
          variables: { ...variables, ...own, LOCATION: name },
          registry: door.binding('REGISTRY'),
          others: [usage],
          kv: `kv-of-${name}`,
          cache: `cache-of-${name}`,
        }),
      ),
      ...door.services(compatibilityDate, CONTROL),
      externalService(`kv-of-${name}`, kv.port),
      externalService(`cache-of-${name}`, cache.port),
    ]);
    return workerdConfig({
      services: [control, externalService('kv-of-control', this.controlKv.port), ...edges],
      sockets: Object.fromEntries(this.#sockets.map((name) => [name, name])),
      storage: join(folder, 'storage'),
    });
  }
}
