// The judge of one location: compares every answer with what was true, and every 503 with the sources that
// were unavailable.
//
// There is one machine and so one clock: the instants of traffic, operator and Worker are true time.

import { ADMITTED } from './truth.mjs';

const UNKNOWN = 'revocation_status_unknown';
/**
 * How long after the end of a trouble a 503 may still result from it, besides the registry's rest: its trial
 * was under way and is given up after 4 s, the next one comes after the rest; a KV read is given up after
 * 1 s; and some reserve.
 */
const AFTERMATH_MS = 4_000 + 1_000 + 500;
/** The longest rest of the registry (src/limits/reach.rs). */
const restMs = (boundMs) => Math.min(boundMs * 0.8, 16_000);
/**
 * A list is used for L = B − 2 s. Measured from when KV received it, that is shorter by this: KV receives it
 * up to 2 s after it was made, plus some reserve.
 */
const USED_LESS_MS = 2_000 + 2_500;

/** With fewer admissions or refusals than these, that none was wrong says little. */
const ENOUGH = 20;

export class Judge {
  /**
   * @param {object} world
   * @param {number} world.boundMs
   * @param {boolean} world.listsInKv whether locations can rely on KV's lists alone
   * @param {import("./replicas.mjs").Location} location
   */
  constructor({ boundMs, listsInKv, machine }, location) {
    this.boundMs = boundMs;
    this.aftermathMs = AFTERMATH_MS + restMs(boundMs);
    this.machine = machine;
    this.listsInKv = listsInKv;
    this.location = location;
    /** { cuts, from, to } of every trouble so far. */
    this.troubles = [];
    /** `unknown`: 503s that are explained. */
    this.counts = { admitted: 0, refused: 0, unknown: 0 };
    /** How long each of these 503s took, in milliseconds. */
    this.unknownMs = [];
    /** Apparently broken promises: { text, begun, ended, admitted }. */
    this.findings = [];
    /**
     * Most milliseconds from an acknowledgement to the beginning of a request admitted against the change.
     */
    this.latestAdmissionMs = 0;
    /** The same for a request refused against a change that allows it: an enabling, or a new origin. */
    this.latestRefusalMs = 0;
  }

  get hasSeenEnough() {
    return this.counts.admitted > ENOUGH && this.counts.refused > ENOUGH;
  }

  /** Texts, one for each broken promise. Refusals while the machine was too busy do not count. */
  get violations() {
    return this.findings.filter((finding) => !this.#isExcused(finding)).map(({ text }) => text);
  }

  /** Refusals that are probably caused only by the machine being too busy. */
  get excused() {
    return this.findings.filter((finding) => this.#isExcused(finding)).length;
  }

  #isExcused({ admitted, begun, ended }) {
    return !admitted && this.machine.wasBusy(begun - this.aftermathMs, ended);
  }

  begin({ cuts }) {
    this.troubles.push({ cuts, from: Date.now(), to: Infinity });
  }

  end() {
    for (const trouble of this.troubles) trouble.to = Math.min(trouble.to, Date.now());
  }

  /** `said` is ADMITTED, a problem's code, or anything else. */
  observe(token, request, said, begun, ended) {
    if (said === UNKNOWN) {
      const explained = this.#explains(token, begun, ended);
      if (explained) {
        this.counts.unknown += 1;
        this.unknownMs.push(ended - begun);
      } else this.#violation('503 although a source was in reach', token, request, said, begun, ended, []);
      return;
    }
    this.counts[said === ADMITTED ? 'admitted' : 'refused'] += 1;
    const rightly = token.verdicts(request, begun, ended, this.boundMs);
    this.#noteLate(token, request, said, begun, ended);
    if (rightly.has(said)) return;
    const what =
      said === ADMITTED
        ? `admitted later than ${this.boundMs} ms after the acknowledgement`
        : 'refused wrongly';
    this.#violation(what, token, request, said, begun, ended, rightly);
  }

  /** An answer that is neither an admission nor a problem of Wayleave. */
  strange(token, request, what, begun) {
    this.#violation('no proper answer', token, request, what, begun, Date.now(), []);
  }

  #noteLate(token, request, said, begun, ended) {
    if (token.verdicts(request, begun, ended, 0).has(said)) return;
    const after = begun - token.changedAt;
    if (said === ADMITTED) this.latestAdmissionMs = Math.max(this.latestAdmissionMs, after);
    else this.latestRefusalMs = Math.max(this.latestRefusalMs, after);
  }

  #explains(token, begun, ended) {
    const cut = (...sources) =>
      this.troubles.some(
        ({ cuts, from, to }) =>
          sources.some((source) => cuts.includes(source)) && from <= ended && begun <= to + this.aftermathMs,
      );
    if (!cut('registry')) return false;
    if (!this.listsInKv || cut('kv', 'kv lists')) return true;
    // KV works, but its last answers may be too old by now, or it did not have the record yet.
    const { newestListAt, misses } = this.location.kv;
    if (ended - newestListAt > this.boundMs - USED_LESS_MS) return true;
    const record = `token/${token.id.slice('tok_'.length)}/`;
    return misses.some(({ key, at }) => key.startsWith(record) && at >= begun && at <= ended);
  }

  #violation(what, token, { origin, path }, said, begun, ended, rightly) {
    const history = (entries) =>
      entries
        .map(
          ({ value, sentAt, acknowledgedAt }) =>
            `${JSON.stringify(value)} ${sentAt - begun}…${acknowledgedAt - begun} ms`,
        )
        .join(', ');
    const expected = rightly.size === undefined ? '' : `, not ${[...rightly].join(' or ')}`;
    const troubles = this.troubles.map(
      ({ cuts, from, to }) => `${cuts.join(' and ') || 'none'} ${from - begun}…${to - begun} ms`,
    );
    const text =
      `${this.location.name}: ${what}: ${token.id} ${path} from ${origin}: ${said}${expected}; ` +
      `before it began: ${history(token.statuses)}; ${history(token.policies)}; ` +
      `troubles: ${troubles.join(', ')}; answered after ${ended - begun} ms`;
    this.findings.push({ text, begun, ended, admitted: said === ADMITTED });
  }
}
