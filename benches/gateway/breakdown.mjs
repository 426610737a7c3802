// Where a request's processor time goes: workerd's own sampling profiler, read through its inspector, while
// wrk loads the gateway. Profiling makes everything slower, so only the shares mean something.

import { WebSocket } from 'ws';

/** Samples every so many microseconds. */
const SAMPLED_EVERY_US = 100;

/**
 * @param {number} port of the inspector
 * @param {string} service whose isolate is profiled
 * @param {() => Promise<unknown>} work what runs meanwhile
 * @returns {Promise<Array<{ what: string, share: number }>>} the largest shares first
 */
export async function breakdown(port, service, work) {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const { webSocketDebuggerUrl } = targets.find(({ title }) => title.endsWith(` ${service}`));
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((open) => socket.on('open', open));
  const answers = new Map();
  socket.on('message', (text) => {
    const { id, result } = JSON.parse(text);
    answers.get(id)?.(result);
  });
  let last = 0;
  const call = (method, params = {}) =>
    new Promise((resolve) => {
      last += 1;
      answers.set(last, resolve);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  await call('Profiler.enable');
  await call('Profiler.setSamplingInterval', { interval: SAMPLED_EVERY_US });
  await call('Profiler.start');
  await work();
  const { profile } = await call('Profiler.stop');
  socket.close();
  return shares(profile);
}

function shares({ nodes, samples, timeDeltas }) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map();
  samples.forEach((id, at) => {
    const what = named(frames.get(id));
    times.set(what, (times.get(what) ?? 0) + timeDeltas[at]);
  });
  times.delete('idle');
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times].map(([what, time]) => ({ what, share: time / total })).sort((a, b) => b.share - a.share);
}

/** The functions of WebAssembly count as one; what has neither name nor file is of the platform. */
function named({ functionName, url }) {
  if (functionName.startsWith('wasm-function') || url.startsWith('wasm:')) return 'WebAssembly';
  if (/^js-to-wasm|^wasm-to-js/.test(functionName)) return 'calls between JavaScript and WebAssembly';
  if (functionName === '(idle)') return 'idle';
  if (functionName.startsWith('(')) return functionName.slice(1, -1);
  if (url === '') return functionName === '' ? 'platform, unnamed' : `platform: ${functionName}`;
  return 'JavaScript of the Worker';
}
