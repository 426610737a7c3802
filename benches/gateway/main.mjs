// What a request costs: Wayleave beside a bare forwarder, a twin in JavaScript that checks nothing, and what
// people use instead. Prints tables, and writes figures and a chart into docs/performance/.
//
//   make bench                      (ROUNDS=7 SECONDS=2; ONLY=warm,refusals,cold,latency,streams,start,
//                                    steps,where)
//   ONLY=memory MINUTES=10 make bench     not part of the others
//   BEFORE=<another clone>/build ONLY=change make bench   that build beside this one, and nothing else

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { SITE } from '../../tests/workerd/harness/admin_api.mjs';
import { DEPLOYMENT, eventually, Gateway, SIGNING_SECRETS } from '../../tests/workerd/harness/gateway.mjs';
import { mintToken, withFlippedBit } from '../../tests/workerd/harness/tokens.mjs';
import { breakdown } from './breakdown.mjs';
import { chart } from './chart.mjs';
import { BROWSER_HEADERS, contender, RivalKv, signedToken, upstream } from './contenders.mjs';
import { load } from './load.mjs';
import { memory } from './memory.mjs';
import { measuredWorker, microseconds, STEPS, TIMES } from './steps.mjs';
import { streamingUpstream, streams } from './streams.mjs';

const rounds = Number(process.env.ROUNDS ?? 7);
const seconds = Number(process.env.SECONDS ?? 2);
const only = process.env.ONLY?.split(',');
const FOLDER = join(import.meta.dirname, '..', '..', 'docs', 'performance');
const DISTINCT_TOKENS = 10_000;
/** Of them, those with which a fresh process gets warm: what is measured is the read, not the compiler. */
const WARM_UP_TOKENS = 3_000;
const WARM_UP_SECONDS = 2;
const OPAQUE = 'opaque-0123456789abcdef0123456789abcdef';
const INSPECTOR_PORT = 19_229;
const SHARES_SHOWN = 14;
const PATH = '/v1/tiles/7/65/42.json?style=light';

const streaming = await streamingUpstream();
const nginx = await upstream(streaming.port).start();
const kv = new RivalKv();
await kv.start();
kv.hold([OPAQUE]);
const gateway = new Gateway({ variables: () => ({ UPSTREAM: nginx.origin }) });
await gateway.start();
const started = { ours: gateway.workerd };
const earlier =
  process.env.BEFORE && new Gateway({ build: process.env.BEFORE, variables: gateway.variables });
if (earlier) {
  await earlier.start();
  started.earlier = earlier.workerd;
}
for (const name of ['forwarder', 'twin', 'answerer', 'opaque', 'hono_jose', 'tsndr']) {
  started[name] = contender(name, nginx.origin, kv);
  await started[name].start();
}
const figures = { machine: machine(), rounds, seconds };
try {
  const held = () => streams({ started, gateway, urlOf, seconds, bare: OPAQUE });
  const parts = { warm, refusals, cold, latency, streams: held, start, steps, where };
  if (earlier) parts.change = change;
  for (const [name, part] of Object.entries(parts)) {
    if (only === undefined || only.includes(name)) figures[name] = await part();
  }
  if (only?.includes('memory')) await memory({ process: gateway.workerd, gateway, url: urlOf('ours') });
  if (only === undefined) {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(join(FOLDER, 'figures.json'), `${JSON.stringify(figures, null, 2)}\n`);
    writeFileSync(join(FOLDER, 'cost.svg'), chart(figures.warm, figures.machine));
  }
} finally {
  await gateway.stop();
  await earlier?.stop();
  for (const [name, process] of Object.entries(started))
    if (name !== 'ours' && name !== 'earlier') await process.stop();
  await nginx.stop();
  streaming.stop();
  await kv.stop();
}

