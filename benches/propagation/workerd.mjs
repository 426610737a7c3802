// Revoke → refused everywhere, measured in real workerd: one registry and six locations, each with a view of KV of its own that
// caches for the 30 s that its readers ask for and sees writes up to 2 s late.
//
// A sample is the time from the revocation's acknowledgement to the first refusal at the last location, as its caller gets
// it. Locations are asked every `askEveryMs`, so a sample is too long by up to that much, and never too short.

import { SITE } from '../../tests/workerd/harness/admin_api.mjs';
import { Random } from '../../tests/workerd/harness/random.mjs';
import { Replicas } from '../../tests/replication/harness/replicas.mjs';

const NAMES = ['amsterdam', 'bogota', 'chennai', 'dakar', 'eugene', 'fukuoka'];
const VIEW = { delayMs: [0, 2_000], cacheMs: 30_000 };

/**
 * @param {object} options
 * @param {number} options.boundSeconds B
 * @param {[number, number]} options.gapMs from … to between two revocations, at random: as rare as they are in earnest, so that
 *   one does not carry the next along
 * @param {number} options.count revocations
 * @param {(done: number) => void} options.progress
 * @returns {Promise<number[]>} milliseconds
 */
export async function measure({ boundSeconds, askEveryMs, gapMs, count, random = Random.ofRun(), progress }) {
  const locations = Object.fromEntries(NAMES.map((name) => [name, VIEW]));
  const replicas = new Replicas({
    variables: { REVOCATION_BOUND_SECONDS: String(boundSeconds) },
    locations,
    random,
  });
  await replicas.start();
  try {
    const keepsAsking = await steadyTraffic(replicas, askEveryMs);
    // Every location has been at work for a while, and not in step with the others.
    await Promise.all(replicas.locations.map(() => pause(random.upTo(boundSeconds * 500))));
    const pending = [];
    for (let at = 0; at < count; at += 1) {
      pending.push(sample(replicas, askEveryMs, boundSeconds).then((ms) => (progress(1), ms)));
      await pause(random.between(...gapMs));
    }
    const samples = await Promise.all(pending);
    await keepsAsking.stop();
    return samples;
  } finally {
    await replicas.stop();
  }
}

async function sample(replicas, askEveryMs, boundSeconds) {
  const token = await replicas.admin.createToken({ audiences: ['weather'] });
  // It has been in use everywhere: its record is at hand.
  await Promise.all(replicas.locations.map((location) => ask(location, token)));
  await replicas.admin.revoke(token.id);
  const acknowledgedAt = performance.now();
  const refusedAt = await Promise.all(
    replicas.locations.map((location) => firstRefusal(location, token, askEveryMs)),
  );
  const ms = Math.max(...refusedAt) - acknowledgedAt;
  if (ms > boundSeconds * 1_000 + askEveryMs)
    throw new Error(
      `${token.id} was admitted ${ms} ms after its revocation: the bound of ${boundSeconds} s is broken`,
    );
  return Math.max(0, Math.round(ms));
}

async function firstRefusal(location, token, askEveryMs) {
  for (;;) {
    const status = await ask(location, token);
    if (status === 401) return performance.now();
    if (status !== 200) throw new Error(`${location.name} answered ${status}`);
    await pause(askEveryMs);
  }
}

/** Each location is in use by a token that stays good. */
async function steadyTraffic(replicas, everyMs) {
  const token = await replicas.admin.createToken({ audiences: ['weather'] });
  let ended = false;
  const loops = replicas.locations.map(async (location) => {
    while (!ended) {
      await ask(location, token);
      await pause(everyMs);
    }
  });
  return { stop: () => ((ended = true), Promise.all(loops)) };
}

async function ask({ clients }, { token }) {
  return (await clients[0].get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } })).status;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
