// The calls between WebAssembly and JavaScript. Each does in one call what would otherwise take dozens.
//
// A call costs more than a comparison or a hash. So facts are passed as one string of lines, and orders are
// returned as one string of lines. A line feed cannot occur in a method, a URL or a header value, so it is a
// safe separator. Nothing is decided here: Rust says which headers to read, remove or set, and how long to
// wait.

// The executor of wasm-bindgen-futures schedules each of its turns with queueMicrotask, which workerd
// implements in C++. A promise's `then` schedules the same turn at a fraction of the cost. Measured with
// `make bench`, two runs of each in turn: ratio 0.53 and 0.58 without this, 0.61 and 0.66 with it. A panic
// inside a turn is recovered from in the same way (tested both ways).
const settled = Promise.resolve();
globalThis.queueMicrotask = (task) => void settled.then(task);

/**
 * Method, URL, the names of other headers whose value holds `marker` (separated by commas), then one line for
 * each header of `names`: empty when absent, else `=` and its value.
 */
export function readRequest(request, names, marker) {
  const { headers } = request;
  const lines = headerLines(headers, names);
  return `${request.method}\n${request.url}\n${othersHolding(headers, names, marker, lines)}\n${lines}`;
}

/** One line for each header of `names`, as in readRequest. */
export function readHeaders(request, names) {
  return headerLines(request.headers, names);
}

// Reading values alone costs half of reading names and values (10 µs for 14 headers, measured in workerd).
// Names are needed only when a header that is not in `names` holds the marker.
function othersHolding(headers, names, marker, lines) {
  let holding = 0;
  for (const value of headers.values()) if (value.includes(marker)) holding += 1;
  if (holding === 0) return '';
  for (const line of lines.split('\n')) if (line.includes(marker)) holding -= 1;
  if (holding === 0) return '';
  const read = new Set(names.split('\n'));
  const others = [];
  for (const [name, value] of headers) if (value.includes(marker) && !read.has(name)) others.push(name);
  return others.join(',');
}

/** The status, then one line for each header of `names`, as in readRequest. */
export function readResponse(response, names) {
  return `${response.status}\n${headerLines(response.headers, names)}`;
}

/** The `Set-Cookie` values, one a line. Called only when one must be removed; most answers set none. */
export function setCookies(response) {
  return response.headers.getSetCookie().join('\n');
}

/** The split lists of names, by their text. There are four. */
const nameLists = new Map();

function headerLines(headers, names) {
  let list = nameLists.get(names);
  if (list === undefined) {
    list = names.split('\n');
    nameLists.set(names, list);
  }
  let lines = '';
  for (const name of list) {
    const value = headers.get(name);
    lines += value === null ? '\n' : `=${value}\n`;
  }
  return lines;
}

/**
 * Makes the withheld names from a text with one a line: `name`, `stem*` for all names that begin so, or
 * `!name` for one that is sent on after all. Names are spelled as CGI reads them: every character that is
 * neither letter nor digit is `-`.
 */
export function withheldNames(text) {
  const lines = text.split('\n');
  return {
    names: new Set(lines),
    stems: lines.filter((line) => line.endsWith('*')).map((line) => line.slice(0, -1)),
    judged: new Map(),
  };
}

// Verdicts are cached: for a request with 19 headers, a look-up costs 0.5 µs and a new judgement 3 µs.
// Callers choose names, so the number and the length of cached names are limited.
const JUDGED_NAMES_MAX = 500;
const JUDGED_NAME_MAX_CHARS = 64;
const ODD_CHARS = /[^a-z0-9]/g;

function isWithheld(name, { names, stems, judged }) {
  let verdict = judged.get(name);
  if (verdict === undefined) {
    const read = name.replace(ODD_CHARS, '-');
    verdict = (names.has(read) || stems.some((stem) => read.startsWith(stem))) && !names.has(`!${name}`);
    if (judged.size < JUDGED_NAMES_MAX && name.length <= JUDGED_NAME_MAX_CHARS) judged.set(name, verdict);
  }
  return verdict;
}