/** A valid request, again and again. */
async function warm() {
  const { token } = await gateway.admin.createToken();
  const jwt = await signedToken();
  return compared('admitted, everything in memory', 'forwarder', [
    { ...admitted('forwarder', OPAQUE), label: 'bare forwarder' },
    { ...admitted('twin', OPAQUE), label: 'JavaScript twin, no checks' },
    { ...admitted('ours', token), label: 'Wayleave' },
    { ...admitted('opaque', OPAQUE), label: 'opaque token in KV' },
    { ...admitted('hono_jose', jwt), label: 'Hono + jose + KV deny list' },
    { ...admitted('tsndr', jwt), label: '@tsndr/cloudflare-worker-jwt + KV deny list' },
  ]);
}

/** The build of BEFORE and this one, in turn. */
async function change() {
  const [before, now] = await Promise.all([earlier, gateway].map(({ admin }) => admin.createToken()));
  return compared('admitted, everything in memory', 'earlier', [
    { ...admitted('earlier', before.token), label: 'Wayleave, build of BEFORE' },
    { ...admitted('ours', now.token), label: 'Wayleave' },
  ]);
}

function admitted(name, bearer) {
  return { name, headers: [`Authorization: Bearer ${bearer}`], status: 200 };
}

/** Requests that are refused. */
async function refusals() {
  const { token } = await gateway.admin.createToken();
  const revoked = await gateway.admin.createToken();
  const own = { secret: SIGNING_SECRETS[1], deployment: DEPLOYMENT };
  const expired = mintToken({ ...own, serial: 1, expiresAt: 1_700_000_000 });
  await gateway.admin.revoke(revoked.id);
  await eventually('the revoked token is refused', async () => (await ask(revoked.token)) === 401);
  const refused = (label, bearer, more = {}) => ({
    name: 'ours',
    label,
    headers: [`Authorization: Bearer ${bearer}`],
    status: 401,
    ...more,
  });
  const elsewhere = BROWSER_HEADERS.map((header) => header.replace(SITE, 'https://elsewhere.example'));
  return compared('refused', 'answerer', [
    { name: 'answerer', label: 'bare answer 401', headers: [], status: 401 },
    refused('garbage', 'wlp_garbage'),
    refused('wrong tag', withFlippedBit(token, 200)),
    refused('expired', expired),
    refused('revoked', revoked.token),
    refused('wrong origin', token, { status: 403, browser: elsewhere }),
  ]);
}

/** Each request shows a token of which memory has no record, in an isolate that is warm. */
async function cold() {
  const tokens = [];
  console.log(`\nmaking ${DISTINCT_TOKENS} tokens …`);
  while (tokens.length < DISTINCT_TOKENS) {
    const made = await Promise.all(Array.from({ length: 16 }, () => gateway.admin.createToken()));
    tokens.push(...made.map(({ token }) => token));
    if (tokens.length % 1_000 === 0) console.log(`  ${tokens.length}`);
  }
  await eventually(
    'KV has all records',
    async () => (await gateway.admin.status()).outbox.pending === 0,
    120_000,
  );
  kv.hold(tokens);
  const authorizations = tokens.map((token) => `Bearer ${token}`);
  const again = { headers: [], authorizations, status: 200 };
  const result = await compared(
    'admitted, a read from KV for each request',
    'opaque',
    [
      { ...again, name: 'opaque', label: 'opaque token in KV' },
      {
        ...again,
        name: 'ours',
        label: 'Wayleave, record not in memory',
        authorizations: authorizations.slice(WARM_UP_TOKENS),
        before: () => anew(authorizations.slice(0, WARM_UP_TOKENS)),
      },
    ],
    1,
  );
  const many = await compared(`admitted, ${DISTINCT_TOKENS} tokens in turn`, 'forwarder', [
    { name: 'forwarder', label: 'bare forwarder', headers: [], authorizations, status: 200 },
    { ...again, name: 'ours', label: 'Wayleave' },
  ]);
  return { ...result, many };
}

