// One workerd process with many locations: a control service that owns the registry, and edge services that have nothing in
// common but the code: each has its own view of KV, its own way to the registry and its own cache.
//
// It differs from tests/workerd/harness/gateway.mjs in that alone; the parts are the same.

import { join } from 'node:path';
import { ADMIN_KEY, compatibility, productService } from '../../workerd/harness/product.mjs';
import { AdminApi } from '../../workerd/harness/admin_api.mjs';
import { durableObjectBinding, externalService, workerdConfig } from '../../workerd/harness/capnp.mjs';
import { Client } from '../../workerd/harness/http_client.mjs';
import { RegistryDoor } from '../../workerd/harness/registry_door.mjs';
import { Upstream } from '../../workerd/harness/upstream.mjs';
import { Workerd } from '../../workerd/harness/workerd.mjs';
import { HOST } from '../../workerd/harness/routes.mjs';
import { KvHistory, KvView } from './replicated_kv.mjs';
import { LocationCache } from './location_cache.mjs';

const CONTROL = 'control';

/** One place where isolates run: they share its view of KV, its way to the registry and its cache. */
export class Location {
  /** @param {(service: string) => Client} clientOf */
  constructor(name, { isolates = 1 }, kv, clientOf) {
    this.name = name;
    this.kv = kv;
    this.door = new RegistryDoor(`door-of-${name}`);
    this.cache = new LocationCache();
    /** A service each. */
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
   * @param {object} options.variables of every service, e.g. the bound
   * @param {Record<string, object>} options.locations name → how its view of KV behaves (see KvView), and how many isolates run there
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
    /** The registry's own way to KV. */
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
    const edges = this.locations.flatMap(({ name, isolates, kv, door, cache }) => [
      ...isolates.map((isolate) =>
        productService({
          name: isolate,
          folder,
          variables: { ...variables, LOCATION: name },
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