/**
 * Sends `request` to `url` with its body as a stream. Headers that are `withheld` or named in `remove` are
 * removed; then `set` (name, value, name, value …) is applied. Resolves to the answer once its headers have
 * arrived, or to null after `timeout` milliseconds. Rejects when the upstream cannot be reached.
 */
export async function forward(request, url, withheld, remove, set, timeout) {
  // Copied from the request itself, for two reasons. A GET with a body, which the constructor refuses when
  // given the parts, is sent on too. And redirects are passed on, not followed, as in incoming requests.
  const onward = new Request(url, request);
  const headers = onward.headers;
  const taken = [];
  for (const name of headers.keys()) if (isWithheld(name, withheld)) taken.push(name);
  for (const name of taken) headers.delete(name);
  edit(headers, remove, set);
  return within(fetch(onward), timeout, null);
}

/**
 * The upstream's answer with edited headers. Body, status and WebSocket stay as they are. `cookies`, if
 * given, are the `Set-Cookie` values to keep, one a line.
 */
export function decorate(response, remove, set, cookies) {
  const decorated = new Response(response.body, response);
  edit(decorated.headers, remove, set);
  if (cookies !== undefined) {
    decorated.headers.delete('Set-Cookie');
    for (const cookie of cookies.split('\n')) {
      if (cookie !== '') decorated.headers.append('Set-Cookie', cookie);
    }
  }
  return decorated;
}

/** An answer made by Wayleave itself. */
export function reply(status, set, body) {
  const headers = new Headers();
  edit(headers, '', set);
  return new Response(body, { status, headers });
}

function edit(headers, remove, set) {
  if (remove !== '') for (const name of remove.split('\n')) headers.delete(name);
  if (set === '') return;
  const lines = set.split('\n');
  for (let i = 0; i + 1 < lines.length; i += 2) headers.set(lines[i], lines[i + 1]);
}

/** The bytes under `key`. Null when KV has none; undefined on failure or after `timeout` ms. */
export async function kvGet(kv, key, cacheTtl, timeout) {
  try {
    const bytes = await within(kv.get(key, { type: 'arrayBuffer', cacheTtl }), timeout, undefined);
    return bytes ? new Uint8Array(bytes) : bytes;
  } catch (error) {
    console.warn(`KV read of ${key} failed: ${error}`);
    return undefined;
  }
}

/** Whether a rate limiter allows one more request for `key`. Undefined on failure or after `timeout` ms. */
export async function rateLimit(limiter, key, timeout) {
  try {
    return (await within(limiter.limit({ key }), timeout, undefined))?.success;
  } catch (error) {
    console.warn(`a rate limiter failed: ${error}`);
    return undefined;
  }
}

/**
 * Writes `bytes` under `key` until `expiration` (Unix seconds; 0 means forever). Resolves to whether KV
 * accepted the write within `timeout` ms.
 */
export async function kvPut(kv, key, bytes, expiration, timeout) {
  try {
    const put = kv.put(key, bytes, expiration > 0 ? { expiration } : undefined);
    return await within(
      put.then(() => true),
      timeout,
      false,
    );
  } catch (error) {
    console.warn(`KV did not take ${key}: ${error}`);
    return false;
  }
}

/**
 * The bytes under `url` in the location's cache. Undefined when there are none, when there is no cache, or
 * after `timeout` ms.
 */
export async function locationGet(url, timeout) {
  try {
    const bytes = caches.default.match(url).then((found) => found?.arrayBuffer());
    const found = await within(bytes, timeout, undefined);
    return found && new Uint8Array(found);
  } catch {
    return undefined;
  }
}

/**
 * Puts `bytes` into the location's cache for `maxAge` seconds and waits at most `timeout` ms. Does nothing
 * where the platform has no cache.
 */
export async function locationPut(url, bytes, maxAge, timeout) {
  try {
    const headers = { 'Cache-Control': `public, max-age=${maxAge}` };
    await within(caches.default.put(url, new Response(bytes, { headers })), timeout, undefined);
  } catch {
    // Only a copy is missing: KV and the registry have the bytes.
  }
}