/** The time of a request at shares of what each can serve. */
async function latency() {
  const { token } = await gateway.admin.createToken();
  const table = [];
  for (const [name, bearer] of [
    ['forwarder', OPAQUE],
    ['ours', token],
  ]) {
    const request = { process: started[name], url: urlOf(name), status: 200 };
    const headers = [...BROWSER_HEADERS, `Authorization: Bearer ${bearer}`];
    await load({ ...request, headers, seconds: 2 });
    const most = (await load({ ...request, headers, seconds })).perSecond;
    for (const share of [0.1, 0.5, 0.9]) {
      const connections = 32;
      const thinkMs = Math.round((connections / (most * share)) * 1000);
      const { latencyMs, perSecond } = await load({
        ...request,
        headers,
        seconds: seconds * 2,
        connections,
        thinkMs,
      });
      table.push({ name, share, per_second: round(perSecond), ...latencyMs });
      const { p50, p99, p999 } = latencyMs;
      console.log(
        `  ${name} at ${share * 100} %: ${round(perSecond)}/s, p50 ${p50} p99 ${p99} p99.9 ${p999} ms`,
      );
    }
  }
  return table;
}

/** From the start of a process to its first answer, with a config that was compiled before. */
async function start() {
  const { token } = await gateway.admin.createToken();
  for (const process of [started.forwarder, gateway.workerd]) process.compile();
  const stages = { bare: [], ours: [] };
  for (let at = 0; at < rounds; at += 1) {
    stages.bare.push(await firstAnswers(started.forwarder, 'forwarder', OPAQUE));
    stages.ours.push(await firstAnswers(gateway.workerd, 'ours', token));
  }
  const figures = {};
  for (const [name, all] of Object.entries(stages)) {
    figures[name] = {};
    for (const stage of Object.keys(all[0])) {
      figures[name][stage] = round(median(all.map((times) => times[stage])));
    }
  }
  console.log('\nfrom process start, ms:');
  for (const [name, times] of Object.entries(figures))
    console.log(`  ${name.padEnd(6)} ${JSON.stringify(times)}`);
  return figures;
}

/** What each step of a request costs within the Worker, the calls into WebAssembly and back included. */
async function steps() {
  const measured = new Gateway({
    main: measuredWorker(),
    entrypoints: ['steps'],
    variables: gateway.variables,
  });
  await measured.start();
  try {
    const { token } = await measured.admin.createToken();
    const headersOf = (bearer) =>
      [...BROWSER_HEADERS, `Authorization: Bearer ${bearer}`].map((header) => header.split(': '));
    const served = async () =>
      (await measured.client.get(PATH, { headers: headersOf(token) })).status === 200;
    await eventually('the gateway serves', served);
    const shown = { process: measured.workerd, path: PATH, rounds };
    const figures = {};
    for (const [label, bearer, kind] of [
      ['admitted', token, 'forward'],
      ['refused', 'wlp_garbage', 'reply'],
    ]) {
      console.log(`\n${label}: the steps within the Worker, each ${TIMES} times in a request`);
      figures[label] = await microseconds({
        ...shown,
        headers: headersOf(bearer),
        steps: STEPS[label],
        kind,
      });
      for (const [step, us] of Object.entries(figures[label])) {
        console.log(`  ${STEPS[label][step].padEnd(50)} ${us.toFixed(1).padStart(6)} µs`);
      }
    }
    return figures;
  } finally {
    await measured.stop();
  }
}

/** Where the processor time of an admitted request goes. */
async function where() {
  gateway.workerd.options = [`--inspector-addr=127.0.0.1:${INSPECTOR_PORT}`];
  await gateway.restart();
  const { token } = await gateway.admin.createToken();
  const headers = [...BROWSER_HEADERS, `Authorization: Bearer ${token}`];
  const work = () => load({ process: gateway.workerd, url: urlOf('ours'), seconds, headers, status: 200 });
  await work();
  const shares = await breakdown(INSPECTOR_PORT, 'gateway', work);
  const shown = shares
    .slice(0, SHARES_SHOWN)
    .map(({ what, share }) => ({ what, percent: round(share * 100) }));
  for (const { what, percent } of shown) console.log(`  ${String(percent).padStart(3)} %  ${what}`);
  return shown;
}

