// Measures the time from revocation to refusal in real workerd, with one registry and six locations. Each
// location has its own view of KV: it caches for the 30 s that readers request, and sees writes up to 2 s
// late.
//
// A sample is the time from the revocation's acknowledgement to the first refusal at the last location,
// measured by the caller. Locations are asked every `askEveryMs`, so a sample may be too long by that much
// and is never too short.

import { Replicas } from '../../tests/replication/harness/replicas.mjs';
import { SITE } from '../../tests/workerd/harness/admin_api.mjs';
import { Random } from '../../tests/workerd/harness/random.mjs';

const NAMES = ['amsterdam', 'bogota', 'chennai', 'dakar', 'eugene', 'fukuoka'];
const VIEW = { delayMs: [0, 2_000], cacheMs: 30_000 };
/** With push: how long a call takes to the registry, and so does its answer. */
const ONE_WAY_MS = [5, 20, 50, 80, 110, 150];

/**
 * @param {object} options
 * @param {number} options.boundSeconds B
 * @param {[number, number]} options.gapMs range of the random pause between two revocations; as long as in
 *   production, so that one revocation does not make the next arrive earlier
 * @param {number} [options.pushSeconds] 0: without push, and with every location next to the registry
 * @param {number} options.count revocations
 * @param {(done: number) => void} options.progress
 * @returns {Promise<number[]>} milliseconds
 */
export async function measure({
  boundSeconds,
  askEveryMs,
  gapMs,
  count,
  pushSeconds = 0,
  random = Random.ofRun(),
  progress,
}) {
  const oneWayMs = (at) => (pushSeconds > 0 ? ONE_WAY_MS[at] : 0);
  const locations = Object.fromEntries(NAMES.map((name, at) => [name, { ...VIEW, oneWayMs: oneWayMs(at) }]));
  const variables = { REVOCATION_BOUND_SECONDS: String(boundSeconds), PUSH_SECONDS: String(pushSeconds) };
  const replicas = new Replicas({ variables, locations, random });
  await replicas.start();
  try {
    const keepsAsking = await steadyTraffic(replicas, askEveryMs);
    // Every location has had traffic for a while, and their refreshes are not synchronised.
    await Promise.all(replicas.locations.map(() => pause(random.upTo(boundSeconds * 500))));
    const pending = [];
    for (let at = 0; at < count; at += 1) {
      pending.push(
        sample(replicas, askEveryMs, boundSeconds).then((ms) => {
          progress(1);
          return ms;
        }),
      );
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
  // Use the token at every location, so that all have its record.
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

/** Constant traffic at each location, with a token that stays valid. */
async function steadyTraffic(replicas, everyMs) {
  const token = await replicas.admin.createToken({ audiences: ['weather'] });
  let ended = false;
  const loops = replicas.locations.map(async (location) => {
    while (!ended) {
      await ask(location, token);
      await pause(everyMs);
    }
  });
  return {
    stop: () => {
      ended = true;
      return Promise.all(loops);
    },
  };
}

async function ask({ clients }, { token }) {
  return (await clients[0].get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } })).status;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