/** The platform's name for this location. Undefined where it gives none. */
export function locationName(request) {
  return request.cf?.colo;
}

/** Continent, country and longitude of the caller, one a line; empty where the platform does not say. */
export function placeOf(request) {
  const { continent = '', country = '', longitude = '' } = request.cf ?? {};
  return `${continent}\n${country}\n${longitude}`;
}

/**
 * Calls the object of this name. Its answer as text; undefined on failure or after `timeout` ms. With a
 * `hint` the platform starts a new object near that place.
 */
export async function objectCall(namespace, name, body, timeout, hint) {
  try {
    return await within(ask(namespace, name, body, hint), timeout, undefined);
  } catch (error) {
    console.warn(`call to the object ${name} failed: ${error}`);
    return undefined;
  }
}

async function ask(namespace, name, body, hint) {
  const where = hint === undefined ? undefined : { locationHint: hint };
  const stub = namespace.get(namespace.idFromName(name), where);
  const response = await stub.fetch('https://object/', { method: 'POST', body });
  return response.ok ? response.text() : undefined;
}

/** Writes one data point; `blobs` has one a line. */
export function writeDataPoint(dataset, index, blobs, double) {
  dataset.writeDataPoint({ indexes: [index], blobs: blobs.split('\n'), doubles: [double] });
}

/**
 * The body as bytes, or null once it is longer than `limit` bytes. A longer body is never kept in memory.
 */
export async function readBody(request, limit) {
  const chunks = [];
  let length = 0;
  if (request.body) {
    for await (const chunk of request.body) {
      length += chunk.byteLength;
      if (length > limit) return null;
      chunks.push(chunk);
    }
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/**
 * Posts a webhook to `url` with `headers` (name, value, name, value …). Resolves to the status of the answer,
 * to 0 after `timeout` milliseconds without one, or to -1 when the receiver cannot be reached. Redirects are
 * not followed. At most about `limit` bytes of the answer's body are read, within the same time. A short body
 * is read to its end, so that its connection can be reused.
 */
export async function postWebhook(url, headers, body, timeout, limit) {
  const given = new AbortController();
  const timer = setTimeout(() => given.abort(), timeout);
  let status = -1;
  try {
    const request = new Request(url, { method: 'POST', body, redirect: 'manual', signal: given.signal });
    edit(request.headers, '', headers);
    const response = await fetch(request);
    status = response.status;
    await discard(response.body, limit);
  } catch (error) {
    // Once the status has arrived, a failure to read the body does not matter.
    if (status < 0 && given.signal.aborted) status = 0;
    else if (status < 0) console.warn(`the webhook's receiver cannot be reached: ${error}`);
  } finally {
    clearTimeout(timer);
  }
  return status;
}

/** Reads `body` to its end, or until `limit` bytes have arrived. The rest is cancelled unread. */
async function discard(body, limit) {
  if (body === null) return;
  let length = 0;
  // Leaving the loop cancels the stream.
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length >= limit) break;
  }
}

/** Runs `body` in one synchronous transaction, which is undone when `body` throws. */
export function transactionSync(storage, body) {
  storage.transactionSync(body);
}

/** Every row of a statement, each an array of column values. */
export function sqlRows(storage, statement, parameters) {
  return [...storage.sql.exec(statement, ...parameters).raw()];
}

/** Settles like `promise`, or resolves to `late` after `ms` milliseconds. The timer ends with the wait. */
function within(promise, ms, late) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, late);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/**
 * Resolves to 'gone' when the caller of `request` is gone, to 'woken' once that promise resolves, and to
 * 'over' after `ms` milliseconds. The timer ends with the wait.
 */
export function held(request, woken, ms) {
  return new Promise((resolve) => {
    const end = (how) => {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', left);
      resolve(how);
    };
    const left = () => end('gone');
    const timer = setTimeout(end, ms, 'over');
    request.signal?.addEventListener('abort', left);
    woken.then(() => end('woken'));
  });
}

/** Resolves after `ms` milliseconds. */
export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
