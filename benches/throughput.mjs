// Requests per second through the gateway, as a ratio to a plain JavaScript Worker that only forwards, in one
// workerd process. Machines are noisy, so the two alternate, and the result is the median of the pairs'
// ratios.
//
// make bench   (ROUNDS=9 SECONDS=3 CONNECTIONS=32 by default)

import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { SITE } from '../tests/workerd/harness/admin_api.mjs';
import { inlineModule, workerService } from '../tests/workerd/harness/capnp.mjs';
import { Gateway } from '../tests/workerd/harness/gateway.mjs';

const rounds = Number(process.env.ROUNDS ?? 9);
const seconds = Number(process.env.SECONDS ?? 3);
const connections = Number(process.env.CONNECTIONS ?? 32);

const upstream = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
await once(upstream, 'listening');
const upstreamOrigin = `http://127.0.0.1:${upstream.address().port}`;

/** A minimal proxy Worker, for comparison. */
const FORWARDER = `export default { fetch(request) {
  const url = new URL(request.url);
  return fetch(new Request(${JSON.stringify(upstreamOrigin)} + url.pathname + url.search, request));
} };`;

const forwarder = ({ compatibilityDate }) =>
  workerService({
    name: 'forwarder',
    modules: [inlineModule('forwarder.js', FORWARDER)],
    bindings: [],
    compatibilityDate,
  });
const gateway = new Gateway({ variables: () => ({ UPSTREAM: upstreamOrigin }), beside: { forwarder } });
await gateway.start();
const { token } = await gateway.admin.createToken();
const headers = { Origin: SITE, Authorization: `Bearer ${token}` };
const ports = gateway.workerd.ports;

const ratios = [];
for (let round = 0; round <= rounds; round += 1) {
  const bare = await perSecond(ports.forwarder);
  const guarded = await perSecond(ports.gateway);
  if (round === 0) continue; // the first round warms up both
  ratios.push(guarded / bare);
  console.log(
    `round ${round} of ${rounds}: forwarder ${bare.toFixed(0)}/s, ` +
      `gateway ${guarded.toFixed(0)}/s, ratio ${(guarded / bare).toFixed(2)}`,
  );
}
ratios.sort((a, b) => a - b);
console.log(
  `ratio gateway / bare forwarder: median ${ratios[ratios.length >> 1].toFixed(2)}, ` +
    `min ${ratios[0].toFixed(2)}, max ${ratios.at(-1).toFixed(2)}`,
);
await gateway.stop();
upstream.closeAllConnections();
upstream.close();

/**
 * Responses per second with `connections` concurrent callers, each of which sends its next request after a
 * response.
 */
async function perSecond(port) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const until = performance.now() + seconds * 1000;
  let answered = 0;
  const caller = async () => {
    while (performance.now() < until) {
      const status = await ask(port, agent);
      if (status !== 200) throw new Error(`port ${port} answered ${status}: the ratio would compare nothing`);
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, caller));
  agent.destroy();
  return answered / seconds;
}

function ask(port, agent) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/tile?z=1', headers, agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    asked.on('error', reject).end();
  });
}
