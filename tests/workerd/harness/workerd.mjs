// One real workerd process, started from a generated config in a temp folder of its own.
//
// The config names every socket 127.0.0.1:0 and workerd reports the ports it got on a control descriptor, so two test
// files never fight for one. Durable Object storage outlives kill() and start(): that is what the durability tests are about.

import { spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, writeFileSync, rmSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import workerdPackage from 'workerd';

const START_LIMIT_MS = 20_000;

/** Processes that run, with their folders; a test file that is itself ended takes its own with it. */
const running = new Map();
process.on('exit', () => {
  for (const [child, folder] of running) {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

export class Workerd {
  #process = null;
  #exited = Promise.resolve();

  /** @param {(folder: string) => string} configFor text of the capnp config, given the folder it will lie in */
  constructor(configFor, sockets) {
    this.folder = mkdtempSync(join(tmpdir(), 'wayleave-workerd-'));
    mkdirSync(join(this.folder, 'storage'));
    this.sockets = sockets;
    this.ports = {};
    this.output = '';
    this.configFor = configFor;
  }

  /**
   * Starts the process and waits until every socket listens. Rejects with workerd's own output when it ends first.
   * @param {Record<string, number>} ports of sockets that somebody still expects where they were
   */
  async start(ports = {}) {
    const config = join(this.folder, 'config.capnp');
    writeFileSync(config, this.configFor(this.folder));
    const addresses = Object.entries(ports).map(([name, port]) => `--socket-addr=${name}=127.0.0.1:${port}`);
    const child = spawn(workerdPackage.default, ['serve', config, '--control-fd=3', ...addresses], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    this.#process = child;
    running.set(child, this.folder);
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve(running.delete(child))));
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (this.output += chunk));
    await this.#portsReported(child);
    console.log(`started workerd ${child.pid} on ${JSON.stringify(this.ports)}`);
  }

  async #portsReported(child) {
    const missing = new Set(this.sockets);
    let text = '';
    let timer;
    const reported = new Promise((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`workerd did not start in time:\n${this.output}`)),
        START_LIMIT_MS,
      );
      this.#exited.then(() => reject(new Error(`workerd ended before it listened:\n${this.output}`)));
      child.stdio[3].on('data', (chunk) => {
        text += chunk;
        const lines = text.split('\n');
        text = lines.pop();
        for (const line of lines.filter(Boolean)) {
          const message = JSON.parse(line);
          if (message.event !== 'listen') continue;
          this.ports[message.socket] = message.port;
          missing.delete(message.socket);
        }
        if (missing.size === 0) resolve();
      });
    });
    await reported.finally(() => clearTimeout(timer));
  }

  get pid() {
    return this.#process.pid;
  }

  /** Resident memory of the process in bytes. */
  residentBytes() {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    return Number(kibibytes) * 1024;
  }

  /** SIGKILL: nothing in the process gets to run again. */
  async kill() {
    this.#process?.kill('SIGKILL');
    await this.#exited;
  }

  /** Ends the process and removes its folder. */
  async stop() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
