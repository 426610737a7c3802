// Copies the chart library from the pinned npm package into www/vendor/, as one small ES module and its style
// sheet. Run it after changing the version; until then a test fails.

import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { build } from 'esbuild';

const VENDOR = new URL('../../www/vendor/', import.meta.url);
const require = createRequire(import.meta.url);

/** The file names and their expected texts. */
export async function vendored() {
  const module = require.resolve('uplot').replace('uPlot.cjs.js', 'uPlot.esm.js');
  const { version } = JSON.parse(await readFile(require.resolve('uplot/package.json'), 'utf8'));
  const source = `uPlot ${version}, MIT licence, https://github.com/leeoniya/uPlot`;
  const notice = `// @ts-nocheck\n/* ${source}. Made by deploy/console/vendor.mjs. */\n`;
  const { outputFiles } = await build({
    entryPoints: [module],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    write: false,
  });
  const style = await readFile(module.replace('uPlot.esm.js', 'uPlot.min.css'), 'utf8');
  return { 'uplot.js': notice + outputFiles[0].text, 'uplot.css': notice.replace(/^.*\n/, '') + style };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const [name, text] of Object.entries(await vendored())) await writeFile(new URL(name, VENDOR), text);
}
