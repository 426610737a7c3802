// Where a token is used: the APIs that it is for, with the gateway's address and the places where that reads
// tokens; and a site from which a call is admitted. Pure: everything is an argument.

/** @import { Configuration, Token } from '../types.d.ts' */

/**
 * @typedef {object} Api a route that takes the token
 * @property {string | null} origin the gateway's; null: this deployment does not say it
 * @property {string} path that the token is good for, without a final slash; '' for every path
 * @property {string} method
 * @property {string[]} sources as in `CREDENTIAL_SOURCES`
 * @property {string} audience
 */

/**
 * The APIs that the token is for. Those that need no token come last.
 * @param {Pick<Token, 'audiences' | 'methods' | 'paths'>} token
 * @param {Configuration} settings
 * @param {string} here the console's own origin
 * @returns {Api[]}
 */
export function apisOf(token, settings, here) {
  const routes = settings.routes.filter(({ audience }) => token.audiences.includes(audience));
  const origins = knownOrigins(settings, here);
  return [...routes.filter((route) => !route.anonymous), ...routes.filter((route) => route.anonymous)].map(
    (route) => ({
      origin: originOf(route.host, origins),
      path: pathOf(route.path, token.paths ?? route.paths),
      method: methodOf(token.methods ?? route.methods),
      sources: route.credential_sources ?? settings.credential_sources,
      audience: route.audience,
    }),
  );
}

/** The origins at which the gateway is known to be. @param {Configuration} settings @param {string} here */
function knownOrigins({ gateway_origin: set, plane, control_hosts: apart }, here) {
  // A control host serves no API, and a service of the control plane alone guards none.
  const own = plane === 'both' && apart.length === 0 ? here : null;
  return [set, own].filter((origin) => origin !== null);
}

/** @param {string | null} host of the route, with or without a port @param {string[]} known */
function originOf(host, known) {
  if (host === null) return known[0] ?? null;
  const written = new URL(`http://${host}`);
  const isPlain = written.port === '' && host.endsWith(':80');
  const same = known.find((origin) => {
    const { hostname, host: whole } = new URL(origin);
    return host === whole || (host === written.hostname && hostname === written.hostname);
  });
  const scheme = isPlain || isLoopback(written.hostname) ? 'http' : 'https';
  return same ?? new URL(`${scheme}://${host}`).origin;
}

/** @param {string} name */
const isLoopback = (name) => /^(.+\.)?localhost$|^127\.|^\[::1\]$/.test(name);

/** @param {string} route @param {string[] | null} paths */
function pathOf(route, paths) {
  const within = paths?.find((path) => path === route || path.startsWith(`${route.replace(/\/$/, '')}/`));
  return (within ?? paths?.[0] ?? route).replace(/\/\*?$/, '');
}

/** @param {string[] | null} methods */
const methodOf = (methods) => (methods === null || methods.includes('GET') ? 'GET' : (methods[0] ?? 'GET'));

/** As a browser would make one for its installation of the extension. */
const INSTALLATION = '3c0b2a1e-8d47-4f6b-9a52-7e1d5c3f8b90';

/**
 * A site that the token's rules admit. Null where a call needs none.
 * @param {Pick<Token, 'origins' | 'missing_origin'>} token
 */
export function exampleSite({ origins, missing_origin: missing }) {
  if (origins === 'any' || missing === 'allow') return null;
  const rule = origins.find((rule) => !rule.includes('*')) ?? origins[0];
  if (rule === undefined) return null;
  if (rule.endsWith('extension://*')) return rule.replace('*', INSTALLATION);
  return rule.replace('://*.', '://www.').replace(/:\*$/, '');
}
