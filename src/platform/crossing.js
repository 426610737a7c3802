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

/** What the requests of this isolate are read for. Undefined until Rust has said it. */
let reading;

/** Says what is read: names of headers, one a line, and a marker to look for in all others. */
export function prepare(names, marker, replaced, passed, scoped) {
  const list = names.split('\n');
  const index = new Map(list.map((name, at) => [name, at]));
  const withheld = {
    replace: withheldNames(replaced),
    pass: withheldNames(passed),
    scope: withheldNames(scoped),
  };
  reading = { index, absent: list.map(() => ''), marker, withheld };
}

/** Whether Rust has said what is read. */
export const isPrepared = () => reading !== undefined;

/**
 * Method, URL, the names of other headers whose value holds the marker (separated by commas), then one line
 * for each header that is read: empty when absent, else `=` and its value.
 */
export function readRequest(request) {
  return read(request).text;
}

/**
 * The same text, and the names of all headers. One `forEach` reads them: an iterator over the same headers
 * takes three times as long, because each of its steps crosses into the platform (docs/performance.md).
 */
export function read(request) {
  const { index, absent, marker } = reading;
  const lines = absent.slice();
  const names = [];
  let others = '';
  request.headers.forEach((value, name) => {
    names.push(name);
    const at = index.get(name);
    if (at !== undefined) lines[at] = `=${value}`;
    else if (value.includes(marker)) others += others === '' ? name : `,${name}`;
  });
  return { text: `${request.method}\n${request.url}\n${others}\n${lines.join('\n')}\n`, names };
}

/** One line for each header of `names`: empty when absent, else `=` and its value. */
export function readHeaders(request, names) {
  return headerLines(request.headers, names);
}

/** The status, then one line for each header of `names`, as in readHeaders. */
export function readResponse(response, names) {
  return `${response.status}\n${headerLines(response.headers, names)}`;
}

/** The `Set-Cookie` values, one a line. Called only when one must be removed; most answers set none. */
export function setCookies(response) {
  return response.headers.getSetCookie().join('\n');
}

/** The split lists of names, by their text. There are few. */
const nameLists = new Map();

function namesIn(text) {
  let list = nameLists.get(text);
  if (list === undefined) {
    list = text.split('\n');
    nameLists.set(text, list);
  }
  return list;
}

function headerLines(headers, names) {
  let lines = '';
  for (const name of namesIn(names)) {
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
function withheldNames(text) {
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
 * Sends `request` to `url` with its body as a stream. Headers that are withheld or named in `remove` are
 * removed; then `set` (name, value, name, value …) is applied. `forwarded` says what is withheld: "replace",
 * "pass" or "scope". Resolves to the answer once its headers have arrived, or to null after `timeout`
 * milliseconds. Rejects when the upstream cannot be reached.
 */
export async function forward(request, url, forwarded, remove, set, timeout) {
  return send(request, read(request).names, url, forwarded, remove, set, timeout);
}

/** The same with the names of the request's headers. */
export function send(request, names, url, forwarded, remove, set, timeout) {
  const withheld = reading.withheld[forwarded];
  const headers = new Headers(request.headers);
  for (const name of names) if (isWithheld(name, withheld)) headers.delete(name);
  edit(headers, remove, set);
  const { method, body } = request;
  // A GET with a body is sent on too, but the parts of a request may not be put together so.
  const onward =
    body !== null && (method === 'GET' || method === 'HEAD')
      ? fetch(new Request(new Request(url, request), { headers }))
      : // Redirects are passed on, not followed.
        fetch(url, { method, headers, body, redirect: 'manual' });
  return within(onward, timeout, null);
}

/**
 * The upstream's answer with edited headers. Body, status and WebSocket stay as they are. `cookies`, if
 * given, are the `Set-Cookie` values to keep, one a line.
 */
export function decorate(response, remove, set, cookies) {
  const decorated = new Response(response.body, response);
  edit(decorated.headers, remove, set);
  if (cookies !== undefined) keepCookies(decorated.headers, cookies);
  return decorated;
}

/** Replaces the `Set-Cookie` values of an answer by these, one a line. */
export function keepCookies(headers, cookies) {
  headers.delete('Set-Cookie');
  for (const cookie of cookies.split('\n')) if (cookie !== '') headers.append('Set-Cookie', cookie);
}

/** Whether an answer has none of the headers in `names`, one a line. */
export function hasNone(headers, names) {
  return namesIn(names).every((name) => !headers.has(name));
}

/** An answer made by Wayleave itself. */
export function reply(status, set, body) {
  return new Response(body, { status, headers: fields(set) });
}

/**
 * Fields (name, value, name, value …) as the init of a response takes them. No name stands twice. Handed
 * over at once, they cost less than set one by one (docs/performance.md).
 */
export function fields(set) {
  const lines = set.split('\n');
  const all = {};
  for (let i = 0; i + 1 < lines.length; i += 2) all[lines[i]] = lines[i + 1];
  return all;
}

/** Removes headers (one name a line), then sets others (name, value, name, value …). */
export function edit(headers, remove, set) {
  if (remove !== '') for (const name of namesIn(remove)) if (headers.has(name)) headers.delete(name);
  if (set === '') return;
  const lines = set.split('\n');
  for (let i = 0; i + 1 < lines.length; i += 2) headers.set(lines[i], lines[i + 1]);
}

/** The bytes under `key`. Null when KV has none; undefined on failure or after `timeout` ms. */
export function kvGet(kv, key, cacheTtl, timeout) {
  return kvRead(kvBegin(kv, key, cacheTtl), key, timeout);
}

/** KV's promise of the value under `key`: an ArrayBuffer or null. It rejects where KV is not bound. */
export async function kvBegin(kv, key, cacheTtl) {
  return kv.get(key, { type: 'arrayBuffer', cacheTtl });
}

/** What kvGet gives, of a read that was begun already: `reading` is KV's promise. */
export async function kvRead(reading, key, timeout) {
  try {
    const bytes = await within(reading, timeout, undefined);
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
export function within(promise, ms, late) {
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
