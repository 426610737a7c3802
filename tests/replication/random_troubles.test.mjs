// Random troubles that come and go at random locations, several at a time, under the smallest bound.
//
// WAYLEAVE_SEED=<n> repeats the same choices; the machine's own timing still differs.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Random } from '../workerd/harness/random.mjs';
import { TROUBLES } from './harness/troubles.mjs';
import { World } from './harness/world.mjs';

const BOUND_SECONDS = 5;
const RUN_MS = Number(process.env.WAYLEAVE_RUN_SECONDS ?? 25) * 1_000;
/** At the end all troubles stop: a location may have had one all the time, and answered nothing but 503. */
const HEALED_MS = 10_000;
const NAMES = ['amsterdam', 'bogota', 'chennai', 'dakar', 'eugene', 'fukuoka'];

const random = Random.ofRun();
const locations = Object.fromEntries(
  NAMES.map((name) => [name, { isolates: 2, delayMs: [0, random.upTo(3_000)], cacheMs: random.upTo(3_000) }]),
);
const world = new World({ random, boundSeconds: BOUND_SECONDS, locations, actEveryMs: 120 });
let wrong;

describe(`B = ${BOUND_SECONDS}, random troubles (seed ${random.seed})`, () => {
  before(async () => {
    await world.start();
    const end = Date.now() + RUN_MS;
    while (Date.now() < end) {
      const name = random.of(NAMES);
      world.heal(name);
      if (random.chance(0.7)) world.befall(name, random.of(Object.keys(TROUBLES)));
      await world.runFor(random.upTo(1_500));
    }
    world.healAll();
    await world.runUntilJudged(HEALED_MS);
    wrong = await world.calm(60_000);
  });
  after(() => world.stop());

  it('isolates of a location share what one of them fetched', () => {
    // While lists are pushed, nobody looks into the cache.
    assert.ok(NAMES.some((name) => world.replicas.location(name).cache.hits > 0));
  });

  for (const name of NAMES) {
    it(`${name}: keeps the bound, and says 503 only when it must`, () => {
      const judge = world.judges.get(name);
      const { violations, excused, counts, latestAdmissionMs, troubles } = judge;
      console.log(
        `${name}: ${JSON.stringify(counts)}, ${excused} excused, ${troubles.length} troubles, ` +
          `latest admission against a change ${latestAdmissionMs} ms after it`,
      );
      assert.deepEqual(violations.slice(0, 5), [], `${violations.length} violations`);
      assert.ok(judge.hasSeenEnough, JSON.stringify(counts));
    });

    it(`${name}: once calm, says what is true of every token`, () => assert.deepEqual(wrong.get(name), []));
  }
});
