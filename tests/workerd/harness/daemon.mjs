// Runs a third-party server in the foreground as a child of the test: lighttpd, nginx or Caddy.
//
// Such a server does not report the port that it got, so this class picks a free one first. When another
// process takes that port meanwhile, the server exits at once, and the start is tried again with another
// port.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { running } from './running.mjs';

const START_LIMIT_MS = 20_000;
const PORTS_TRIED_MAX = 5;

export class Daemon {
  #process = null;
  #exited = Promise.resolve();

  /**
   * @param {string} command in PATH or /usr/sbin; the Debian package has the same name
   * @param {(folder: string, port: number) => string[]} argumentsFor writes the server's files into its new,
   *   empty folder, and returns the arguments that make it listen on this port of 127.0.0.1 in the foreground
   */
  constructor(command, argumentsFor) {
    this.command = command;
    this.argumentsFor = argumentsFor;
    this.folder = mkdtempSync(join(tmpdir(), `wayleave-${command}-`));
    this.output = '';
  }

  /** Starts it and waits until it accepts connections. Rejects with its output when it exits first. */
  async start() {
    for (let tried = 1; ; tried += 1) {
      this.port = await freePort();
      if (await this.#listens()) break;
      if (tried === PORTS_TRIED_MAX) throw new Error(`${this.command} does not run:\n${this.output}`);
    }
    this.origin = `http://127.0.0.1:${this.port}`;
    console.log(`started ${this.command} ${this.#process.pid} on ${this.port}`);
    return this;
  }

  async #listens() {
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    const stdio = ['ignore', 'pipe', 'pipe'];
    const child = spawn(this.command, this.argumentsFor(this.folder, this.port), { env, stdio });
    let ended = false;
    this.#process = child;
    running.set(child, this.folder);
    this.#exited = new Promise((resolve) => {
      child.once('error', ({ message }) => {
        this.output += `${message} (deploy/toolchain/install tests brings it)`;
        resolve();
      });
      child.once('exit', resolve);
    }).then(() => (ended = running.delete(child)));
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (this.output += chunk));
    const deadline = Date.now() + START_LIMIT_MS;
    while (!ended && Date.now() < deadline) {
      if (await takesConnections(this.port)) return !ended;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.#kill();
    return false;
  }

  get pid() {
    return this.#process.pid;
  }

  async #kill() {
    this.#process?.kill('SIGKILL');
    await this.#exited;
  }

  /** Ends this one process and removes its folder. */
  async stop() {
    await this.#kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function takesConnections(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
