// Many locations, each with another trouble, under the smallest bound: all at the same time, in one process,
// with the same operator and traffic. Below B = 60 lists come only from the registry, so bad lists are in its
// answers here; KV's troubles concern records. tests/replication/minute_bound.slow.mjs does the same with
// lists in KV.
//
// WAYLEAVE_SEED=<n> repeats the same choices; the machine's own timing still differs.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { summary } from '../../benches/propagation/statistics.mjs';
import { Random } from '../workerd/harness/random.mjs';
import { TROUBLES } from './harness/troubles.mjs';
import { locationForEach, World } from './harness/world.mjs';

const BOUND_SECONDS = 5;
/** 5 minutes under the default bound of 60 s are five bounds, which are 25 s here. */
const TROUBLE_MS = 5 * BOUND_SECONDS * 1_000;

const random = Random.ofRun();
const lagging = { delayMs: [0, 1_500] };
const locations = locationForEach(
  Object.keys(TROUBLES).filter((trouble) => !trouble.startsWith('list in KV')),
  lagging,
);
// 30 s under the bound of 60, scaled.
locations['kv-cached'] = { trouble: 'nothing', ...lagging, cacheMs: 2_500 };

const world = new World({ random, boundSeconds: BOUND_SECONDS, locations });
let wrong;
const health = new Map();
/** Calls for lists that each location made during its trouble. */
const listCalls = new Map();

const told = (samples) => (samples.length > 0 ? `${JSON.stringify(summary(samples))} ms` : 'none');

describe(`B = ${BOUND_SECONDS}, each location with a trouble of its own (seed ${random.seed})`, () => {
  before(async () => {
    await world.start();
    await world.runFor(4_000);
    for (const [name, { trouble }] of Object.entries(locations)) world.befall(name, trouble);
    for (const { door } of world.replicas.locations) door.resetCounts();
    await world.runFor(TROUBLE_MS);
    for (const { name, door } of world.replicas.locations) {
      listCalls.set(name, door.calls.filter((call) => /^\{"(List|Subscribe)"/.test(call)).length);
    }
    world.healAll();
    await world.runUntilJudged(4_000);
    wrong = await world.calm(60_000);
    for (const location of world.replicas.locations) health.set(location.name, (await location.healths())[0]);
  });
  after(() => world.stop());

  for (const [name, { trouble }] of Object.entries(locations)) {
    it(`${name}: keeps the bound, and says 503 only when it must`, () => {
      const judge = world.judges.get(name);
      const { violations, excused, counts, latestAdmissionMs, latestRefusalMs, unknownMs } = judge;
      console.log(
        `${name}: ${JSON.stringify(counts)}, ${excused} excused, latest admission against a change ` +
          `${latestAdmissionMs} ms after it, latest refusal ${latestRefusalMs} ms, lists refused ` +
          `${health.get(name).lists_refused}, 503s after ${told(unknownMs)}, ` +
          `${listCalls.get(name)} calls for lists in ${TROUBLE_MS / 1_000} s`,
      );
      assert.deepEqual(violations.slice(0, 5), [], `${violations.length} violations`);
      assert.ok(judge.hasSeenEnough, JSON.stringify(counts));
      const cutOff = TROUBLES[trouble].cuts.includes('registry');
      assert.equal(counts.unknown > 0, cutOff, `${counts.unknown} × 503`);
    });

    it(`${name}: once calm, says what is true of every token`, () => assert.deepEqual(wrong.get(name), []));

    it(`${name}: counts the lists it refused`, () => {
      // Chance decides whether the altered copy in a cache is read before it expires.
      if (trouble === 'cache altered') return;
      assert.equal(
        health.get(name).lists_refused > 0,
        trouble.startsWith('list '),
        JSON.stringify(health.get(name)),
      );
    });
  }
});
