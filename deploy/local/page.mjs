// Serves the demo's web page from an origin of its own. Its source contains the gateway's address and the
// family's id, as a site developer would paste them.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const FILES = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.css': ['page.css', 'text/css'],
  '/page.js': ['page.js', 'text/javascript'],
};

/**
 * `source()` returns `{gateway, family}`. It is called for each request, because they are known only later.
 */
export function demoPage(source) {
  return createServer(async (request, response) => {
    const file = FILES[new URL(request.url, 'http://page.invalid').pathname];
    if (!file) return response.writeHead(404, { 'content-type': 'text/plain' }).end('not here\n');
    const { gateway, family } = source();
    const text = await readFile(new URL(`page/${file[0]}`, import.meta.url), 'utf8');
    response.writeHead(200, {
      'content-type': file[1],
      'cache-control': 'no-store',
      'content-security-policy':
        `default-src 'none'; script-src 'self' ${gateway}; style-src 'self'; ` +
        `img-src ${gateway} data:; connect-src ${gateway}; base-uri 'none'`,
    });
    response.end(text.replaceAll('{{gateway}}', gateway).replaceAll('{{family}}', family));
  });
}
