// Many locations under the default bound of 60 s, where lists come from KV: 30 s of cache, lag, a stall of 5
// minutes, and lists in KV that must be refused. `make test-slow`; it prints its progress every 5 seconds.
//
// WAYLEAVE_SEED=<n> repeats the same choices; the machine's own timing still differs.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Random } from '../workerd/harness/random.mjs';
import { BAD_LISTS, TROUBLES } from './harness/troubles.mjs';
import { locationForEach, World } from './harness/world.mjs';

const BOUND_SECONDS = 60;
const TROUBLE_MS = 5 * 60 * 1_000;
/**
 * The weakest behaviour that KV promises its readers: a cache of the 30 s that they ask for, and a lag of up
 * to 10 s.
 */
const view = { delayMs: [0, 10_000], cacheMs: 30_000 };

const random = Random.ofRun();
const badInAnswersToo = Object.keys(BAD_LISTS).map((name) => `list ${name}`);
const locations = locationForEach(
  Object.keys(TROUBLES).filter((trouble) => !badInAnswersToo.slice(1).includes(trouble)),
  view,
);
// With push no list is read from KV while the registry answers.
for (const [name, { trouble }] of Object.entries(locations)) {
  if (trouble.startsWith('list in KV')) locations[name].variables = { PUSH_SECONDS: '0' };
}
const world = new World({
  random,
  boundSeconds: BOUND_SECONDS,
  locations,
  listsInKv: true,
  askEveryMs: 150,
  actEveryMs: 1_500,
});
let wrong;
const health = new Map();

describe(`B = ${BOUND_SECONDS}, each location with a trouble of its own (seed ${random.seed})`, () => {
  before(async () => {
    await world.start();
    await world.runFor(60_000);
    for (const [name, { trouble }] of Object.entries(locations)) world.befall(name, trouble);
    await world.runFor(TROUBLE_MS);
    world.healAll();
    await world.runUntilJudged(30_000);
    wrong = await world.calm(120_000);
    for (const location of world.replicas.locations) health.set(location.name, (await location.healths())[0]);
  });
  after(() => world.stop());

  for (const [name, { trouble }] of Object.entries(locations)) {
    it(`${name}: keeps the bound, and says 503 only when it must`, () => {
      const judge = world.judges.get(name);
      const { violations, excused, counts, latestAdmissionMs } = judge;
      console.log(
        `${name}: ${JSON.stringify(counts)}, ${excused} excused, latest admission against ` +
          `a change ${latestAdmissionMs} ms after it, lists refused ${health.get(name).lists_refused}`,
      );
      assert.deepEqual(violations.slice(0, 5), [], `${violations.length} violations`);
      assert.ok(judge.hasSeenEnough, JSON.stringify(counts));
      const { cuts } = TROUBLES[trouble];
      const cutOff = cuts.includes('registry') && cuts.some((source) => source.startsWith('kv'));
      // With KV alone, a token whose record has not arrived there may also get a 503.
      if (cutOff || !cuts.includes('registry'))
        assert.equal(counts.unknown > 0, cutOff, `${counts.unknown} × 503`);
    });

    it(`${name}: once calm, says what is true of every token`, () => assert.deepEqual(wrong.get(name), []));

    it(`${name}: counts the lists it refused`, () => {
      // At other locations as well: KV's list is sometimes older than the registry's, and is refused for
      // that.
      if (trouble.startsWith('list '))
        assert.ok(health.get(name).lists_refused > 0, JSON.stringify(health.get(name)));
    });
  }
});
