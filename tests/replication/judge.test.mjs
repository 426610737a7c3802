// The judges can fail: each kind of broken promise is caused, and noticed.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Random } from '../workerd/harness/random.mjs';
import { World } from './harness/world.mjs';

const random = Random.ofRun();
// The deployment is configured with 25 s and judged by 5 s: a location that is cut off uses its list longer
// than it may.
const world = new World({
  random,
  boundSeconds: 5,
  configuredSeconds: 25,
  locations: { cutoff: {}, silenced: {}, honest: {} },
});
const violationsOf = (name) => world.judges.get(name).violations;

describe(`judges that must find fault (seed ${random.seed})`, () => {
  before(async () => {
    await world.start();
    await world.runFor(1_500);
    world.befall('cutoff', 'registry down');
    await world.runFor(15_000);
  });
  after(() => world.stop());

  it('a location that uses a list beyond the bound', () => {
    assert.ok(
      violationsOf('cutoff').some((text) => text.includes('admitted later than 5000 ms')),
      violationsOf('cutoff').join('\n'),
    );
  });

  it('a 503 for which nothing was out of reach', async () => {
    const location = world.replicas.location('silenced');
    location.door.shut(); // without telling the judge
    for (let waited = 0; waited < 30_000 && !found('silenced', '503 although'); waited += 500)
      await world.runFor(500);
    assert.ok(found('silenced', '503 although'));
  });

  it('a refusal for which there is no reason', async () => {
    const token = world.operator.tokens.find(({ status }) => status === 'good');
    world.operator.spared = token;
    await world.replicas.admin.disable(token.id); // without recording it
    for (let waited = 0; waited < 40_000 && !found('honest', `refused wrongly: ${token.id}`); waited += 500)
      await world.runFor(500);
    assert.ok(found('honest', `refused wrongly: ${token.id}`));
  });

  const found = (name, what) => violationsOf(name).some((text) => text.includes(what));
});
