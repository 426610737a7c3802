// Code for map libraries: tiles of the gateway's API with the token.

import { inQuery } from './credential.js';
import { js, key } from './quoting.js';

/** @import { Use } from './snippets.js' */
/** @import { Places } from './credential.js' */

/**
 * MapLibre GL JS and Mapbox GL JS, which share `transformRequest`.
 * @param {'maplibregl' | 'mapboxgl'} name
 * @param {Use} use
 * @param {Places} places
 */
export function glMap(name, { origin, tiles, token }, { header, query }) {
  const signed = header
    ? `{ url, headers: { ${key(header.name)}: ${js(header.value)} } }`
    : `{ url: url + (url.includes('?') ? '&' : '?') + ${js(`${query}=${token}`)} }`;
  const [from, own] =
    name === 'maplibregl'
      ? [`import * as maplibregl from 'maplibre-gl';\nimport 'maplibre-gl/dist/maplibre-gl.css';`, '']
      : [
          `import mapboxgl from 'mapbox-gl';\nimport 'mapbox-gl/dist/mapbox-gl.css';`,
          `  accessToken: 'YOUR_MAPBOX_TOKEN', // for Mapbox's own services\n`,
        ];
  return `${from}

const map = new ${name}.Map({
  container: 'map',
${own}  style: {
    version: 8,
    sources: {
      api: {
        type: 'raster',
        tiles: [${js(tiles)}],
        tileSize: 256,
      },
    },
    layers: [{ id: 'api', type: 'raster', source: 'api' }],
  },
  // The token goes to the gateway and to nobody else.
  transformRequest: (url) =>
    url.startsWith(${js(`${origin}/`)})
      ? ${signed}
      : { url },
});`;
}

/** @param {Use} use @param {string} query */
export function leaflet({ tiles, token }, query) {
  return `import L from 'leaflet';
import 'leaflet/dist/leaflet.css';

const map = L.map('map').setView([0, 0], 2);
// Its tiles are images, which name their site by the Referer.
L.tileLayer(${js(inQuery(tiles, query, token))}, {
  referrerPolicy: 'origin',
}).addTo(map);`;
}

/** @param {Use} use @param {Places} places */
export function openLayers({ tiles, token }, { header, query }) {
  const source = query
    ? `        url: ${js(inQuery(tiles, query, token))},
        crossOrigin: 'anonymous', // so that each tile names its site by Origin`
    : `        url: ${js(tiles)},
        tileLoadFunction: async (tile, url) => {
          const headers = { ${header && `${key(header.name)}: ${js(header.value)}`} };
          const response = await fetch(url, { headers });
          if (response.ok) tile.getImage().src = URL.createObjectURL(await response.blob());
          else tile.setState(TileState.ERROR);
        },`;
  return `import OlMap from 'ol/Map.js';
${query ? '' : `import TileState from 'ol/TileState.js';\n`}import View from 'ol/View.js';
import TileLayer from 'ol/layer/Tile.js';
import XYZ from 'ol/source/XYZ.js';
import 'ol/ol.css';

const map = new OlMap({
  target: 'map',
  view: new View({ center: [0, 0], zoom: 2 }),
  layers: [
    new TileLayer({
      source: new XYZ({
${source}
      }),
    }),
  ],
});`;
}
