// What the steps of a request cost in the Worker, crossings included: each is made many times over in one
// request, and the processor time of the process is read. So neither the connection nor the upstream counts.

import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { Client } from '../../tests/workerd/harness/http_client.mjs';

/** In this folder the build leaves the Worker's modules before it joins them. */
const MODULES = join(
  process.env.CARGO_TARGET_DIR ?? join(import.meta.dirname, '..', '..', 'target'),
  'worker-modules',
);
/** How often a step is made in one request. */
export const TIMES = 20_000;

export const STEPS = {
  admitted: {
    read: "reading the request's headers",
    decide: 'the decision: one call into WebAssembly and back',
    split: 'splitting its orders',
    headers: "the upstream request's headers",
    answer: "the answer's headers",
  },
  refused: {
    read: "reading the request's headers",
    decide: 'the decision: one call into WebAssembly and back',
    whole: 'all of it, with the answer',
    bare: 'a bare answer with the same headers',
  },
};

/** The text of the Worker's main module, with the entrypoint `steps`. */
export function measuredWorker() {
  const { outputFiles } = buildSync({
    entryPoints: [join(import.meta.dirname, 'workers', 'steps.js')],
    bundle: true,
    format: 'esm',
    minify: true,
    write: false,
    alias: { built: MODULES },
    external: ['./index_bg.wasm', 'node:*', 'cloudflare:*'],
  });
  return outputFiles[0].text;
}

/**
 * The microseconds that each step takes, by its name; medians of `rounds`.
 * @param {object} options
 * @param {{ ports: object, processorMs: () => number }} options.process with the entrypoint `steps`
 * @param {string} options.path
 * @param {string[][]} options.headers of the request that is decided
 * @param {Record<string, string>} options.steps
 * @param {'forward' | 'reply'} options.kind of the orders that are expected
 */
export async function microseconds({ process, path, headers, steps, kind, rounds }) {
  const client = new Client(() => process.ports.steps);
  const taken = Object.fromEntries(['nothing', ...Object.keys(steps)].map((step) => [step, []]));
  for (let round = -1; round < rounds; round += 1) {
    for (const [step, all] of Object.entries(taken)) {
      const before = process.processorMs();
      const asked = [...headers, ['Bench-Step', step], ['Bench-Times', String(TIMES)]];
      const { status, json, text } = await client.get(path, { headers: asked });
      if (status !== 200 || json.kind !== kind) throw new Error(`${step}: not measured: ${status} ${text}`);
      if (round >= 0) all.push(((process.processorMs() - before) * 1000) / TIMES);
    }
    console.log(`  round ${round + 1} of ${rounds}`);
  }
  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
  const empty = median(taken.nothing);
  return Object.fromEntries(
    Object.keys(steps).map((step) => [step, Math.round((median(taken[step]) - empty) * 10) / 10]),
  );
}
