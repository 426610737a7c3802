// For tests: a deployment that deploy/workerd/start makes in a folder and on ports of its own, and the steps that a page prints.

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
const SITE = 'https://shop.example';

export class OneMachine {
  #server;

  async prepare() {
    this.data = await mkdtemp(join(tmpdir(), 'wayleave-workerd-'));
    this.upstream = createServer((request, response) => response.end('the API behind\n'));
    await once(this.upstream.listen(0, '127.0.0.1'), 'listening');
    const [edge, control] = await freePorts(2);
    this.ports = { 9000: this.upstream.address().port, 8787: edge, 8788: control };
  }

  async remove() {
    await this.end('SIGKILL');
    this.upstream.close();
    await rm(this.data, { recursive: true, force: true });
  }

  /** The blocks of commands that a page prints, with this deployment's ports and folder in the place of the printed ones. */
  steps(page) {
    const blocks = [...readFileSync(join(root, page), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(
      ([, text]) => text,
    );
    const here = (text, [printed, port]) => text.replaceAll(`127.0.0.1:${printed}`, `127.0.0.1:${port}`);
    return blocks.map((text) =>
      Object.entries(this.ports).reduce(here, text.replaceAll('.wayleave/', `${this.data}/`)),
    );
  }

  /** Runs the line that a page prints for the start; resolves with its output once both addresses answer. */
  async start(line = `UPSTREAM=http://127.0.0.1:${this.ports[9000]} deploy/workerd/start`) {
    const env = {
      ...process.env,
      WAYLEAVE_DATA: this.data,
      EDGE_ADDRESS: `127.0.0.1:${this.ports[8787]}`,
      CONTROL_ADDRESS: `127.0.0.1:${this.ports[8788]}`,
    };
    const [, upstream, command] = /^UPSTREAM=(\S+) (\S+)$/.exec(line);
    this.#server = spawn(join(root, command), {
      cwd: root,
      env: { ...env, UPSTREAM: upstream },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = collect(this.#server);
    for (const deadline = Date.now() + 30_000; ; await sleep(50)) {
      assert.equal(this.#server.exitCode, null, output());
      assert.ok(Date.now() < deadline, `not ready in time:\n${output()}`);
      const answers = await Promise.allSettled(
        [8787, 8788].map((port) => fetch(`http://127.0.0.1:${this.ports[port]}/_wayleave/health`)),
      );
      if (answers.every(({ value }) => value?.status === 200)) return output();
    }
  }

  async end(signal) {
    if (!this.#server || this.#server.exitCode !== null || this.#server.signalCode !== null) return;
    const exit = once(this.#server, 'exit');
    this.#server.kill(signal);
    await exit;
  }

  /** Runs a block in a shell, as somebody would type it. */
  type(text) {
    return finished(spawn('bash', ['-euo', 'pipefail', '-c', text], { cwd: root }));
  }

  /** Runs the start with other variables, where it is to refuse. */
  startRefused(variables) {
    return finished(
      spawn('deploy/workerd/start', {
        cwd: root,
        env: { ...process.env, WAYLEAVE_DATA: this.data, ...variables },
      }),
    );
  }

  async adminKey() {
    return /^ADMIN_KEY='(.+)'$/m.exec(await readFile(join(this.data, 'secrets'), 'utf8'))[1];
  }

  /** A call of the admin API that must succeed. */
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

  /** As a page of the token's site would ask. */
  guarded(token) {
    return fetch(`http://127.0.0.1:${this.ports[8787]}/`, { headers: { 'x-api-key': token, origin: SITE } });
  }
}

function collect(child) {
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (piece) => (text += piece));
  return () => text;
}

async function finished(child) {
  const output = collect(child);
  const [code] = await once(child, 'close');
  return { code, output: output() };
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((each) => once(each, 'listening')));
  const found = servers.map((each) => each.address().port);
  await Promise.all(servers.map((each) => (each.close(), once(each, 'close'))));
  return found;
}
