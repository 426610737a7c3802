// A site that runs code of the console, unchanged, in its pages, with the map libraries as npm has them.
// MapLibre is loaded as it is published, because it loads its worker from beside itself; others are bundled.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = new URL('../../..', import.meta.url).pathname;
const maplibre = dirname(createRequire(import.meta.url).resolve('maplibre-gl/dist/maplibre-gl.mjs'));

/** A site on a port of its own. */
export function snippetSite() {
  const pages = new Map();
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://site.invalid');
    const page = pages.get(pathname);
    if (page !== undefined) return response.setHeader('Content-Type', 'text/html; charset=utf-8').end(page);
    if (!pathname.startsWith('/lib/')) return response.writeHead(404).end();
    const file = await readFile(join(maplibre, basename(pathname)));
    response.setHeader('Content-Type', 'text/javascript').end(file);
  });
  return {
    pages,
    async start() {
      await once(server.listen(0, '127.0.0.1'), 'listening');
      this.origin = `http://localhost:${server.address().port}`;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Puts the code into a page of the site; the page's address. */
export async function pageOf(site, id, text) {
  const body = text.startsWith('<') ? text : `<script type="module">${await bundled(text)}</script>`;
  // Only now, since other pages may be added meanwhile.
  const path = `/${site.pages.size}`;
  site.pages.set(
    path,
    `<!doctype html><title>${id}</title><link rel="icon" href="data:,">
    <script type="importmap">{ "imports": { "maplibre-gl": "/lib/maplibre-gl.mjs" } }</script>
    <div id="map" style="width: 400px; height: 300px"></div>${body}`,
  );
  return site.origin + path;
}

/** Styles are left out, MapLibre is loaded by the page, and MapLibre stands for Mapbox GL JS. */
const libraries = {
  name: 'libraries',
  setup(bundle) {
    bundle.onResolve({ filter: /\.css$/ }, ({ path }) => ({ path, namespace: 'left-out' }));
    bundle.onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: '' }));
    bundle.onResolve({ filter: /^maplibre-gl$/ }, ({ path }) => ({ path, external: true }));
    bundle.onResolve({ filter: /^mapbox-gl$/ }, ({ path }) => ({ path, namespace: 'mapbox' }));
    bundle.onLoad({ filter: /./, namespace: 'mapbox' }, () => ({
      contents: "export * as default from 'maplibre-gl';",
    }));
  },
};

async function bundled(text) {
  const { outputFiles } = await build({
    stdin: { contents: text, resolveDir: root },
    bundle: true,
    format: 'esm',
    write: false,
    plugins: [libraries],
  });
  return outputFiles[0].text.replaceAll('</script', '<\\/script');
}
