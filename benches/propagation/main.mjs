// make propagation: measures how long a revocation takes until every location refuses the token.
//
// Without TARGET: in the simulation and in real workerd on this machine, for B = 60, 10 and 5, without push
// and with it, with the cost of a day. It takes about a quarter of an hour, and writes the samples,
// docs/propagation.svg and the figures in docs/propagation.md. ONLY=simulation, workerd, push, cost or page
// runs one of the five and keeps the results of the others.
//
// With TARGET=https://… and ADMIN_KEY: at that deployment, with COUNT (20) new tokens, which are revoked. It
// writes no files.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Random } from '../../tests/workerd/harness/random.mjs';
import { printed } from './cargo.mjs';
import { chart } from './chart.mjs';
import { measureLive } from './live.mjs';
import { withFigures } from './page.mjs';
import { seconds, summary } from './statistics.mjs';

const SAMPLES = 'benches/propagation/samples.json';
const SVG = 'docs/propagation.svg';
const PAGE = 'docs/propagation.md';

/** The deployments run concurrently, each with `count` revocations. */
const MEASURED = [
  { boundSeconds: 60, askEveryMs: 500, gapMs: [4_000, 12_000], count: 40, deployments: 3 },
  { boundSeconds: 10, askEveryMs: 100, gapMs: [300, 900], count: 150, deployments: 1 },
  { boundSeconds: 5, askEveryMs: 100, gapMs: [200, 700], count: 200, deployments: 1 },
];
/** With push, where every location is 5 to 150 ms away. */
const PUSHED = [60, 10, 5].map((boundSeconds) => ({
  boundSeconds,
  askEveryMs: 20,
  gapMs: [1_000, 2_000],
  count: 40,
  deployments: 1,
  pushSeconds: 20,
}));
const PROGRESS_EVERY_MS = 5_000;

await (process.env.TARGET ? live() : local()).catch((error) => {
  console.error(`wayleave: ${error.message}`);
  process.exitCode = 1;
});

async function live() {
  const { TARGET: target, ADMIN_KEY: adminKey, COUNT = '20' } = process.env;
  if (!adminKey) throw new Error("ADMIN_KEY is not set: an operator's key of that deployment");
  const count = Number(COUNT);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'])
    process.once(name, () => stop.abort(new Error(`${name}: every token made is revoked`)));
  const { boundSeconds, samples, reported } = await withProgress(
    `${target}: revocations`,
    count,
    (progress) =>
      measureLive({ target: target.replace(/\/+$/, ''), adminKey, count, progress, signal: stop.signal }),
  );
  console.log(`B = ${boundSeconds} s, seen from here (one location): ${told(summary(samples))}`);
  if (reported?.samples > 0) console.log(`reported by all its locations: ${told(reported)}`);
}

async function local() {
  const steps = { simulation, workerd, push, cost };
  const { ONLY: only } = process.env;
  const figures = existsSync(SAMPLES) ? JSON.parse(readFileSync(SAMPLES, 'utf8')) : { runs: [], costs: [] };
  for (const [name, step] of Object.entries(steps)) {
    if (only && only !== name) continue;
    await step(figures);
    writeFileSync(SAMPLES, `${JSON.stringify(figures)}\n`);
  }
  for (const { bound, source, samples_ms } of figures.runs)
    console.log(`B = ${bound} s, ${source}: ${told(summary(samples_ms))}`);
  writeFileSync(SVG, chart(figures.runs));
  writeFileSync(PAGE, withFigures(readFileSync(PAGE, 'utf8'), figures));
  console.log(`wrote ${SVG} and the figures in ${PAGE}`);
}

async function simulation(figures) {
  console.log('simulation');
  const byBound = Map.groupBy(
    await printed('PROPAGATION', 'simulation', 'propagation', ['--release']),
    ({ bound }) => bound,
  );
  const runs = [...byBound].map(([bound, lines]) => ({
    bound,
    source: 'simulation, no push',
    samples_ms: lines.flatMap(({ samples_ms }) => samples_ms),
  }));
  replaceRuns(figures, 'simulation, no push', runs);
}

function workerd(figures) {
  return inWorkerd(figures, 'workerd, no push', MEASURED);
}

function push(figures) {
  return inWorkerd(figures, 'workerd', PUSHED);
}

async function inWorkerd(figures, source, measured) {
  // Imported only here: the harness ends its processes at once on Ctrl-C, but a live measurement must revoke
  // tokens first.
  const { measure } = await import('./workerd.mjs');
  const random = Random.ofRun();
  console.log(`${source} (seed ${random.seed})`);
  const runs = [];
  for (const { boundSeconds, count, deployments, ...how } of measured) {
    const samples_ms = await withProgress(
      `B = ${boundSeconds} s: revocations`,
      count * deployments,
      async (progress) => {
        const each = Array.from({ length: deployments }, () =>
          measure({ boundSeconds, count, ...how, random: random.fork(), progress }),
        );
        return (await Promise.all(each)).flat();
      },
    );
    runs.push({ bound: boundSeconds, source, samples_ms });
  }
  replaceRuns(figures, source, runs);
}

async function cost(figures) {
  console.log('cost');
  figures.costs = await printed('COST', 'cost', 'cost');
}

function replaceRuns(figures, source, runs) {
  figures.runs = [...figures.runs.filter((run) => run.source !== source), ...runs];
}

async function withProgress(what, total, work) {
  const begun = Date.now();
  let done = 0;
  const tell = () =>
    console.log(`  ${what}: ${done} of ${total}, ${((Date.now() - begun) / 1_000).toFixed(0)} s`);
  const telling = setInterval(tell, PROGRESS_EVERY_MS);
  try {
    return await work((more) => (done += more));
  } finally {
    clearInterval(telling);
    tell();
  }
}

function told({ samples, p50_ms, p99_ms, max_ms }) {
  return `p50 ${seconds(p50_ms)} s, p99 ${seconds(p99_ms)} s, max ${seconds(max_ms)} s, ${samples} samples`;
}
