// A deployment in use: an operator who changes tokens, traffic at every location, troubles, and a judge for
// each location.

import assert from 'node:assert/strict';
import { Judge } from './judge.mjs';
import { MachineWatch } from './machine_watch.mjs';
import { Operator } from './operator.mjs';
import { Replicas } from './replicas.mjs';
import { TROUBLES } from './troubles.mjs';
import { ADMITTED, REQUESTS } from './truth.mjs';

const PROGRESS_EVERY_MS = 5_000;
/**
 * At most as many as the sockets of one location's client, so that "begun" is when the request is really
 * sent.
 */
const IN_FLIGHT_MAX = 16;

export class World {
  /**
   * @param {object} options
   * @param {import("../../workerd/harness/random.mjs").Random} options.random
   * @param {number} options.boundSeconds B, which the judges apply
   * @param {number} [options.configuredSeconds] another bound for the services, to show that the judges
   *   notice violations
   * @param {Record<string, object>} options.locations name → behaviour of its KV view
   * @param {object} [options.variables] further configuration
   * @param {boolean} [options.listsInKv] whether locations can rely on KV's lists alone
   * @param {number} [options.askEveryMs] interval between requests at one location
   * @param {number} [options.actEveryMs] the operator
   */
  constructor({
    random,
    boundSeconds,
    configuredSeconds = boundSeconds,
    locations,
    variables = {},
    listsInKv = false,
    askEveryMs = 80,
    actEveryMs = 250,
  }) {
    this.random = random;
    this.boundMs = boundSeconds * 1_000;
    this.listsInKv = listsInKv;
    this.askEveryMs = askEveryMs;
    this.actEveryMs = actEveryMs;
    this.replicas = new Replicas({
      variables: { REVOCATION_BOUND_SECONDS: String(configuredSeconds), ...variables },
      locations,
      random: random.fork(),
    });
    this.operator = new Operator(this.replicas.admin, random.fork(), {
      lingersMs: 2 * this.boundMs + 10_000,
    });
    this.machine = new MachineWatch(this.replicas.control);
    this.judges = new Map(
      this.replicas.locations.map((location) => [location.name, new Judge(this, location)]),
    );
    /** Functions that stop each running activity. */
    this.running = [];
    this.faults = [];
  }

  async start() {
    await this.replicas.start();
    while (this.operator.tokens.length < this.operator.alive) await this.operator.create();
    this.startedAt = Date.now();
    this.machine.start();
    this.running = [
      this.#repeat(this.actEveryMs, () => this.operator.act()),
      ...this.replicas.locations.map((location) => this.#traffic(location)),
    ];
    const progress = setInterval(() => console.log(`  ${this}`), PROGRESS_EVERY_MS);
    this.running.push(async () => clearInterval(progress));
    return this;
  }

  async stop() {
    await Promise.all([this.machine.stop(), ...this.running.splice(0).map((stop) => stop())]);
    await this.replicas.stop();
  }

  /** Applies `trouble` to the location until heal(). */
  befall(name, trouble) {
    const location = this.replicas.location(name);
    this.judges.get(name).begin(TROUBLES[trouble]);
    TROUBLES[trouble].begin(location, this);
  }

  heal(name) {
    const { kv, door, cache } = this.replicas.location(name);
    kv.heal();
    door.open();
    cache.heal();
    this.judges.get(name).end();
  }

  healAll() {
    for (const { name } of this.replicas.locations) this.heal(name);
  }

  /** Lets everything run for this time. */
  async runFor(ms) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    if (this.faults.length > 0) throw this.faults[0];
  }

  /**
   * The same, and longer where a slow machine has answered too few requests of a location by then. At most a
   * minute longer.
   */
  async runUntilJudged(ms) {
    await this.runFor(ms);
    const deadline = Date.now() + 60_000;
    const judges = [...this.judges.values()];
    while (Date.now() < deadline && !judges.every((judge) => judge.hasSeenEnough)) await this.runFor(500);
  }

