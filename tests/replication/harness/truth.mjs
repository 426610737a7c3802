// What is true of a token and since when, as far as an operator can know. Each change has the instant when it
// was sent and the instant when it was acknowledged. In between, either state may hold. For B after the
// acknowledgement a location may still apply the old state.

import { SITE } from '../../workerd/harness/admin_api.mjs';

export const OTHER_SITE = 'https://second.example';
/** What the traffic requests; the audience is that of the path's route. */
export const REQUESTS = [
  { origin: SITE, path: '/now', audience: 'weather' },
  { origin: SITE, path: '/maps/1', audience: 'maps' },
  { origin: OTHER_SITE, path: '/now', audience: 'weather' },
];

export const ADMITTED = 'admitted';

export class TokenTruth {
  /** `token` is the API's answer to its creation. */
  constructor(token, { sentAt, acknowledgedAt, origins, audiences }) {
    this.id = token.id;
    this.text = token.token;
    const since = { sentAt, acknowledgedAt };
    this.statuses = [{ ...since, value: 'good' }];
    this.policies = [{ ...since, value: { origins, audiences } }];
  }

  get status() {
    return this.statuses.at(-1).value;
  }

  get policy() {
    return this.policies.at(-1).value;
  }

  /** When the newest change was acknowledged. */
  get changedAt() {
    return Math.max(this.statuses.at(-1).acknowledgedAt, this.policies.at(-1).acknowledgedAt);
  }

  /**
   * The right answers to `request`, which began and ended at these instants, when a change may take `boundMs`
   * to hold.
   */
  verdicts(request, begun, ended, boundMs) {
    const possible = (history) =>
      history
        .filter(
          ({ sentAt }, at) =>
            sentAt <= ended && (history[at + 1]?.acknowledgedAt ?? Infinity) + boundMs >= begun,
        )
        .map(({ value }) => value);
    const verdicts = new Set();
    for (const status of possible(this.statuses)) {
      for (const policy of possible(this.policies))
        for (const verdict of verdictsOf(status, policy, request)) verdicts.add(verdict);
    }
    return verdicts;
  }
}

/** Several answers when a request has several faults: this test does not check which one is named first. */
function verdictsOf(status, { origins, audiences }, { origin, audience }) {
  if (status !== 'good') return [`token_${status}`];
  const faults = [];
  if (!audiences.includes(audience)) faults.push('audience_mismatch');
  if (!origins.includes(origin)) faults.push('origin_not_allowed');
  return faults.length === 0 ? [ADMITTED] : faults;
}
