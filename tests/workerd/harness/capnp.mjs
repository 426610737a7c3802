// Writes a workerd config as text: only the part of workerd.capnp that the tests need. quote() escapes every
// value.

import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

export function quote(text) {
  const escaped = text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n');
  return `"${escaped}"`;
}

/** A Worker service. `modules` as modulesOf() returns them; bindings as capnp text. */
export function workerService({
  name,
  modules,
  bindings,
  compatibilityDate,
  compatibilityFlags = [],
  durableObjects = [],
  cache,
}) {
  const namespaces = durableObjects.map((className) => {
    const uniqueKey = quote(`wayleave-${name}-${className}`);
    return `(className = ${quote(className)}, uniqueKey = ${uniqueKey}, enableSql = true)`;
  });
  const storage = durableObjects.length === 0 ? '' : `durableObjectStorage = (localDisk = "storage"),`;
  const cacheOutbound = cache === undefined ? '' : `cacheApiOutbound = ${quote(cache)},`;
  return `(name = ${quote(name)}, worker = (
    modules = [\n      ${modules.join(',\n      ')}\n    ],
    compatibilityDate = ${quote(compatibilityDate)},
    compatibilityFlags = [${compatibilityFlags.map(quote).join(', ')}],
    bindings = [\n      ${bindings.join(',\n      ')}\n    ],
    durableObjectNamespaces = [${namespaces.join(', ')}],
    ${storage}
    ${cacheOutbound}
    globalOutbound = "internet",
  ))`;
}

export const externalService = (name, port) =>
  `(name = ${quote(name)}, external = (address = ${quote(`127.0.0.1:${port}`)}, http = ()))`;

export const textBinding = (name, value) => `(name = ${quote(name)}, text = ${quote(value)})`;
/** The form in which wrangler binds a number or boolean that is not quoted in [vars]. */
export const jsonBinding = (name, value) => `(name = ${quote(name)}, json = ${quote(JSON.stringify(value))})`;
export const kvBinding = (name, service) => `(name = ${quote(name)}, kvNamespace = ${quote(service)})`;
export const serviceBinding = (name, service) => `(name = ${quote(name)}, service = ${quote(service)})`;
export const durableObjectBinding = (name, className, serviceName) =>
  `(name = ${quote(name)}, durableObjectNamespace = (className = ${quote(className)}, ` +
  `serviceName = ${quote(serviceName)}))`;
export const inlineModule = (name, source) => `(name = ${quote(name)}, esModule = ${quote(source)})`;

/**
 * The built Worker's modules, main one first. capnp embeds only relative paths, so the build is linked into
 * the folder.
 */
export function modulesOf(build, folder) {
  if (!existsSync(join(build, 'index.js'))) {
    throw new Error('No build/index.js: build the Worker first (make build).');
  }
  const inFolder = join(folder, 'build');
  if (!existsSync(inFolder)) symlinkSync(build, inFolder);
  const files = readdirSync(build, { recursive: true }).filter((file) => !file.startsWith('worker/'));
  const scripts = files.filter((file) => file.endsWith('.js')).sort((a) => (a === 'index.js' ? -1 : 1));
  const wasm = files.filter((file) => file.endsWith('.wasm'));
  return [
    ...scripts.map((file) => `(name = ${quote(file)}, esModule = embed ${quote(`build/${file}`)})`),
    ...wasm.map((file) => `(name = ${quote(file)}, wasm = embed ${quote(`build/${file}`)})`),
  ];
}

/** `service`, or `service:entrypoint`. */
function entrypoint(text) {
  const [service, name] = text.split(':');
  return name === undefined ? quote(service) : `(name = ${quote(service)}, entrypoint = ${quote(name)})`;
}

/** @param {Record<string, string>} sockets their services: `service`, or `service:entrypoint` */
export function workerdConfig({ services, sockets, storage, extensions = '' }) {
  mkdirSync(storage, { recursive: true });
  const socketTexts = Object.entries(sockets).map(
    ([name, service]) =>
      `(name = ${quote(name)}, address = "127.0.0.1:0", http = (), service = ${entrypoint(service)})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${services.join(',\n    ')},
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "storage", disk = (path = ${quote(storage)}, writable = true)),
  ],
  sockets = [\n    ${socketTexts.join(',\n    ')}\n  ],
  ${extensions}
);
`;
}
