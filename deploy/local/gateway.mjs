// Runs `wrangler dev` as a child process: the Worker in workerd, with KV and Durable Objects stored in a
// folder.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_SECONDS = 60;

// No telemetry, error reports, prompts, update checks or download of `request.cf`. Logs and the registry of
// running Workers are stored in the project's folder, not in the home directory.
const QUIET = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_LOG_PATH: '.wrangler/logs',
  WRANGLER_REGISTRY_PATH: '.wrangler/registry',
};

/**
 * Starts the gateway; `variables` override those of wrangler.toml. The child reads nothing from the terminal.
 */
export function startGateway({ port, stateFolder, secretsFile, variables }) {
  const wrangler = join(
    dirname(createRequire(import.meta.url).resolve('wrangler/package.json')),
    'bin',
    'wrangler.js',
  );
  const options = {
    config: withoutCron(stateFolder),
    ip: '127.0.0.1',
    port,
    'inspector-port': 0,
    // Whole paths: wrangler takes others from the folder of its config.
    'persist-to': resolve(stateFolder),
    'env-file': resolve(secretsFile),
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
    // Its own process group, so that stopGateway() can end it with its children and nothing else.
    { stdio: ['ignore', 'inherit', 'inherit'], detached: true, env: { ...process.env, ...QUIET } },
  );
  child.on('error', () => {});
  return child;
}

/**
 * Writes wrangler.toml without its cron trigger into a folder; returns the file. `wrangler dev` starts no
 * trigger and warns of that each time. The registry begins its daily sweep without one. Paths in the file are
 * relative to its folder.
 */
function withoutCron(folder) {
  const root = resolve(import.meta.dirname, '../..');
  const here = (path) => join(relative(resolve(folder), root), path);
  const text = readFileSync(join(root, 'wrangler.toml'), 'utf8')
    .replace(/^\[triggers\]\ncrons = .*\n/m, '')
    .replace(/^(main|watch_dir) = "(.*)"$/gm, (_line, name, path) => `${name} = "${here(path)}"`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'wrangler.toml');
  writeFileSync(file, text);
  return file;
}

/** wrangler prints what a Worker logs some time after the answer. */
const PRINTED_WITHIN_MS = 2_000;

class WrongConfiguration extends Error {
  message = 'the Worker cannot start as it is configured; what it said is above';
}

/** Waits until the health check answers 200. Throws with the reason when that does not happen. */
export async function healthy(child, gateway) {
  let last = 'nothing answered';
  for (const deadline = Date.now() + START_SECONDS * 1000; Date.now() < deadline; await sleep(100)) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error('wrangler dev ended; its output is above');
    try {
      const response = await fetch(`${gateway}/_wayleave/health`, { signal: AbortSignal.timeout(5000) });
      if (response.status === 200) return;
      // Every request gets 500 while a variable or secret is wrong; the log names it.
      if (response.status === 500) {
        await sleep(PRINTED_WITHIN_MS);
        throw new WrongConfiguration();
      }
      last = `the health check answered ${response.status} ${(await response.text()).trim().slice(0, 300)}`;
    } catch (error) {
      if (error instanceof WrongConfiguration) throw error;
      last = `the health check failed: ${error.cause?.code ?? error.name}`;
    }
  }
  throw new Error(`the gateway was not ready after ${START_SECONDS} s: ${last}`);
}

/** Ends the gateway and all its child processes. */
export async function stopGateway(child) {
  if (child.pid === undefined) return;
  const ended =
    child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit');
  signal(child.pid, 'SIGTERM');
  await Promise.race([ended, sleep(4000, undefined, { ref: false })]);
  signal(child.pid, 'SIGKILL'); // whatever is left of the group
}

function signal(group, name) {
  try {
    process.kill(-group, name);
  } catch {
    // The group no longer exists.
  }
}
