// A seeded generator of random choices, so that a run can be repeated (Tommy Ettinger's mulberry32).

import { randomInt } from 'node:crypto';

export class Random {
  #state;

  constructor(seed) {
    this.seed = seed;
    this.#state = seed;
  }

  /** Seeded by WAYLEAVE_SEED, otherwise at random. The caller prints `seed`. */
  static ofRun() {
    return new Random(Number(process.env.WAYLEAVE_SEED ?? randomInt(2 ** 31)));
  }

  /** A number from 0 to below 1. */
  fraction() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from 0 to below `limit`. */
  upTo(limit) {
    return this.fraction() * limit;
  }

  between(low, high) {
    return low + this.upTo(high - low);
  }

  /** One item of an array. */
  of(list) {
    return list[Math.floor(this.upTo(list.length))];
  }

  chance(probability) {
    return this.fraction() < probability;
  }

  /** An independent generator, so that concurrent tasks do not change each other's choices. */
  fork() {
    return new Random(Math.floor(this.upTo(2 ** 31)));
  }
}
