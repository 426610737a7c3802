// Test helper: runs Debian's nginx and Caddy with this folder's files. Only the ports, the certificate and
// the log folder differ.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { freePorts } from './one_machine.mjs';

export const API_HOST = 'api.shop.example';
export const ADMIN_HOST = 'admin.shop.example';

/** Running processes. When the test file itself is ended, it ends them too. */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM'); // on SIGTERM nginx ends its workers too
});

class Server {
  #child;
  #output = '';

  /** @param {{8787: number, 8788: number}} ports of the edge and the control address */
  constructor(ports) {
    this.ports = ports;
  }

  async start() {
    this.folder = await mkdtemp(join(tmpdir(), 'wayleave-proxy-'));
    await chmod(this.folder, 0o755); // nginx's workers run as another user
    [this.port] = await freePorts(1);
    const command = await this.prepare();
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, HOME: this.folder };
    this.#child = spawn(command[0], command.slice(1), {
      cwd: this.folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.on(
      'error',
      (error) => (this.#output += `${error}: is it installed? deploy/toolchain/install tests`),
    );
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.on('data', (piece) => (this.#output += piece));
    for (const deadline = Date.now() + 20_000; !(await this.#answers()); await sleep(50)) {
      assert.ok(this.#child.exitCode === null && this.#child.pid, this.#output);
      assert.ok(Date.now() < deadline, `not ready in time: ${this.#output}`);
    }
    this.ca = await readFile(this.certificate);
  }

  /** Ends the proxy and removes its folder. */
  async stop() {
    await this.end();
    await rm(this.folder, { recursive: true, force: true });
  }

  async end() {
    if (this.#child?.exitCode === null && this.#child.pid) {
      const exit = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await exit;
    }
  }

  /** The contents of its logs, and its own output. */
  async logs() {
    const names = (await readdir(this.folder)).filter((name) => name.endsWith('.log'));
    const texts = await Promise.all(names.map((name) => readFile(join(this.folder, name), 'utf8')));
    return [...texts, this.#output].join('\n');
  }

  /** A file of this folder with `changes` applied; each change is [text in the file, replacement]. */
  async printed(file, changes) {
    const text = await readFile(new URL(file, import.meta.url), 'utf8');
    return changes.reduce((changed, [printed, here]) => {
      assert.ok(changed.includes(printed), `${file} does not say ${printed}`);
      return changed.replaceAll(printed, here);
    }, text);
  }

  #answers() {
    return new Promise((resolve) => {
      const options = { host: '127.0.0.1', port: this.port, servername: API_HOST, rejectUnauthorized: false };
      const socket = connect(options, () => resolve(socket.destroy() && true));
      socket.on('error', () => resolve(false));
    });
  }
}

export class Nginx extends Server {
  async prepare() {
    this.certificate = join(this.folder, 'wayleave.pem');
    const key = join(this.folder, 'wayleave.key');
    const names = `subjectAltName=DNS:${API_HOST},DNS:${ADMIN_HOST}`;
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const files = ['-keyout', key, '-out', this.certificate];
    execFileSync('openssl', ['req', '-x509', ...kind, ...files, '-subj', '/CN=wayleave', '-addext', names], {
      stdio: 'pipe',
    });

    const site = await this.printed('nginx.conf', [
      ['listen 443 ', `listen 127.0.0.1:${this.port} `],
      ['/etc/ssl/wayleave.pem', this.certificate],
      ['/etc/ssl/wayleave.key', key],
      ['/var/log/nginx/', `${this.folder}/`],
      ...[8787, 8788].map((printed) => [`127.0.0.1:${printed}`, `127.0.0.1:${this.ports[printed]}`]),
    ]);
    await writeFile(join(this.folder, 'site.conf'), site);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (of) => `${of}_temp_path ${this.folder}/${of};`,
    );
    const main = [
      `pid ${this.folder}/nginx.pid;`,
      `error_log ${this.folder}/main.log warn;`,
      'worker_processes 1;',
      'events {}',
      `http { access_log off; ${temporary.join(' ')} include ${this.folder}/site.conf; }`,
    ];
    await writeFile(join(this.folder, 'main.conf'), main.join('\n'));
    return [
      'nginx',
      '-p',
      this.folder,
      '-e',
      `${this.folder}/main.log`,
      '-c',
      `${this.folder}/main.conf`,
      '-g',
      'daemon off;',
    ];
  }
}

export class Caddy extends Server {
  async prepare() {
    this.certificate = join(this.folder, 'storage/pki/authorities/local/root.crt');
    // Certificates of a local authority, in place of those that Caddy would obtain.
    const here = [
      'admin off',
      'local_certs',
      'skip_install_trust',
      `https_port ${this.port}`,
      'auto_https disable_redirects',
      'default_bind 127.0.0.1',
      `storage file_system ${this.folder}/storage`,
    ];
    const text = await this.printed('Caddyfile', [
      ['\n{\n', `\n{\n\t${here.join('\n\t')}\n`],
      ['/var/log/caddy/', `${this.folder}/`],
      ...[8787, 8788].map((printed) => [`127.0.0.1:${printed}`, `127.0.0.1:${this.ports[printed]}`]),
    ]);
    await writeFile(join(this.folder, 'Caddyfile'), text);
    return ['caddy', 'run', '--config', `${this.folder}/Caddyfile`, '--adapter', 'caddyfile'];
  }
}
