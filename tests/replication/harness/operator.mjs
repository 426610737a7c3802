// An operator who creates, edits, disables, enables and revokes tokens at random, and records what is true
// since when.

import { SITE } from '../../workerd/harness/admin_api.mjs';
import { OTHER_SITE, TokenTruth } from './truth.mjs';

const ORIGINS = [[SITE], [SITE, OTHER_SITE]];
const AUDIENCES = [['weather'], ['weather', 'maps']];

export class Operator {
  /**
   * @param {number} alive approximate number of tokens that are not revoked
   * @param {number} lingersMs how long a revoked token is still used
   */
  constructor(admin, random, { alive = 6, lingersMs }) {
    this.admin = admin;
    this.random = random;
    this.alive = alive;
    this.lingersMs = lingersMs;
    /** @type {TokenTruth[]} every token that traffic asks for */
    this.tokens = [];
    /** A token that is never changed. */
    this.spared = null;
    this.changes = 0;
    this.revocations = 0;
  }

  async create() {
    const settings = { origins: this.random.of(ORIGINS), audiences: this.random.of(AUDIENCES) };
    const { value, ...since } = await timed(() => this.admin.createToken(settings));
    this.changes += 1;
    this.tokens.push(new TokenTruth(value, { ...since, ...settings }));
  }

  /**
   * The tokens that traffic chooses from: live and revoked ones equally often, although the revoked ones
   * become many.
   */
  asked(random) {
    const live = this.tokens.filter(({ status }) => status !== 'revoked');
    return live.length > 0 && random.chance(0.5) ? live : this.tokens;
  }

  /** One act. */
  async act() {
    const now = Date.now();
    this.tokens = this.tokens.filter(
      (token) => token.status !== 'revoked' || now - token.changedAt < this.lingersMs,
    );
    const live = this.tokens.filter(({ status }) => status !== 'revoked');
    if (live.length < this.alive) return this.create();
    const token = this.random.of(live.filter((one) => one !== this.spared));
    if (this.random.chance(0.4)) return this.#edit(token);
    if (token.status === 'disabled') return this.#status(token, 'good', () => this.admin.enable(token.id));
    if (this.random.chance(0.6)) return this.#status(token, 'disabled', () => this.admin.disable(token.id));
    this.revocations += 1;
    return this.#status(token, 'revoked', () => this.admin.revoke(token.id));
  }

  async #status(token, value, call) {
    await this.#change(token.statuses, value, call);
  }

  async #edit(token) {
    const { origins, audiences } = token.policy;
    // Toggles one of the two settings: stricter when it was loose, looser when it was strict.
    const other = (choices, present) => choices.find(({ length }) => length !== present.length);
    const value = this.random.chance(0.5)
      ? { origins: other(ORIGINS, origins), audiences }
      : { origins, audiences: other(AUDIENCES, audiences) };
    await this.#change(token.policies, value, () => this.admin.edit(token.id, value));
  }

  /** The change is recorded before it is sent. From then on it may hold; before, only the old state does. */
  async #change(history, value, call) {
    const entry = { value, sentAt: Date.now(), acknowledgedAt: Infinity };
    history.push(entry);
    await call();
    entry.acknowledgedAt = Date.now();
    this.changes += 1;
  }
}

async function timed(call) {
  const sentAt = Date.now();
  const value = await call();
  return { value, sentAt, acknowledgedAt: Date.now() };
}
