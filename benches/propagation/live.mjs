// Revoke → refused, measured at a live deployment from where this runs: creates a few tokens, revokes them one after the other,
// and asks `GET /_wayleave/token` with each until it is refused. That question is answered by the same list as any request, and
// never reaches the API behind. Whatever happens, a Ctrl-C too, every token made here is revoked in the end.
//
// From one place one sees one location. What all of them report, /status tells; both are given.

const ORIGIN = 'https://propagation.example';
const ASK_EVERY_MS = 250;
/** Beside the bound: for clocks and the network. */
const GRACE_MS = 10_000;
const COUNT_MAX = 100;

/**
 * @param {string} target e.g. https://api.example.com
 * @param {string} adminKey of an operator
 * @param {number} count tokens, at most 100
 * @param {AbortSignal} signal ends it early
 * @returns {Promise<{ boundSeconds: number, samples: number[], reported: object | undefined }>}
 */
export async function measureLive({ target, adminKey, count, progress, signal }) {
  if (!(count >= 1 && count <= COUNT_MAX)) throw new Error(`COUNT must be from 1 to ${COUNT_MAX}`);
  const api = new Api(target, adminKey);
  const living = new Set();
  try {
    const samples = [];
    let boundSeconds;
    for (let at = 0; at < count; at += 1) {
      signal.throwIfAborted();
      // The shortest life there is beyond the bound: should even the cleaning up fail, it ends by itself.
      const token = await api.call('POST', '/tokens', {
        label: 'make propagation',
        origins: [ORIGIN],
        expires_in: 900,
      });
      living.add(token.id);
      await untilAdmitted(target, token);
      signal.throwIfAborted();
      const receipt = await api.call('POST', `/tokens/${token.id}/revoke`, {
        force: true,
        reason: 'make propagation',
      });
      const acknowledgedAt = performance.now();
      living.delete(token.id);
      boundSeconds = receipt.bound_seconds;
      samples.push(await untilRefused(target, token, acknowledgedAt, boundSeconds, signal));
      progress(1);
      // Out of step with whatever runs in steps there.
      await pause(Math.random() * Math.min(boundSeconds * 200, 10_000));
    }
    const { propagation } = await api.call('GET', '/status');
    return { boundSeconds, samples, reported: propagation };
  } finally {
    for (const id of living)
      await api.call('POST', `/tokens/${id}/revoke`, { force: true, reason: 'make propagation' });
  }
}

async function untilAdmitted(target, token) {
  const status = await selfTest(target, token);
  if (status !== 200) throw new Error(`a new token was answered ${status} by ${target}/_wayleave/token`);
}

async function untilRefused(target, token, acknowledgedAt, boundSeconds, signal) {
  for (;;) {
    signal.throwIfAborted();
    const status = await selfTest(target, token);
    const ms = Math.round(performance.now() - acknowledgedAt);
    if (status === 401) return ms;
    if (ms > boundSeconds * 1_000 + GRACE_MS)
      throw new Error(
        `${token.id} is still answered ${status}, ${ms} ms after its revocation: the bound is ${boundSeconds} s`,
      );
    await pause(ASK_EVERY_MS);
  }
}

async function selfTest(target, { token }) {
  const headers = { authorization: `Bearer ${token}`, origin: ORIGIN };
  const response = await fetch(`${target}/_wayleave/token`, { headers, signal: AbortSignal.timeout(30_000) });
  await response.arrayBuffer();
  return response.status;
}

class Api {
  constructor(target, key) {
    this.base = `${target}/_wayleave/api`;
    this.headers = { authorization: `Bearer ${key}` };
  }

  async call(method, path, body) {
    const headers =
      body === undefined ? this.headers : { ...this.headers, 'content-type': 'application/json' };
    const response = await fetch(this.base + path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok)
      throw new Error(
        `${method} ${path} was answered ${response.status} ${answer.code ?? ''}: ${answer.detail ?? ''}`,
      );
    return answer;
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
