// How deploy/workerd/start ends: within 10 s after a signal, whatever is open; together with workerd, however
// that ends; and with which exit status.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { OneMachine, SITE } from './one_machine.mjs';

const STOP_MAX_MS = 10_000;

const machine = new OneMachine();
before(() => machine.prepare());
after(() => machine.remove());

/** The process id of workerd, the only child of the start script. */
const workerdOf = ({ pid }) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
const runs = (pid) => {
  try {
    // A zombie process has ended, but still has an entry in /proc.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** The command lines of all running processes. */
const commandLines = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return ''; // it has just ended
      }
    });

async function eventually(what, isTrue) {
  for (const deadline = Date.now() + 10_000; !(await isTrue()); await sleep(20))
    assert.ok(Date.now() < deadline, `never: ${what}`);
}

/** Resolves when a connection was closed, was cut off or failed. */
const ended = (emitter) => new Promise((resolve) => emitter.on('error', () => {}).once('close', resolve));

/** Asserts that nothing listens at either address. */
async function nobodyListens() {
  for (const port of [machine.ports[8787], machine.ports[8788]]) {
    const socket = createConnection(port, '127.0.0.1').on('error', () => {});
    await eventually(`${port} is closed`, () => socket.closed || socket.readyState === 'open');
    const wasOpen = !socket.closed;
    socket.destroy();
    assert.ok(!wasOpen, `${port} is still served`);
  }
}

describe('a signal to stop', () => {
  beforeEach(() => machine.start());

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    it(`${signal} ends the start and workerd`, async () => {
      const workerd = workerdOf(machine.server);
      assert.ok(runs(workerd));
      assert.equal(await machine.end(signal), 0);
      assert.ok(!runs(workerd));
      await nobodyListens();
    });
  }

  it('takes 10 s at most while streams, WebSockets and unanswered requests are open', async (t) => {
    const sockets = new WebSocketServer({ server: machine.upstream });
    t.after(() => sockets.close());
    let isAsked;
    const unanswered = new Promise((resolve) => (isAsked = resolve));
    machine.respond = (request, response) => {
      if (request.url === '/never') return isAsked();
      const timer = setInterval(() => response.write('data: x\n\n'), 50);
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .on('close', () => clearInterval(timer));
    };
    const { token } = await machine.newToken('open');
    const headers = { 'x-api-key': token, origin: SITE };
    const at = (path) => `127.0.0.1:${machine.ports[8787]}${path}`;

    const [stream] = await once(get(`http://${at('/stream')}`, { headers, agent: false }), 'response');
    const streamed = { bytes: 0, cut: ended(stream) };
    stream.on('data', (chunk) => (streamed.bytes += chunk.length));
    const socket = new WebSocket(`ws://${at('/socket')}`, { headers });
    await once(socket, 'open');
    const waiting = get(`http://${at('/never')}`, { headers, agent: false });
    const others = [ended(socket), ended(waiting)];
    await unanswered;

    const workerd = workerdOf(machine.server);
    const began = performance.now();
    const ending = machine.end('SIGTERM');
    // Open connections get time to finish: the stream continues after the signal.
    const { bytes } = streamed;
    await eventually('more of the stream', () => streamed.bytes > bytes + 100);
    assert.equal(await ending, 0);
    const took = performance.now() - began;
    assert.ok(took < STOP_MAX_MS, `${took} ms`);
    assert.ok(!runs(workerd));
    await Promise.all([streamed.cut, ...others]);
    await nobodyListens();
  });

  it('while it is still starting, starts nothing', async () => {
    await machine.end('SIGTERM');
    const starting = machine.startRefused({});
    const [child] = machine.refused.slice(-1);
    // Wait until its check of settings and storage runs.
    await eventually('the look before', () =>
      commandLines().some((line) => line.includes('readiness') && line.includes(machine.data)),
    );
    child.kill('SIGTERM');
    const { code, output } = await starting;
    assert.equal(code, 0, output);
    await nobodyListens();
  });
});

describe('an end of another kind', () => {
  beforeEach(() => machine.start());

  it('kill -9 of the start takes workerd with it', async () => {
    const workerd = workerdOf(machine.server);
    assert.equal(await machine.end('SIGKILL'), 'SIGKILL');
    await eventually('workerd has ended', () => !runs(workerd));
    await eventually('nobody listens', () =>
      nobodyListens().then(
        () => true,
        () => false,
      ),
    );
  });

  it('the end of workerd is the end of the start, which passes its status on and says so', async () => {
    const ended = once(machine.server, 'exit');
    process.kill(workerdOf(machine.server), 'SIGKILL');
    assert.deepEqual(await ended, [128 + 9, null]);
    assert.match(machine.output(), /^wayleave: workerd ended unexpectedly, with the status 137$/m);
  });

  it('a start beside a killed one waits until that one has let go of the folder', async () => {
    machine.server.kill('SIGKILL');
    await machine.start();
    assert.ok(existsSync(join(machine.data, 'lock')));
    assert.equal(await machine.end('SIGTERM'), 0);
  });
});
