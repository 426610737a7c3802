// Measures the time from revocation to refusal at a live deployment, from this machine. It creates a few
// tokens, revokes them one after the other, and sends `GET /_wayleave/token` with each until it is refused.
// The location answers that request from the same list as any other request, and never passes it to the API.
// In the end every token made here is revoked, even after an error or Ctrl-C.
//
// One machine reaches one location. /status has what all locations report; both results are returned.

const ORIGIN = 'https://propagation.example';
const ASK_EVERY_MS = 100;
/** Added to the bound, for clock differences and the network. */
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
      // The shortest lifetime exceeds the bound. If the cleanup fails too, the token still expires.
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
      // A random pause, so that samples do not coincide with periodic work of the deployment.
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
        `${token.id} is still answered ${status}, ${ms} ms after its revocation: ` +
          `the bound is ${boundSeconds} s`,
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
