// Code to paste that uses a token: for pages, map libraries and the command line. Pure. Only what works with
// the places where this gateway reads tokens is offered; of the rest it says why not. Each is run by
// tests/console/snippets.test.mjs.

import { inQuery, places } from './credential.js';
import { glMap, leaflet, openLayers } from './maps.js';
import { attribute, js, key, sh } from './quoting.js';

/** @import { Places } from './credential.js' */

/**
 * @typedef {object} Use what the code is for
 * @property {string} origin the gateway's
 * @property {string} path of the request: begins with a slash
 * @property {string} tiles the address of a map's tiles, with {z}, {x} and {y}
 * @property {string} method
 * @property {string[]} sources as in `CREDENTIAL_SOURCES`
 * @property {string} token its text, or what stands for it
 * @property {string | null} family whose current token pages may fetch; null: it is not distributed
 * @property {string | null} site that a call from outside a browser names; null: it needs to name none
 *
 * @typedef {{ text: string, about?: string } | { why: string }} Code the code, or why there is none
 * @typedef {{ id: string, title: string } & Code} Snippet
 */

const NO_QUERY =
  'it sends no header of yours, and this gateway reads no token from the query (CREDENTIAL_SOURCES)';
const NO_REQUEST = 'this gateway reads tokens of WebSockets alone (CREDENTIAL_SOURCES)';
const NOT_READ = 'it only reads, and the token’s methods do not include GET';

/** @type {{ id: string, title: string, reads?: boolean, make: (use: Use, places: Places) => Code }[]} */
const KINDS = [
  { id: 'client', title: 'client.js', make: client },
  { id: 'fetch', title: 'fetch', make: fetched },
  { id: 'img', title: '<img>', reads: true, make: image },
  { id: 'maplibre', title: 'MapLibre GL JS', reads: true, make: gl('maplibregl') },
  { id: 'mapbox', title: 'Mapbox GL JS', reads: true, make: gl('mapboxgl') },
  {
    id: 'leaflet',
    title: 'Leaflet',
    reads: true,
    make: (use, { query }) => (query ? { text: leaflet(use, query) } : { why: NO_QUERY }),
  },
  {
    id: 'openlayers',
    title: 'OpenLayers',
    reads: true,
    make: (use, at) => (at.query || at.header ? { text: openLayers(use, at) } : { why: NO_REQUEST }),
  },
  { id: 'eventsource', title: 'EventSource', reads: true, make: eventSource },
  { id: 'websocket', title: 'WebSocket', reads: true, make: webSocket },
  { id: 'curl', title: 'curl', make: curl },
];

/** @param {Use} use @returns {Snippet[]} */
export function snippets(use) {
  const at = places(use.sources, use.token);
  return KINDS.map(({ id, title, reads, make }) => ({
    id,
    title,
    ...(reads && use.method !== 'GET' ? { why: NOT_READ } : make(use, at)),
  }));
}

/** The address of a map's tiles below a path. @param {string} origin @param {string} path */
export function tilesBelow(origin, path) {
  const name = '{z}/{x}/{y}.png';
  if (path.includes('{z}')) return origin + path;
  const below = path.replace(/\/$/, '');
  return `${origin}${below}/${below.endsWith('/tiles') ? '' : 'tiles/'}${name}`;
}

/** @param {Use} use @param {Places} places @returns {Code} */
function client({ origin, path, method, family }, { header, query }) {
  if (family === null)
    return {
      why: 'Distribute is off for this token. With it, pages get the family’s current token themselves',
    };
  const options = [
    `family: ${js(family)}`,
    header && header.name !== 'Authorization' && `header: ${js(header.name)}`,
    query && query !== 'token' && `query: ${js(query)}`,
  ].filter(Boolean);
  const init = method === 'GET' ? '' : `, { method: ${js(method)} }`;
  const call = header
    ? `const response = await api.fetch(${js(path)}${init});`
    : query
      ? `const response = await fetch(await api.url(${js(path)})${init});`
      : `const socket = new WebSocket(${js(socketOrigin(origin) + path)}, ['wayleave', await api.token()]);`;
  const image = query ? `\n  // For an image: image.src = await api.url('/…');` : '';
  return {
    text: `<script type="module">
  import { wayleave } from ${js(`${origin}/_wayleave/client.js`)};

  const api = wayleave({ ${options.join(', ')} });
  ${call}${image}
</script>`,
    about: 'The page names the family, not the token, and gets the new token after a rotation by itself.',
  };
}

/** @param {Use} use @param {Places} places @returns {Code} */
function fetched({ origin, path, method, token }, { header, query }) {
  if (!header && !query) return { why: NO_REQUEST };
  const url = query && !header ? inQuery(origin + path, query, token) : origin + path;
  const options = [
    method !== 'GET' && `  method: ${js(method)},`,
    header && `  headers: { ${key(header.name)}: ${js(header.value)} },`,
  ].filter(Boolean);
  const init = options.length > 0 ? `, {\n${options.join('\n')}\n}` : '';
  return { text: `const response = await fetch(${js(url)}${init});` };
}

/** @param {Use} use @param {Places} places @returns {Code} */
function image({ origin, path, token }, { query }) {
  if (!query) return { why: NO_QUERY };
  return {
    text: `<img src=${attribute(inQuery(origin + path, query, token))} alt="" referrerpolicy="origin">`,
    about:
      'An image names its site by the Referer, which referrerpolicy sends whatever the page’s own policy.',
  };
}

/** @param {'maplibregl' | 'mapboxgl'} name @returns {(use: Use, places: Places) => Code} */
function gl(name) {
  return (use, at) => (at.header || at.query ? { text: glMap(name, use, at) } : { why: NO_REQUEST });
}

/** @param {Use} use @param {Places} places @returns {Code} */
function eventSource({ origin, path, token }, { query }) {
  if (!query) return { why: NO_QUERY };
  return {
    text: `const events = new EventSource(${js(inQuery(origin + path, query, token))});
events.onmessage = ({ data }) => console.log(data);`,
  };
}

/** @param {Use} use @param {Places} places @returns {Code} */
function webSocket({ origin, path, token }, { query, protocol }) {
  if (!protocol && !query) return { why: NO_QUERY };
  const url = socketOrigin(origin) + path;
  const made = protocol
    ? `${js(url)}, ['wayleave', ${js(token)}]`
    : js(inQuery(url, /** @type {string} */ (query), token));
  return {
    text: `const socket = new WebSocket(${made});
socket.onmessage = ({ data }) => console.log(data);`,
  };
}

/** @param {string} origin */
const socketOrigin = (origin) => origin.replace(/^http/, 'ws');

/** @param {Use} use @param {Places} places @returns {Code} */
function curl({ origin, path, method, token, site }, { header, query }) {
  if (!header && !query) return { why: NO_REQUEST };
  const url = query && !header ? inQuery(origin + path, query, token) : origin + path;
  const parts = [
    'curl -i',
    method !== 'GET' && `-X ${method}`,
    sh(url),
    header && `-H ${sh(`${header.name}: ${header.value}`)}`,
    site && `-H ${sh(`Origin: ${site}`)}`,
  ];
  return {
    text: parts.filter(Boolean).join(' '),
    ...(site && { about: `As a page of ${site} would call: the token is for its sites alone.` }),
  };
}
