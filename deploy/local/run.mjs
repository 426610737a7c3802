// `make run`: the Worker in `wrangler dev`, a demo API behind it, and a demo page on another origin that
// calls it.
//
// The build is the quick one, of deploy/toolchain/build.
//
// Environment: PORT (8787), PAGE_PORT (8788), UPSTREAM_PORT (8790); WAYLEAVE_STATE, a folder for secrets and
// data in place of .dev.vars and .wrangler/state.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { demoToken } from './first_token.mjs';
import { healthy, startGateway, stopGateway } from './gateway.mjs';
import { demoPage } from './page.mjs';
import { secrets } from './secrets.mjs';
import { demoUpstream } from './upstream.mjs';

const ports = {
  gateway: port('PORT', 8787),
  page: port('PAGE_PORT', 8788),
  upstream: port('UPSTREAM_PORT', 8790),
};
const state = process.env.WAYLEAVE_STATE;
// For wrangler's own call of the build as well. WAYLEAVE_PROFILE=release keeps a release as it is.
process.env.WAYLEAVE_PROFILE ??= 'quick';
const secretsFile = state ? join(state, '.dev.vars') : '.dev.vars';
const stateFolder = state ? join(state, 'state') : '.wrangler/state';
const gateway = `http://localhost:${ports.gateway}`;
const page = `http://localhost:${ports.page}`;

const started = []; // functions that end the started parts, in starting order
let ending = false;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => end(0));
await main().catch((error) => {
  console.error(`wayleave: ${error.message}`);
  return end(1);
});

async function main() {
  for (const [name, number] of Object.entries(ports)) await mustBeFree(name, number);
  build();
  if (state) mkdirSync(state, { recursive: true });
  const { made, adminKey } = secrets(secretsFile, deployment());
  progress(
    made ? `made this machine's secrets: ${secretsFile}` : `secrets of an earlier start: ${secretsFile}`,
  );

  let family = '';
  await serve(demoUpstream(), ports.upstream);
  await serve(
    demoPage(() => ({ gateway, family })),
    ports.page,
  );
  progress('starting the gateway in wrangler dev');
  const child = startGateway({
    port: ports.gateway,
    stateFolder,
    secretsFile,
    variables: { UPSTREAM: `http://127.0.0.1:${ports.upstream}` },
  });
  started.push(() => stopGateway(child));
  await healthy(child, gateway);
  child.once('exit', () => {
    if (ending) return;
    console.error('wayleave: wrangler dev ended');
    end(1);
  });

  const demo = await demoToken(gateway, adminKey, page);
  family = demo.family;
  progress(demo.made ? 'created a first token for the demo page' : "found the demo page's token");
  console.log(instructions(adminKey, demo));
}

function instructions(adminKey, { token, family }) {
  const call = `${gateway}/v1/observations -H 'Authorization: Bearer ${token}'`;
  const rotate =
    `curl -X POST ${gateway}/_wayleave/api/families/${family}/rotate ` +
    `-H 'Authorization: Bearer ${adminKey}' -H 'Content-Type: application/json' ` +
    `-d '{"revoke_old": {"when": "now"}}'`;
  return `
gateway  ${gateway}
admin key  ${adminKey}
console  ${gateway}/_wayleave/console/
page  ${page}
token  ${token}
family  ${family}

From the page's origin, 200:
  curl -i ${call} -H 'Origin: ${page}'
From another site, 403 origin_not_allowed:
  curl -i ${call} -H 'Origin: https://elsewhere.example'
Replace the token at once. The page, which only knows the family, gets the new one:
  ${rotate}

Ctrl-C stops everything. The tokens are kept for the next start; make reset deletes them.`;
}

// wrangler also builds when it starts. Building here shows progress, and a failure ends everything.
function build() {
  const { status } = spawnSync('deploy/toolchain/build', { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error('the Worker could not be built; the output of the compiler is above');
}

function deployment() {
  const found = /^DEPLOYMENT = "([^"]+)"$/m.exec(readFileSync('wrangler.toml', 'utf8'));
  if (!found) throw new Error('wrangler.toml has no line DEPLOYMENT = "…"');
  return found[1];
}

async function serve(server, number) {
  server.listen(number, '127.0.0.1');
  await once(server, 'listening');
  started.push(() => {
    server.close();
    server.closeAllConnections();
  });
}

async function mustBeFree(name, number) {
  const probe = createServer().listen(number, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch (error) {
    const variable = { gateway: 'PORT', page: 'PAGE_PORT', upstream: 'UPSTREAM_PORT' }[name];
    throw new Error(
      `port ${number} (${name}) cannot be used: ${error.code}. ` +
        `Choose another: ${variable}=${number + 1000} make run`,
    );
  }
  probe.close();
  await once(probe, 'close');
}

function port(variable, otherwise) {
  const text = process.env[variable] || String(otherwise);
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65535) {
    console.error(`wayleave: ${variable} is not a port: ${text}`);
    process.exit(1);
  }
  return Number(text);
}

function progress(text) {
  console.log(`… ${text}`);
}

async function end(code) {
  if (ending) return;
  ending = true;
  process.exitCode = code;
  for (const stop of started.reverse()) await stop();
  process.exit();
}
