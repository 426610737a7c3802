// One real workerd process, started with a generated config in its own temporary folder.
//
// The config binds every socket to 127.0.0.1:0, and workerd reports the assigned ports on a control
// descriptor. So test files never compete for a port. Durable Object storage outlives kill() and start(),
// which the durability tests need.

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import workerdPackage from 'workerd';
import { running } from './running.mjs';

/** A configuration of sixty isolates takes half of it on a busy machine of two cores. */
const START_LIMIT_MS = 60_000;
/** A config with the modules of many isolates. */
const COMPILED_MAX_BYTES = 1 << 30;

export class Workerd {
  #process = null;
  #exited = Promise.resolve();
  #compiled;

  /**
   * @param {(folder: string) => string} configFor returns the text of the capnp config in `folder`
   * @param {string[]} sockets names of the config's sockets
   * @param {string[]} [options] further options of workerd
   */
  constructor(configFor, sockets, options = []) {
    this.folder = mkdtempSync(join(tmpdir(), 'wayleave-workerd-'));
    mkdirSync(join(this.folder, 'storage'));
    this.sockets = sockets;
    this.options = options;
    this.ports = {};
    this.output = '';
    this.configFor = configFor;
  }

  /**
   * Starts the process and waits until every socket listens. Rejects with workerd's output when it exits
   * first.
   * @param {Record<string, number>} ports of sockets that must keep their port
   */
  async start(ports = {}) {
    const config = this.#compiled ?? this.#written();
    const addresses = Object.entries(ports).map(([name, port]) => `--socket-addr=${name}=127.0.0.1:${port}`);
    const child = spawn(
      workerdPackage.default,
      ['serve', ...config, '--control-fd=3', ...this.options, ...addresses],
      {
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      },
    );
    this.#process = child;
    running.set(child, this.folder);
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve(running.delete(child))));
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (this.output += chunk));
    await this.#portsReported(child);
    console.log(`started workerd ${child.pid} on ${JSON.stringify(this.ports)}`);
  }

  /**
   * Makes later starts read the config as it is now in its compiled form, with all modules: workerd takes 45
   * ms to read a module of 5 MB that a text embeds. For measurements of the start.
   */
  compile() {
    const compiled = join(this.folder, 'config.bin');
    const options = ['compile', '--config-only', ...this.#written()];
    writeFileSync(compiled, execFileSync(workerdPackage.default, options, { maxBuffer: COMPILED_MAX_BYTES }));
    this.#compiled = ['--binary', compiled];
  }

  /** The path of the config, which is written. */
  #written() {
    const config = join(this.folder, 'config.capnp');
    writeFileSync(config, this.configFor(this.folder));
    return [config];
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

  /** Processor time that the process has used, in milliseconds. Linux counts it in hundredths of a second. */
  processorMs() {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user, system] = [Number(fields[11]), Number(fields[12])];
    return (user + system) * 10;
  }

  /** SIGKILL: no code of the process runs after it. */
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
