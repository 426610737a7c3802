// What an upstream received of a request, and whether it received it at all.

import assert from 'node:assert/strict';
import { assertProblem } from './problem.mjs';

export function forwardingTo(upstream) {
  /**
   * The answer to `send`, and the one request that the upstream received: undefined if it was not
   * forwarded.
   */
  async function forwarded(send) {
    const before = upstream.requests.length;
    const answer = await send();
    const seen = upstream.requests.slice(before);
    assert.ok(seen.length <= 1, 'forwarded at most once');
    return { answer, seen: seen[0] };
  }

  /** The answer to `send`, which the upstream must not receive. `code` is the problem's, where it matters. */
  async function assertNotForwarded(send, code) {
    const { answer, seen } = await forwarded(send);
    assert.equal(seen, undefined, `forwarded as ${seen?.url}`);
    if (code) assertProblem(answer, code);
    return answer;
  }

  return { forwarded, assertNotForwarded };
}