  /**
   * Stops the operator and all troubles. Resolves when every location gives exactly the true answer for every
   * token, or after `limitMs` with the wrong answers of each location.
   */
  async calm(limitMs) {
    this.healAll();
    await this.running.shift()();
    const deadline = Date.now() + limitMs;
    const wrong = new Map(this.replicas.locations.map(({ name }) => [name, ['not asked']]));
    while (Date.now() < deadline && [...wrong.values()].some(({ length }) => length > 0)) {
      await Promise.all(
        this.replicas.locations.map(async (location) =>
          wrong.set(location.name, await this.#wrongAt(location)),
        ),
      );
      await this.runFor(200);
    }
    return wrong;
  }

  async #wrongAt(location) {
    const wrong = [];
    for (const token of this.operator.tokens) {
      for (const [request, client] of REQUESTS.flatMap((request) =>
        location.clients.map((client) => [request, client]),
      )) {
        const said = await ask(client, token, request);
        const truth = token.verdicts(request, Infinity, Infinity, 0);
        if (!truth.has(said))
          wrong.push(
            `${token.id} ${request.path} from ${request.origin}: ${said}, not ${[...truth].join(' or ')}`,
          );
      }
    }
    return wrong;
  }

  /**
   * Sends requests continuously without waiting for responses, so that a hanging source does not reduce the
   * traffic.
   */
  #traffic(location) {
    const judge = this.judges.get(location.name);
    const random = this.random.fork();
    const inFlight = new Set();
    const stop = this.#repeat(this.askEveryMs, async () => {
      if (inFlight.size >= IN_FLIGHT_MAX) return;
      const [token, request] = [
        random.of(this.operator.asked(random)),
        random.chance(0.5) ? REQUESTS[0] : random.of(REQUESTS),
      ];
      const begun = Date.now();
      const asked = ask(random.of(location.clients), token, request).then(
        (said) => judge.observe(token, request, said, begun, Date.now()),
        (error) => judge.strange(token, request, error.message, begun),
      );
      inFlight.add(asked);
      asked.finally(() => inFlight.delete(asked));
    });
    return async () => {
      await stop();
      await Promise.all(inFlight);
    };
  }

  /**
   * Repeats `act`, one call at a time; returns a function that stops it. The next runFor reports a failure.
   */
  #repeat(everyMs, act) {
    let ended = false;
    const loop = (async () => {
      while (!ended) {
        const next = Date.now() + everyMs;
        await act();
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - Date.now())));
      }
    })().catch((error) => this.faults.push(error));
    return async () => {
      ended = true;
      await loop;
    };
  }

  get totals() {
    const sum = (name) => [...this.judges.values()].reduce((total, { counts }) => total + counts[name], 0);
    return { admitted: sum('admitted'), refused: sum('refused'), unknown: sum('unknown') };
  }

  toString() {
    const { admitted, refused, unknown } = this.totals;
    const violations = [...this.judges.values()].reduce((total, judge) => total + judge.violations.length, 0);
    const busy =
      this.machine.busyMs === 0 ? '' : `, machine too busy for ${(this.machine.busyMs / 1_000).toFixed(0)} s`;
    const seconds = ((Date.now() - this.startedAt) / 1_000).toFixed(0);
    return (
      `${seconds} s: ${admitted} admitted, ${refused} refused, ${unknown} × 503, ` +
      `${this.operator.changes} changes (${this.operator.revocations} revocations), ` +
      `${violations} violations${busy}`
    );
  }
}

/** One location for each trouble, named after it, with the trouble and the behaviour of its KV view. */
export function locationForEach(troubles, behaviour) {
  const nameOf = (trouble) => trouble.toLowerCase().replaceAll(/\W+/g, '-');
  return Object.fromEntries(troubles.map((trouble) => [nameOf(trouble), { trouble, ...behaviour }]));
}

/** An isolate's answer: ADMITTED, or the problem's code. */
async function ask(client, token, { origin, path }) {
  const headers = { Origin: origin, 'X-Api-Key': token.text };
  // The other side may close a kept connection just when it is reused: then try once more.
  const answer = await client.get(path, { headers }).catch((error) => {
    if (error.code !== 'ECONNRESET') throw error;
    return client.get(path, { headers });
  });
  if (answer.status === 200) return ADMITTED;
  assert.equal(answer.headers['content-type'], 'application/problem+json', String(answer));
  return answer.json.code;
}
