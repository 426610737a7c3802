// The product as a workerd service: the built Worker, its bindings and the tests' configuration.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inlineModule, jsonBinding, kvBinding, modulesOf, textBinding, workerService } from './capnp.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
export const BUILD = process.env.WAYLEAVE_BUILD ?? join(ROOT, 'build');

/** Constant, so that a test can compute tags itself. */
export const DEPLOYMENT = 'workerd-tests';
export const SIGNING_SECRETS = { 1: Buffer.alloc(32, 1) };
export const CHECK_SECRET = Buffer.alloc(32, 2).toString('base64');
export const ADMIN_KEY = 'an-admin-key-for-tests-0123456789abcdef';

function signingKeysText(secrets) {
  return JSON.stringify(
    Object.fromEntries(Object.entries(secrets).map(([id, bytes]) => [id, bytes.toString('base64')])),
  );
}

const DEFAULT_VARIABLES = {
  DEPLOYMENT,
  SIGNING_KEYS: signingKeysText(SIGNING_SECRETS),
  CHECK_SECRET,
  ADMIN_KEY,
};

/**
 * `compatibility_date` and `compatibility_flags` of wrangler.toml, so that the tests run what is deployed.
 */
export function compatibility() {
  const toml = readFileSync(join(ROOT, 'wrangler.toml'), 'utf8');
  const [, compatibilityDate] = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(toml);
  const flags = /^compatibility_flags\s*=\s*(\[[^\]]*\])/m.exec(toml);
  return { compatibilityDate, compatibilityFlags: flags === null ? [] : JSON.parse(flags[1]) };
}

/**
 * A service with the product's code.
 * @param {object} options
 * @param {string} options.folder the config's folder, which the build is linked into
 * @param {object} options.variables added to the defaults; null removes one
 * @param {string} options.registry capnp text of the binding REGISTRY
 * @param {string[]} [options.others] capnp texts of further bindings, such as USAGE
 * @param {string} options.kv name of the service that simulates KV
 * @param {string[]} options.durableObjects classes whose objects live in this service
 * @param {string} [options.cache] name of the service that simulates the location's cache
 * @param {string} [options.build] folder of the built Worker
 * @param {string} [options.main] text of a main module around the product's own
 */
export function productService({
  name,
  folder,
  variables,
  registry,
  others = [],
  kv = 'kv',
  durableObjects = [],
  cache,
  build = BUILD,
  main,
}) {
  return workerService({
    name,
    modules: [...(main ? [inlineModule('main.js', main)] : []), ...modulesOf(build, folder)],
    bindings: [
      kvBinding('KV', kv),
      registry,
      ...others,
      ...Object.entries({ ...DEFAULT_VARIABLES, ...variables })
        .filter(([, value]) => value !== null)
        .map(([key, value]) => variableBinding(key, value)),
    ],
    ...compatibility(),
    durableObjects,
    cache,
  });
}

/** Arrays and objects become JSON text, as an operator writes them; numbers stay numbers. */
function variableBinding(name, value) {
  if (typeof value === 'number') return jsonBinding(name, value);
  return textBinding(name, typeof value === 'string' ? value : JSON.stringify(value));
}
