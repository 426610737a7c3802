// Wayleave's client for pages and workers: gets the public token of a family, keeps it, renews it. No dependencies.
//
//   import { wayleave } from "https://api.example.com/_wayleave/client.js";
//   const api = wayleave({ family: "fam_…" });
//   const response = await api.fetch("/v1/observations");
//   image.src = await api.url("/v1/tiles/5/16/10.png");
//
// The token is in memory alone: not in storage, in a log or in an error. All who wait share one renewal. A token is used
// while it is renewed, so nobody waits but for the first one, after a long sleep, and when the gateway refused one.

const MOST_MS = 60_000; // between two tries, when many failed
const FINAL_MS = 30_000; // at least, after an answer that another try will not change
const TRIES = 3; // in a row, while somebody waits …
const PATIENCE_MS = 5_000; // … unless the next one is further away than this
const TIMEOUT_MS = 10_000; // of one try
const LEAST_MS = 1_000; // between two renewals, whatever the gateway says
const TIMER_MS = 3_600_000; // a timer's longest: the browser's own limit is 24 days

/** Codes of a 401 that another token may not get. */
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
        `Wayleave: ${url.origin} is not to be sent the token of ${base.origin}. If it is, name it in sendTo.`,
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
        `Wayleave: the request has a header ${header} of its own. Name another for the token: wayleave({ header: "X-Api-Key", … }).`,
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
    // The gateway refused it before the API saw anything of it: what is sent once more is done once.
    const replaced = keeper.replace(token, signal);
    if (!repeatable) {
      replaced.catch(() => {}); // the next call has it
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
  /** @typedef {{ onToken: (token: string) => void, onFault?: (error: WayleaveError) => void }} Watcher */
  /** @type {{ token: string, at: Instant, refreshMs: number, lifeMs: number } | undefined} */
  let held;
  /** @type {Promise<string> | undefined} The renewal under way. */
  let renewal;
  /** @type {{ error: WayleaveError, at: Instant, ms: number } | undefined} After a failure: nobody asks before it is over. */
  let rest;
  let failures = 0;
  /** @type {string | undefined} The last token that was refused. */
  let dead;
  /** @type {string | undefined} What watchers were last told. */
  let told;
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
      if (dueMs() <= 0) renew().catch(() => {}); // it is used meanwhile, and the next call tries again
      return now.token;
    }
    if (!renewal && rest && restMs() > 0) throw rest.error;
    return unlessAborted(renew(), signal);
  }

  /**
   * A token in place of one that the gateway refused; undefined when there is no other.
   * @param {string} refused
   * @param {AbortSignal | null | undefined} signal
   */
  async function replace(refused, signal) {
    dead = refused;
    if (held?.token === refused) held = undefined;
    // A renewal that is under way may have been answered before the token died: then one more.
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
    // One location has heard of its end, another has not yet: in a while it has.
    takeRest(
      new WayleaveError(
        'token_revoked',
        401,
        `Wayleave: ${endpoint.origin} refuses the token that it hands out.`,
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
        // A little sooner, each page by its own measure: a million of them must not come in the same second.
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
    const watcher = { onToken, onFault };
    if (watchers.size === 0) listen(true);
    watchers.add(watcher);
    const now = usable();
    if (now) later(watcher, () => onToken(now.token));
    tend();
    return () => {
      if (watchers.delete(watcher) && watchers.size === 0) {
        listen(false);
        clearTimeout(timer);
      }
    };
  }

  /** Sees to it that somebody who watches hears of a successor in time. In a hidden page it waits until it is seen. */
  function tend() {
    clearTimeout(timer);
    if (watchers.size === 0 || renewal || (held && isHidden())) return;
    timer = setTimeout(
      () => {
        if (dueMs() > 0) tend();
        else renew().catch(() => {}); // watchers were told
      },
      Math.min(Math.max(dueMs(), 0), TIMER_MS),
    );
  }

  function online() {
    rest = undefined;
    tend();
  }

  /** Timers stand still in a page that sleeps or is kept for "back": what is due is looked at when it wakes. */
  function listen(on = true) {
    const change = on ? 'addEventListener' : 'removeEventListener';
    globalThis.document?.[change]('visibilitychange', tend);
    globalThis[change]?.('pageshow', tend);
    globalThis[change]?.('online', online);
  }

  /** @param {string} token */
  function tellToken(token) {
    if (token !== told) for (const watcher of watchers) later(watcher, () => watcher.onToken(token));
    told = token;
  }

  /** @param {WayleaveError} error */
  function tellFault(error) {
    for (const watcher of watchers) later(watcher, () => watcher.onFault?.(error));
  }

  /**
   * In a turn of its own, so that an exception of the page's is the page's.
   * @param {Watcher} watcher
   * @param {() => void} tell
   */
  function later(watcher, tell) {
    queueMicrotask(() => watchers.has(watcher) && tell());
  }

  return { token, replace, watch };
}

/**
 * Asks the gateway once.
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
      referrerPolicy: 'origin', // also where the page sends none: it says where the page is from
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = await response.json().catch(() => ({}));
  } catch (cause) {
    throw new WayleaveError(
      'unreachable',
      0,
      `Wayleave: ${endpoint.origin} did not answer. Is it named in the page's Content-Security-Policy (connect-src)?`,
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
    return `${gateway} answered ${status}, and not as Wayleave does. Is it the gateway? wayleave({ gateway: "https://…", … })`;
  if (status === 404) {
    return `${gateway} hands out no token for ${family}: the id is mistyped, distribution is switched off, or the family has no token left that works. Ask the API's operator.`;
  }
  if (status === 403)
    return `${gateway} hands out no token for ${family} to ${globalThis.location?.origin ?? 'this program'}: ${answer.detail}`;
  return `${gateway} answered ${status}: ${answer.detail}`;
}

/** Whether asking again soon cannot help. @param {WayleaveError} error */
function isFinal({ code, status }) {
  return status !== 429 && ((status >= 400 && status < 500) || code === 'unreadable');
}

/**
 * Whether the gateway refused the token itself. An API's own 401 is its own affair.
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
 * Whether a body can be sent a second time; a stream flows once. (A Request is copied before it is sent.)
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
 * `url` with the token in its query, in place of an earlier one; every other parameter stays as it is.
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
 * Rejects when `signal` says so; `promise` goes on for the others who wait for it.
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
 * A point in time by two clocks: one may be set, the other stands still while some machines sleep. The later one counts, so
 * a token is at worst renewed too soon.
 * @typedef {{ wall: number, steady: number }} Instant
 */
const instant = () => ({ wall: Date.now(), steady: performance.now() });
/** @param {Instant} at */
const elapsedMs = (at) => Math.max(Date.now() - at.wall, performance.now() - at.steady);

const isHidden = () => globalThis.document?.visibilityState === 'hidden';
