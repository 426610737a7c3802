// Makes a map tile: a PNG of 256 × 256 pixels in the usual web-map scheme (zoom, column, row; Mercator
// projection).

import { crc32, deflateSync } from 'node:zlib';
import { STATIONS, temperature } from './weather.mjs';

const SIDE = 256;
// One colour for each 2 °C from -4 °C up: violet, blue, green, yellow, red.
const BANDS = [
  [86, 70, 140],
  [72, 92, 166],
  [62, 120, 184],
  [66, 150, 190],
  [92, 176, 180],
  [134, 196, 160],
  [184, 212, 140],
  [228, 214, 128],
  [240, 184, 104],
  [230, 142, 86],
  [208, 96, 76],
];
const GRID = BANDS.length;
const DOT = GRID + 1;
const PALETTE = [...BANDS, [255, 255, 255], [24, 28, 36]];

/** The PNG file of one tile. */
export function tile(zoom, column, row, milliseconds) {
  const span = SIDE * 2 ** zoom; // width of the world in pixels
  const dots = STATIONS.map(({ latitude, longitude }) => [
    ((longitude + 180) / 360) * span - column * SIDE,
    (0.5 - Math.asinh(Math.tan((latitude * Math.PI) / 180)) / (2 * Math.PI)) * span - row * SIDE,
  ]);
  const rows = Buffer.alloc(SIDE * (SIDE + 1)); // each row begins with its filter type: 0, none
  for (let y = 0; y < SIDE; y += 1) {
    const latitude = (Math.atan(Math.sinh(Math.PI * (1 - (2 * (row * SIDE + y)) / span))) * 180) / Math.PI;
    for (let x = 0; x < SIDE; x += 1) {
      const longitude = ((column * SIDE + x) / span) * 360 - 180;
      const band = Math.floor((temperature(latitude, longitude, milliseconds) + 4) / 2);
      let colour = Math.min(Math.max(band, 0), BANDS.length - 1);
      if (x === 0 || y === 0) colour = GRID;
      if (dots.some(([dx, dy]) => (dx - x) ** 2 + (dy - y) ** 2 < 20)) colour = DOT;
      rows[y * (SIDE + 1) + 1 + x] = colour;
    }
  }
  return png(rows);
}

// PNG (ISO/IEC 15948): the signature, then chunks. A pixel is 8 bits, an index into a palette.
function png(rows) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIDE, 0);
  header.writeUInt32BE(SIDE, 4);
  header.set([8, 3], 8); // bit depth 8, colour type 3 (indexed)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(PALETTE.flat())),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(8 + data.length + 4);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), 8 + data.length);
  return out;
}
