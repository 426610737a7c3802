// What the code for a token is made of: addresses by route, scopes, and texts between quotes.
// snippets.test.mjs runs the code.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { apisOf, exampleSite } from '../../www/snippets/apis.js';
import { snippets, tilesBelow } from '../../www/snippets/snippets.js';

const HERE = 'http://localhost:8787';
const ROUTE = {
  host: null,
  path: '',
  audience: 'a',
  anonymous: false,
  credential_sources: null,
  methods: null,
  paths: null,
};
const TOKEN = { audiences: ['a'], methods: null, paths: null };
const SETTINGS = {
  plane: 'both',
  gateway_origin: null,
  control_hosts: [],
  credential_sources: ['bearer', 'query:token', 'websocket-protocol'],
};
const apis = (routes, settings = {}, token = {}) =>
  apisOf(
    { ...TOKEN, ...token },
    { ...SETTINGS, ...settings, routes: routes.map((fields) => ({ ...ROUTE, ...fields })) },
    HERE,
  );
const code = (fields) =>
  Object.fromEntries(
    snippets({
      origin: HERE,
      path: '/',
      tiles: `${HERE}/{z}/{x}/{y}`,
      method: 'GET',
      sources: SETTINGS.credential_sources,
      token: 'T',
      family: null,
      site: null,
      ...fields,
    }).map(({ id, text, why }) => [id, text ?? `why: ${why}`]),
  );

it('the address is the route’s host, or the gateway’s, or the console’s own where that guards the APIs too', () => {
  for (const [host, settings, expected] of [
    [null, {}, HERE],
    [null, { gateway_origin: 'https://api.example' }, 'https://api.example'],
    [null, { plane: 'control' }, null],
    [null, { control_hosts: ['localhost:8787'] }, null],
    ['maps.example', {}, 'https://maps.example'],
    ['maps.example:8443', {}, 'https://maps.example:8443'],
    ['maps.example:443', {}, 'https://maps.example'],
    ['maps.example:80', {}, 'http://maps.example'],
    ['127.0.0.1:9000', {}, 'http://127.0.0.1:9000'],
    ['[::1]:9000', {}, 'http://[::1]:9000'],
    ['localhost', {}, HERE],
    ['localhost:9000', {}, 'http://localhost:9000'],
    ['gw.example', { gateway_origin: 'http://gw.example:8787' }, 'http://gw.example:8787'],
    ['gw.example:9', { gateway_origin: 'http://gw.example:8787' }, 'https://gw.example:9'],
  ])
    assert.equal(apis([{ host }], settings)[0].origin, expected, `${host} ${JSON.stringify(settings)}`);
});

it('an API is one of the token’s audiences; those that need a token come first', () => {
  const routes = [{ path: '/open', anonymous: true }, { path: '/b', audience: 'b' }, { path: '/v1' }];
  assert.deepEqual(
    apis(routes).map(({ path }) => path),
    ['/v1', '/open'],
  );
  assert.deepEqual(apis(routes, {}, { audiences: ['c'] }), []);
});

it('what the token is good for is what the code asks for', () => {
  const scoped = { methods: ['POST', 'PUT'], paths: ['/other', '/v1/tiles/*'] };
  const [api] = apis([{ path: '/v1' }], {}, scoped);
  assert.deepEqual([api.path, api.method], ['/v1/tiles', 'POST']);
  assert.deepEqual(apis([{ path: '/v1', methods: ['GET'], paths: ['/v1/a'] }])[0].path, '/v1/a');
  assert.equal(tilesBelow(HERE, '/v1/tiles'), `${HERE}/v1/tiles/{z}/{x}/{y}.png`);
  assert.equal(tilesBelow(HERE, '/a/{z}-{x}-{y}'), `${HERE}/a/{z}-{x}-{y}`);
  const made = code({ method: 'POST' });
  assert.match(made.fetch, /method: 'POST'/);
  assert.match(made.curl, /^curl -i -X POST '/);
  for (const id of ['img', 'maplibre', 'leaflet', 'openlayers', 'eventsource', 'websocket'])
    assert.match(made[id], /^why: .*GET/, id);
});

it('no text ends its quotes', () => {
  const path = `/o'b\\r&"x`;
  const made = code({ path, sources: ["header:x-it's", 'query:token'] });
  assert.ok(made.fetch.includes(`'${HERE}/o\\'b\\\\r&"x'`), made.fetch);
  assert.ok(made.fetch.includes(`'X-It\\'s': 'T'`), made.fetch);
  assert.ok(made.img.includes(`src="${HERE}/o'b\\r&amp;&quot;x?token=T"`), made.img);
  assert.ok(made.curl.includes(`'${HERE}/o'\\''b\\r&"x'`), made.curl);
});

it('a site is named where one is needed, without a wildcard in it', () => {
  const site = (origins, missing_origin = 'refuse') => exampleSite({ origins, missing_origin });
  assert.equal(site('any'), null);
  assert.equal(site(['https://a.example'], 'allow'), null);
  assert.equal(site(['https://*.a.example', 'https://b.example']), 'https://b.example');
  assert.equal(site(['https://*.a.example']), 'https://www.a.example');
  assert.equal(site(['http://*.a.example:*']), 'http://www.a.example');
  assert.equal(site(['http://localhost:*']), 'http://localhost');
  assert.match(site(['moz-extension://*']), /^moz-extension:\/\/[0-9a-f-]{36}$/);
});
