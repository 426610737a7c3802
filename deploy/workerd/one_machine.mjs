// Test helper: a deployment made by deploy/workerd/start, with its own folder and ports, and the commands of
// a documentation page adapted to it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = new URL('../..', import.meta.url).pathname;
export const SITE = 'https://shop.example';

/** Running processes. When the test file itself is ended, it ends them too. */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

export class OneMachine {
  refused = [];

  async prepare() {
    this.data = await mkdtemp(join(tmpdir(), 'wayleave-workerd-'));
    this.upstream = createServer((request, response) => this.respond(request, response));
    await once(this.upstream.listen(0, '127.0.0.1'), 'listening');
    const [edge, control] = await freePorts(2);
    this.ports = { 9000: this.upstream.address().port, 8787: edge, 8788: control };
  }

  /** The response of the API behind the gateway; a test may replace it. */
  respond(_request, response) {
    response.end('the API behind\n');
  }

  async remove() {
    for (const child of this.refused) child.kill('SIGKILL'); // in case one of them did start
    await this.end('SIGKILL');
    this.upstream.close();
    this.upstream.closeAllConnections();
    await rm(this.data, { recursive: true, force: true });
  }

  /** The `sh` blocks of a page, with this deployment's ports and folder inserted. */
  steps(page) {
    const blocks = [...readFileSync(join(root, page), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(
      ([, text]) => text,
    );
    const here = (text, [printed, port]) => text.replaceAll(`127.0.0.1:${printed}`, `127.0.0.1:${port}`);
    return blocks.map((text) =>
      Object.entries(this.ports).reduce(here, text.replaceAll('.wayleave/', `${this.data}/`)),
    );
  }

  /** Runs the start command of a page; resolves with its output once both addresses answer. */
  async start(line = `UPSTREAM=${this.upstreamUrl} deploy/workerd/start`, variables = {}) {
    const [, upstream, command] = /^UPSTREAM=(\S+) (\S+)$/.exec(line);
    const env = { ...this.#environment(), UPSTREAM: upstream, ...variables };
    this.server = spawnStart(join(root, command), env);
    const output = collect(this.server);
    this.output = output;
    for (const deadline = Date.now() + 30_000; ; await sleep(50)) {
      assert.equal(this.server.exitCode, null, output());
      assert.ok(Date.now() < deadline, `not ready in time:\n${output()}`);
      const answers = await Promise.allSettled(
        [8787, 8788].map((port) => fetch(`http://127.0.0.1:${this.ports[port]}/_wayleave/health`)),
      );
      if (answers.every(({ value }) => value?.status === 200)) return output();
    }
  }

  /** Runs the start with variables that it must refuse. If it starts all the same, remove() kills it. */
  startRefused(variables) {
    const env = { ...this.#environment(), UPSTREAM: this.upstreamUrl, ...variables };
    const child = spawnStart('deploy/workerd/start', env);
    this.refused.push(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
    return finished(child).finally(() => clearTimeout(timer));
  }

  get upstreamUrl() {
    return `http://127.0.0.1:${this.ports[9000]}`;
  }

  #environment() {
    const addresses = {
      EDGE_ADDRESS: `127.0.0.1:${this.ports[8787]}`,
      CONTROL_ADDRESS: `127.0.0.1:${this.ports[8788]}`,
    };
    return { ...process.env, WAYLEAVE_DATA: this.data, ...addresses };
  }

  /**
   * Sends the start a signal. Resolves when it has ended, with its exit status or the signal that ended it.
   */
  async end(signal) {
    const { server } = this;
    if (!server || server.exitCode !== null || server.signalCode !== null) return undefined;
    const exit = once(server, 'exit');
    server.kill(signal);
    const [status, endedBy] = await exit;
    return status ?? endedBy;
  }

  /** Runs a block in a shell. `printed`: its standard output alone. */
  type(text) {
    return finished(spawn('bash', ['-euo', 'pipefail', '-c', text], { cwd: root }));
  }

  async adminKey() {
    return /^ADMIN_KEY='(.+)'$/m.exec(await readFile(join(this.data, 'secrets'), 'utf8'))[1];
  }

  /** Makes a call of the admin API that must succeed. */
  async call(method, path, body) {
    const headers = {
      authorization: `Bearer ${await this.adminKey()}`,
      ...(body && { 'content-type': 'application/json' }),
    };
    const response = await fetch(`http://127.0.0.1:${this.ports[8788]}/_wayleave/api${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return response.json();
  }

  newToken(label) {
    return this.call('POST', '/tokens', { label, origins: [SITE] });
  }

  /** Sends a request as a page of the token's site. */
  guarded(token) {
    return fetch(`http://127.0.0.1:${this.ports[8787]}/`, { headers: { 'x-api-key': token, origin: SITE } });
  }
}

function spawnStart(command, env) {
  const child = spawn(command, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  return child.once('exit', () => running.delete(child));
}

function collect(child) {
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (piece) => (text += piece));
  return () => text;
}

async function finished(child) {
  const output = collect(child);
  let printed = '';
  child.stdout.on('data', (piece) => (printed += piece));
  const [code] = await once(child, 'close');
  return { code, output: output(), printed };
}

export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((each) => once(each, 'listening')));
  const found = servers.map((each) => each.address().port);
  await Promise.all(
    servers.map((each) => {
      each.close();
      return once(each, 'close');
    }),
  );
  return found;
}
