// Detects whether the machine was too busy for the test. A 503 may also come from a process that got no
// processor time for seconds, so that its reads ran into their time limits. This is considered where nothing
// else explains a 503, and never excuses an admission.

const LOOK_EVERY_MS = 100;
/**
 * Under B = 5 a list is used for 3 s, and one that took 2 s to fetch is useless. A fetch takes about six hops
 * between processes. A health check is one hop and normally takes 2 ms; if it takes a third of a second, the
 * machine is too busy.
 */
const BUSY_MS = 330;

export class MachineWatch {
  /** Periods in which an answer was slow: { from, to }. */
  #busy = [];
  #ended = false;

  /**
   * `client` is of a service that no trouble befalls.
   * @param {import("../../workerd/harness/http_client.mjs").Client} client
   */
  constructor(client) {
    this.client = client;
  }

  start() {
    this.loop = this.#look();
  }

  async stop() {
    this.#ended = true;
    await this.loop;
  }

  /** Whether the machine was too busy at some time in this period. */
  wasBusy(from, to) {
    return this.#busy.some((span) => span.from <= to && from <= span.to);
  }

  get busyMs() {
    return this.#busy.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  async #look() {
    let looked = Date.now();
    while (!this.#ended) {
      const begun = Date.now();
      await this.client.get('/_wayleave/health').catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      const now = Date.now();
      if (now - begun > BUSY_MS + LOOK_EVERY_MS) this.#busy.push({ from: looked, to: now });
      looked = now;
    }
  }
}
