// `wrangler dev` as a child: the Worker in workerd, with KV and Durable Object kept in a folder.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_SECONDS = 60;

// No telemetry, no error reports, no questions, no look at the network for a newer version or for `request.cf`; logs and
// the registry of running Workers in the project's folder, not in the home directory.
const QUIET = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_LOG_PATH: '.wrangler/logs',
  WRANGLER_REGISTRY_PATH: '.wrangler/registry',
};

/** Starts it; `variables` win over those of wrangler.toml. The child reads nothing from the terminal. */
export function startGateway({ port, stateFolder, secretsFile, variables }) {
  const wrangler = join(
    dirname(createRequire(import.meta.url).resolve('wrangler/package.json')),
    'bin',
    'wrangler.js',
  );
  const options = {
    ip: '127.0.0.1',
    port,
    'inspector-port': 0,
    'persist-to': stateFolder,
    'env-file': secretsFile,
    'log-level': 'warn',
    'show-interactive-dev-session': false,
  };
  const child = spawn(
    process.execPath,
    [
      wrangler,
      'dev',
      ...Object.entries(options).map(([name, value]) => `--${name}=${value}`),
      ...Object.entries(variables).flatMap(([name, value]) => ['--var', `${name}:${value}`]),
    ],
    // A process group of its own, so that it and its children are ended together, by us and by nobody else.
    { stdio: ['ignore', 'inherit', 'inherit'], detached: true, env: { ...process.env, ...QUIET } },
  );
  child.on('error', () => {});
  return child;
}

/** Waits until the gateway answers its health check with 200; says why when it does not come to that. */
export async function healthy(child, gateway) {
  let last = 'nothing answered';
  for (const deadline = Date.now() + START_SECONDS * 1000; Date.now() < deadline; await sleep(100)) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error('wrangler dev ended; what it said is above');
    try {
      const response = await fetch(`${gateway}/_wayleave/health`, { signal: AbortSignal.timeout(5000) });
      if (response.status === 200) return;
      last = `the health check answered ${response.status} ${(await response.text()).trim().slice(0, 300)}`;
    } catch (error) {
      last = `the health check failed: ${error.cause?.code ?? error.name}`;
    }
  }
  throw new Error(`the gateway was not ready after ${START_SECONDS} s: ${last}`);
}

/** Ends it and everything it started. */
export async function stopGateway(child) {
  if (child.pid === undefined) return;
  const ended =
    child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit');
  signal(child.pid, 'SIGTERM');
  await Promise.race([ended, sleep(4000, undefined, { ref: false })]);
  signal(child.pid, 'SIGKILL'); // what is left of the group, if anything
}

function signal(group, name) {
  try {
    process.kill(-group, name);
  } catch {
    // The group is gone already.
  }
}
