// Whether the machine had time for the test. A 503 may also come of a process that got no processor for seconds: its reads
// run into their time limits. That is looked for where nothing else explains a 503, and never excuses an admission.

const LOOK_EVERY_MS = 100;
/**
 * Under B = 5 a list is used for 3 s, and one whose fetching took 2 s is as good as none. It is fetched in half a dozen hops
 * between processes; a health check is one: taking a third of a second, where it takes 2 ms else, it is a sign of that.
 */
const BUSY_MS = 330;

export class MachineWatch {
  /** Spans in which an answer was slow: { from, to }. */
  #busy = [];
  #ended = false;

  /** @param {import("../../workerd/harness/http_client.mjs").Client} client of a service that no trouble befalls */
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

  /** Whether it was short of time at some instant of the span. */
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