/**
 * Milliseconds from the start of a process until it listens, has given an answer that is not the API's, and
 * has given one that is. Wayleave's needs the list, the token's record and so the registry, which starts too.
 */
async function firstAnswers(process, name, bearer) {
  await process.kill();
  const began = performance.now();
  const since = () => performance.now() - began;
  await process.start();
  const listening = since();
  await ask('garbage', name);
  const answered = since();
  const status = await ask(bearer, name);
  if (status !== 200) throw new Error(`the first answer was ${status}`);
  return { listening, answered, admitted: since() };
}

/**
 * Loads the contenders in turn, `rounds` times, and shows medians. Those of the first are the measure.
 * `warmUps`: rounds that are not counted.
 */
async function compared(title, measure, contenders, warmUps = 1) {
  console.log(`\n${title}: ${rounds} rounds of ${seconds} s each`);
  const runs = new Map(contenders.map(({ label }) => [label, []]));
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const {
      name,
      label,
      headers,
      status,
      browser = BROWSER_HEADERS,
      authorizations,
      before,
    } of contenders) {
      await before?.();
      const run = await load({
        process: started[name],
        url: urlOf(name),
        seconds,
        headers: [...browser, ...headers],
        authorizations,
        status,
      });
      if (round >= 0) runs.get(label).push(run);
    }
    console.log(`  round ${round + 1} of ${rounds}`);
  }
  const base = contenders.find(({ name }) => name === measure).label;
  const rows = contenders.map(({ label }) => row(label, runs.get(label), runs.get(base)));
  for (const { label, cpu_us, spread_us, share, per_second, p50_ms, p99_ms } of rows) {
    console.log(
      `  ${label.padEnd(46)} ${String(cpu_us).padStart(5)} µs (${spread_us.join(' to ')})  ` +
        `share ${share.toFixed(2)}  ${per_second}/s  p50 ${p50_ms} p99 ${p99_ms} ms`,
    );
  }
  return { title, measure: base, rows };
}

function row(label, runs, base) {
  const cpu = runs.map(({ cpuUs }) => cpuUs);
  // Of the same round, since the machine may become slower from one round to the next.
  const share = median(base.map(({ cpuUs }, at) => cpuUs / cpu[at]));
  return {
    label,
    cpu_us: round(median(cpu)),
    spread_us: [round(Math.min(...cpu)), round(Math.max(...cpu))],
    share: Math.round(share * 100) / 100,
    per_second: round(median(runs.map(({ perSecond }) => perSecond))),
    p50_ms: median(runs.map(({ latencyMs }) => latencyMs.p50)),
    p99_ms: median(runs.map(({ latencyMs }) => latencyMs.p99)),
  };
}

/** A fresh isolate, which has the list, and no record but those of `authorizations`. */
async function anew(authorizations) {
  const { gateway: port } = gateway.workerd.ports;
  await gateway.workerd.kill();
  await gateway.workerd.start({ gateway: port });
  const { token } = await gateway.admin.createToken();
  await eventually('the gateway serves', async () => (await ask(token)) === 200);
  await load({
    process: gateway.workerd,
    url: urlOf('ours'),
    seconds: WARM_UP_SECONDS,
    headers: BROWSER_HEADERS,
    authorizations,
    status: 200,
  });
}

function urlOf(name) {
  return `http://127.0.0.1:${started[name].ports.gateway}${PATH}`;
}

async function ask(bearer, name = 'ours') {
  const response = await fetch(urlOf(name), { headers: { origin: SITE, authorization: `Bearer ${bearer}` } });
  await response.arrayBuffer();
  return response.status;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function round(value) {
  return Math.round(value);
}

function machine() {
  const [{ model }] = cpus();
  return { processor: model, cores: cpus().length, node: process.version };
}
