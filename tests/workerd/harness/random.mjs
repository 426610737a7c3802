// Random choices that can be made again: a generator with a seed (Tommy Ettinger's mulberry32).

import { randomInt } from 'node:crypto';

export class Random {
  #state;

  constructor(seed) {
    this.seed = seed;
    this.#state = seed;
  }

  /** Seeded by WAYLEAVE_SEED, or by chance; whoever uses it prints `seed`. */
  static ofRun() {
    return new Random(Number(process.env.WAYLEAVE_SEED ?? randomInt(2 ** 31)));
  }

  /** From 0 to below 1. */
  fraction() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** From 0 to below `limit`. */
  upTo(limit) {
    return this.fraction() * limit;
  }

  between(low, high) {
    return low + this.upTo(high - low);
  }

  /** One of a list. */
  of(list) {
    return list[Math.floor(this.upTo(list.length))];
  }

  chance(probability) {
    return this.fraction() < probability;
  }

  /** A generator of its own, so that what runs side by side does not disturb each other's choices. */
  fork() {
    return new Random(Math.floor(this.upTo(2 ** 31)));
  }
}
