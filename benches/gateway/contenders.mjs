// The Workers that are compared, each in a workerd process of its own behind the same nginx.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { SignJWT } from 'jose';
import { SITE } from '../../tests/workerd/harness/admin_api.mjs';
import {
  externalService,
  inlineModule,
  kvBinding,
  textBinding,
  workerdConfig,
  workerService,
} from '../../tests/workerd/harness/capnp.mjs';
import { Daemon } from '../../tests/workerd/harness/daemon.mjs';
import { KvServer } from '../../tests/workerd/harness/kv_server.mjs';
import { compatibility } from '../../tests/workerd/harness/product.mjs';
import { Workerd } from '../../tests/workerd/harness/workerd.mjs';

const SECRET = 'a-secret-of-the-rivals-0123456789abcdef';
const REVOKED_KEYS_TTL_SECONDS = 3_600;

/** What a browser sends with a request for an API, besides Host and Authorization. */
export const BROWSER_HEADERS = [
  `Origin: ${SITE}`,
  `Referer: ${SITE}/`,
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36',
  'Accept: */*',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-GB,en;q=0.9',
  'Sec-Fetch-Site: cross-site',
  'Sec-Fetch-Mode: cors',
  'Sec-Fetch-Dest: empty',
];

/** nginx with a short answer and kept connections. `/v1/stream` is answered by `streaming`, a port. */
export function upstream(streaming) {
  return new Daemon('nginx', (folder, port) => {
    const file = join(folder, 'nginx.conf');
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 10000000; default_type application/json;
  client_body_temp_path ${folder}/1; proxy_temp_path ${folder}/2; fastcgi_temp_path ${folder}/3;
  uwsgi_temp_path ${folder}/4; scgi_temp_path ${folder}/5;
  server { listen 127.0.0.1:${port}; location / { return 200 '{"ok":true}\\n'; }
    location = /v1/stream { proxy_pass http://127.0.0.1:${streaming}; proxy_buffering off; } }
}
`,
    );
    return ['-p', folder, '-c', file, '-e', 'stderr'];
  });
}

/** KV for the rivals: a process of its own in production, and not counted here either. */
export class RivalKv extends KvServer {
  /** A record for each of these opaque tokens. */
  hold(tokens) {
    for (const token of tokens) {
      const name = createHash('sha256').update(token).digest('hex');
      this.values.set(name, { bytes: Buffer.from(JSON.stringify({ origins: [SITE] })) });
    }
  }
}

/** One Worker of `workers/` in a process of its own. */
export function contender(name, origin, kv) {
  const { outputFiles } = buildSync({
    entryPoints: [join(import.meta.dirname, 'workers', `${name}.js`)],
    bundle: true,
    format: 'esm',
    minify: true,
    write: false,
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*'],
  });
  return new Workerd(
    (folder) =>
      workerdConfig({
        services: [
          workerService({
            name: 'contender',
            modules: [inlineModule('worker.js', outputFiles[0].text)],
            bindings: [textBinding('UPSTREAM', origin), textBinding('SECRET', SECRET), kvBinding('KV', 'kv')],
            ...compatibility(),
          }),
          externalService('kv', kv.port),
        ],
        sockets: { gateway: 'contender' },
        storage: join(folder, 'storage'),
      }),
    ['gateway'],
  );
}

/** A token of the rivals that verify signatures. */
export function signedToken() {
  const expires = Math.floor(Date.now() / 1000) + REVOKED_KEYS_TTL_SECONDS;
  return new SignJWT({ origins: [SITE] })
    .setProtectedHeader({ alg: 'HS256' })
    .setJti('1')
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(SECRET));
}
