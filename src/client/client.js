// Wayleave's client for pages and workers: gets a family's public token, keeps it and renews it. No
// dependencies.
//
//   import { wayleave } from "https://api.example.com/_wayleave/client.js";
//   const api = wayleave({ family: "fam_…" });
//   const response = await api.fetch("/v1/observations");
//   image.src = await api.url("/v1/tiles/5/16/10.png");
//
// The token is kept in memory only: never in storage, in a log or in an error. Concurrent callers share one
// renewal. A valid token stays in use during its renewal. So callers wait only for the first token, after a
// long sleep, and after the gateway refused a token.

const MOST_MS = 60_000; // longest pause between attempts after repeated failures
const FINAL_MS = 30_000; // shortest pause after an answer that a retry will not change
const TRIES = 3; // attempts in a row while a caller waits …
const PATIENCE_MS = 5_000; // … unless the next attempt is further away than this
const TIMEOUT_MS = 10_000; // for one attempt
const LEAST_MS = 1_000; // shortest time between two renewals, whatever the gateway says
const TIMER_MS = 3_600_000; // longest timer; browsers allow at most 24 days

/** Codes of a 401 that a new token can cure. */
const DEAD = new Set(['token_revoked', 'token_expired', 'token_disabled', 'token_invalid']);

export class WayleaveError extends Error {
  /**
   * @param {string} code
   * @param {number} status
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(code, status, message, options) {
    super(message, options);
    this.name = 'WayleaveError';
    this.code = code;
    this.status = status;
  }
}

/** @type {typeof import("./client.d.ts").wayleave} */
export function wayleave({
  family,
  gateway = new URL(import.meta.url).origin,
  sendTo = [],
  header = 'Authorization',
  query = 'token',
}) {
  const base = new URL(gateway);
  const trusted = [gateway, ...sendTo].map((url) => new URL(url).origin);
  const keeper = keepToken(new URL(`/_wayleave/families/${encodeURIComponent(family)}/token`, base), family);

  /** @param {string | URL} input */
  function target(input) {
    const url = new URL(input, base);
    if (!trusted.includes(url.origin)) {
      throw new TypeError(
        `Wayleave: the token of ${base.origin} is not sent to ${url.origin}. To allow it, name it in sendTo.`,
      );
    }
    return url;
  }

  /** @type {import("./client.d.ts").Wayleave["fetch"]} */
  async function call(input, init = {}) {
    const request = input instanceof Request ? input : undefined;
    const url = target(request?.url ?? /** @type {string | URL} */ (input));
    const signal = init.signal ?? request?.signal;
    const given = new Headers(init.headers ?? request?.headers);
    if (given.has(header)) {
      throw new TypeError(
        `Wayleave: the request already has the header ${header}. ` +
          'Choose another header for the token: wayleave({ header: "X-Api-Key", … }).',
      );
    }
    const repeatable = isRepeatable(init.body);
    /** @param {string} token @param {boolean} last */
    const send = (token, last) => {
      const headers = new Headers(given);
      headers.set(header, header.toLowerCase() === 'authorization' ? `Bearer ${token}` : token);
      return fetch(request ? (last ? request : request.clone()) : url, { ...init, headers });
    };

    const token = await keeper.token(signal);
    const response = await send(token, !repeatable);
    if (!(await isDead(response))) return response;
    // The gateway refused the request before the API saw it, so resending it cannot perform it twice.
    const replaced = keeper.replace(token, signal);
    if (!repeatable) {
      replaced.catch(() => {}); // the next call uses the new token
      return response;
    }
    const next = await replaced;
    return next === undefined ? response : send(next, true);
  }

  return Object.freeze({
    fetch: call,
    /** @type {import("./client.d.ts").Wayleave["token"]} */
    token: async ({ signal } = {}) => keeper.token(signal),
    /** @type {import("./client.d.ts").Wayleave["url"]} */
    url: async (input, { signal } = {}) => withToken(target(input), query, await keeper.token(signal)),
    watch: keeper.watch,
  });
}

/**
 * Gets, keeps and renews the token of one family.
 * @param {URL} endpoint
 * @param {string} family
 */
function keepToken(endpoint, family) {
  /**
   * @typedef {{ onToken: (token: string) => void, onFault?: (error: WayleaveError) => void, told?: string }}
   *   Watcher `told`: the token that it received last
   */
  /** @type {{ token: string, at: Instant, refreshMs: number, lifeMs: number } | undefined} */
  let held;
  /** @type {Promise<string> | undefined} The renewal in progress. */
  let renewal;
  /**
   * @type {{ error: WayleaveError, at: Instant, ms: number } | undefined} The pause after a failure: no
   *   attempt before it ends.
   */
  let rest;
  let failures = 0;
  /** @type {string | undefined} The token that was refused last. */
  let dead;
  /** @type {Set<Watcher>} */
  const watchers = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const usable = () => (held && elapsedMs(held.at) < held.lifeMs ? held : undefined);
  const restMs = () => (rest ? rest.ms - elapsedMs(rest.at) : 0);
  const dueMs = () => {
    const fresh = usable();
    return Math.max(fresh ? Math.min(fresh.refreshMs, fresh.lifeMs) - elapsedMs(fresh.at) : 0, restMs());
  };

  /** @param {AbortSignal | null | undefined} signal @returns {Promise<string>} */
  async function token(signal) {
    signal?.throwIfAborted();
    const now = usable();
    if (now) {
      // the old token is used meanwhile, and the next call tries again
      if (dueMs() <= 0) renew().catch(() => {});
      return now.token;
    }
    if (!renewal && rest && restMs() > 0) throw rest.error;
    return unlessAborted(renew(), signal);
  }

  /**
   * Gets a token to replace one that the gateway refused; undefined when there is none.
   * @param {string} refused
   * @param {AbortSignal | null | undefined} signal
   */
  async function replace(refused, signal) {
    dead = refused;
    if (held?.token === refused) held = undefined;
    // The answer to a renewal in progress may have left before the token was revoked. If so, renew once more.
    for (let rounds = renewal ? 2 : 1; rounds > 0; rounds -= 1) {
      try {
        const next = await token(signal);
        if (next !== refused) return next;
      } catch (error) {
        if (signal?.aborted) throw error;
        return undefined;
      }
      held = undefined;
    }
    // One location knows of the revocation and another does not yet. Wait until both do.
    takeRest(
      new WayleaveError(
        'token_revoked',
        401,
        `Wayleave: ${endpoint.origin} refuses the token that it handed out.`,
      ),
    );
    return undefined;
  }

  function renew() {
    renewal ??= attempts().finally(() => {
      renewal = undefined;
      tend();
    });
    return renewal;
  }

  async function attempts() {
    for (let attempt = 1; ; attempt += 1) {
      const at = instant();
      try {
        const { token, expires_in, refresh_after_seconds } = await ask(endpoint, family);
        // Renew up to a tenth earlier, at random, so that pages do not all ask in the same second.
        const refreshMs = Math.max(refresh_after_seconds * 1_000 * (1 - Math.random() / 10), LEAST_MS);
        held = { token, at, refreshMs, lifeMs: expires_in * 1_000 };
        if (token !== dead) failures = 0;
        rest = undefined;
        tellToken(token);
        return token;
      } catch (error) {
        const fault = /** @type {WayleaveError & { retryMs?: number }} */ (error);
        const ms = takeRest(fault, fault.retryMs);
        if (attempt === TRIES || ms > PATIENCE_MS) {
          tellFault(fault);
          throw fault;
        }
        await new Promise((resolve) => setTimeout(resolve, ms));
      }
    }
  }

  /** @param {WayleaveError} error */
  function takeRest(error, leastMs = isFinal(error) ? FINAL_MS : 0) {
    failures += 1;
    const ms = Math.min(2 ** Math.min(failures, 20) * 250, MOST_MS) * (0.5 + Math.random() / 2);
    rest = { error, at: instant(), ms: Math.max(ms, Math.min(leastMs, MOST_MS)) };
    return rest.ms;
  }

  /** @type {import("./client.d.ts").Wayleave["watch"]} */
  function watch(onToken, onFault) {
    /** @type {Watcher} */
    const watcher = { onToken, onFault };
    if (watchers.size === 0) listen(true);
    watchers.add(watcher);
    const now = usable();
    if (now) tell(watcher, now.token);
    tend();
    return () => {
      if (watchers.delete(watcher) && watchers.size === 0) {
        listen(false);
        clearTimeout(timer);
      }
    };
  }

  /** Schedules the next renewal for watchers. In a hidden page it waits until the page is visible. */
  function tend() {
    clearTimeout(timer);
    if (watchers.size === 0 || renewal || (held && isHidden())) return;
    timer = setTimeout(
      () => {
        if (dueMs() > 0) tend();
        else renew().catch(() => {}); // tellFault has told the watchers
      },
      Math.min(Math.max(dueMs(), 0), TIMER_MS),
    );
  }

  function online() {
    rest = undefined;
    tend();
  }

  /**
   * Timers stop in a page that sleeps or is in the back/forward cache, so the schedule is checked when it
   * wakes.
   */
  function listen(on = true) {
    const change = on ? 'addEventListener' : 'removeEventListener';
    globalThis.document?.[change]('visibilitychange', tend);
    globalThis[change]?.('pageshow', tend);
    globalThis[change]?.('online', online);
  }

  /** @param {string} token */
  function tellToken(token) {
    for (const watcher of watchers) if (token !== watcher.told) tell(watcher, token);
  }

  /** @param {Watcher} watcher @param {string} token */
  function tell(watcher, token) {
    watcher.told = token;
    later(watcher, () => watcher.onToken(token));
  }

  /** @param {WayleaveError} error */
  function tellFault(error) {
    for (const watcher of watchers) later(watcher, () => watcher.onFault?.(error));
  }

  /**
   * Runs `tell` in a microtask, so that an exception in the page's callback does not reach the client.
   * @param {Watcher} watcher
   * @param {() => void} tell
   */
  function later(watcher, tell) {
    queueMicrotask(() => watchers.has(watcher) && tell());
  }

  return { token, replace, watch };
}

/**
 * Asks the gateway for the token once.
 * @param {URL} endpoint
 * @param {string} family
 * @returns {Promise<{ token: string, expires_in: number, refresh_after_seconds: number }>}
 */
async function ask(endpoint, family) {
  let response;
  let answer;
  try {
    response = await fetch(endpoint, {
      cache: 'no-store',
      credentials: 'omit',
      // even if the page's policy is to send no Referer: the gateway needs the page's origin
      referrerPolicy: 'origin',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = await response.json().catch(() => ({}));
  } catch (cause) {
    throw new WayleaveError(
      'unreachable',
      0,
      `Wayleave: ${endpoint.origin} did not answer. ` +
        "Is it named in the page's Content-Security-Policy (connect-src)?",
      { cause },
    );
  }
  if (
    response.ok &&
    typeof answer?.token === 'string' &&
    answer.expires_in > 0 &&
    answer.refresh_after_seconds >= 0
  )
    return answer;
  const code = typeof answer?.code === 'string' ? answer.code : 'unreadable';
  const error = new WayleaveError(
    code,
    response.status,
    `Wayleave: ${explain(response.status, answer, endpoint.origin, family)}`,
  );
  return Promise.reject(
    Object.assign(error, { retryMs: Number(response.headers.get('Retry-After')) * 1_000 || undefined }),
  );
}

/**
 * @param {number} status
 * @param {{ detail?: unknown } | null} answer
 * @param {string} gateway
 * @param {string} family
 */
function explain(status, answer, gateway, family) {
  if (typeof answer?.detail !== 'string')
    return (
      `${gateway} answered ${status}, but not as Wayleave would. ` +
      'Is it the gateway? wayleave({ gateway: "https://…", … })'
    );
  if (status === 404) {
    return (
      `${gateway} hands out no token for ${family}: the id is mistyped, distribution ` +
      "is switched off, or no token of the family works any more. Ask the API's operator."
    );
  }
  if (status === 403)
    return (
      `${gateway} hands out no token for ${family} ` +
      `to ${globalThis.location?.origin ?? 'this program'}: ${answer.detail}`
    );
  return `${gateway} answered ${status}: ${answer.detail}`;
}

/** Whether asking again soon cannot help. @param {WayleaveError} error */
function isFinal({ code, status }) {
  return status !== 429 && ((status >= 400 && status < 500) || code === 'unreadable');
}

/**
 * Whether the gateway refused the token itself. A 401 of the API behind it is left to the caller.
 * @param {Response} response
 */
async function isDead(response) {
  if (
    response.status !== 401 ||
    !response.headers.get('Content-Type')?.startsWith('application/problem+json')
  )
    return false;
  const problem = await response
    .clone()
    .json()
    .catch(() => undefined);
  return DEAD.has(problem?.code);
}

/**
 * Whether a body can be sent a second time. A stream cannot; a Request is cloned before it is sent.
 * @param {BodyInit | null | undefined} body
 */
function isRepeatable(body) {
  const kinds = [ArrayBuffer, Blob, FormData, URLSearchParams];
  return (
    body == null ||
    typeof body === 'string' ||
    ArrayBuffer.isView(body) ||
    kinds.some((kind) => body instanceof kind)
  );
}

/**
 * `url` with the token in its query, replacing an earlier token. All other parameters stay as they are.
 * @param {URL} url
 * @param {string} name
 * @param {string} token
 */
function withToken(url, name, token) {
  const others = url.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '' && pair.split('=')[0] !== name);
  url.search = [...others, `${name}=${token}`].join('&');
  return url.href;
}

/**
 * Rejects when `signal` aborts. `promise` itself continues, because other callers may wait for it.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal | null | undefined} signal
 * @returns {Promise<T>}
 */
function unlessAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/**
 * A point in time on two clocks. The wall clock can be set; on some machines the steady clock stops during
 * sleep. The larger elapsed time counts, so an error can only cause an early renewal.
 * @typedef {{ wall: number, steady: number }} Instant
 */
const instant = () => ({ wall: Date.now(), steady: performance.now() });
/** @param {Instant} at */
const elapsedMs = (at) => Math.max(Date.now() - at.wall, performance.now() - at.steady);

const isHidden = () => globalThis.document?.visibilityState === 'hidden';
