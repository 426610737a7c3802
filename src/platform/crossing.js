// The crossings between JavaScript and WebAssembly, each doing in one call what would else take dozens.
//
// A crossing costs more than a comparison or a hash, so facts come over as one string of lines and orders go back as
// one string of lines. A line feed cannot occur in a method, a URL or a header value, so it separates safely.
// Nothing here decides anything: which headers are read, removed or set, and how long to wait, Rust says.

// The executor of wasm-bindgen-futures asks for each of its turns by queueMicrotask, which workerd answers in C++: a
// promise's `then` gives the same turn for a fraction of the cost. Measured by `make bench`, two runs of each in turn:
// ratio 0.53 and 0.58 without, 0.61 and 0.66 with. A panic inside a turn is recovered from as before (tried out both ways).
const settled = Promise.resolve();
globalThis.queueMicrotask = (task) => void settled.then(task);

/** Method, URL, then one line a header of `names`: empty when absent, else `=` and its value. */
export function readRequest(request, names) {
  return `${request.method}\n${request.url}\n${headerLines(request.headers, names)}`;
}

/** The status, then one line a header of `names`, as above. */
export function readResponse(response, names) {
  return `${response.status}\n${headerLines(response.headers, names)}`;
}

/** Lists of names by their text: there are three of them. */
const nameLists = new Map();

function headerLines(headers, names) {
  let list = nameLists.get(names);
  if (list === undefined) nameLists.set(names, (list = names.split('\n')));
  let lines = '';
  for (const name of list) {
    const value = headers.get(name);
    lines += value === null ? '\n' : `=${value}\n`;
  }
  return lines;
}

/**
 * Sends `request` on to `url` with its body as a stream. Headers named in `remove`, and all that begin with `prefix`,
 * are taken out; then `set` (name, value, name, value …) is put in. Resolves to the answer once its headers are here,
 * or to null when that took longer than `timeout` milliseconds; rejects when the upstream cannot be reached.
 */
export async function forward(request, url, prefix, remove, set, timeout) {
  // Made of the request itself: a GET with a body, which an init of parts forbids, is sent on too, and redirects are
  // passed on, not followed, as incoming requests say.
  const onward = new Request(url, request);
  const headers = onward.headers;
  // `_` for `-`: CGI and its heirs read both as the same variable. The stem is looked at first: of ten names none has it.
  const stem = prefix.slice(0, -1);
  const own = [];
  for (const name of headers.keys()) {
    if (name.startsWith(stem) && name.replaceAll('_', '-').startsWith(prefix)) own.push(name);
  }
  for (const name of own) headers.delete(name);
  edit(headers, remove, set);
  return within(fetch(onward), timeout, null);
}

/** The upstream's answer with edited headers; body, status, cookies and WebSocket stay as they are. */
export function decorate(response, remove, set) {
  const decorated = new Response(response.body, response);
  edit(decorated.headers, remove, set);
  return decorated;
}

/** An answer of our own. */
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

/** The bytes under `key`; null when KV has none; undefined when it failed or took longer than `timeout` ms. */
export async function kvGet(kv, key, cacheTtl, timeout) {
  try {
    const bytes = await within(kv.get(key, { type: 'arrayBuffer', cacheTtl }), timeout, undefined);
    return bytes ? new Uint8Array(bytes) : bytes;
  } catch (error) {
    console.warn(`KV read of ${key} failed: ${error}`);
    return undefined;
  }
}

/** Whether one more request for `key` is within the limit of a rate limiter; undefined when it failed or took longer than `timeout` ms. */
export async function rateLimit(limiter, key, timeout) {
  try {
    return (await within(limiter.limit({ key }), timeout, undefined))?.success;
  } catch (error) {
    console.warn(`a rate limiter failed: ${error}`);
    return undefined;
  }
}

/**
 * Writes `bytes` under `key` until `expiration` (Unix seconds; 0: for ever). Resolves to whether KV took it; false also
 * when that took longer than `timeout` ms.
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

/** The bytes under `url` in the location's cache; undefined without them, without a cache, or after `timeout` ms. */
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
 * Puts `bytes` into the location's cache for `maxAge` seconds, and waits for at most `timeout` ms. Where the platform has
 * none, nothing happens.
 */
export async function locationPut(url, bytes, maxAge, timeout) {
  try {
    const headers = { 'Cache-Control': `public, max-age=${maxAge}` };
    await within(caches.default.put(url, new Response(bytes, { headers })), timeout, undefined);
  } catch {
    // A copy fewer: KV and the registry have it.
  }
}

/** What the platform calls this location; undefined where it does not say. */
export function locationName(request) {
  return request.cf?.colo;
}

/** Calls the object of this name; its answer as text, or undefined when it failed or took longer than `timeout` ms. */
export async function objectCall(namespace, name, body, timeout) {
  try {
    return await within(ask(namespace, name, body), timeout, undefined);
  } catch (error) {
    console.warn(`call to the object ${name} failed: ${error}`);
    return undefined;
  }
}

async function ask(namespace, name, body) {
  const stub = namespace.get(namespace.idFromName(name));
  const response = await stub.fetch('https://object/', { method: 'POST', body });
  return response.ok ? response.text() : undefined;
}

/** Writes one data point; `blobs` is a line each. */
export function writeDataPoint(dataset, index, blobs, double) {
  dataset.writeDataPoint({ indexes: [index], blobs: blobs.split('\n'), doubles: [double] });
}

/**
 * The body as bytes, or null once it holds more than `limit` of them: what is too long is never held.
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
 * Posts a webhook to `url` with `headers` (name, value, name, value …). Resolves to the status of the answer, 0 when none came
 * within `timeout` milliseconds, -1 when none can come. Redirects are not followed. Of the answer's body at most about
 * `limit` bytes are read, within the same time: a usual one ends by itself, and its connection can be used again.
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
    // Once the status is here, what becomes of the body is of no interest.
    if (status < 0 && given.signal.aborted) status = 0;
    else if (status < 0) console.warn(`the webhook's receiver cannot be reached: ${error}`);
  } finally {
    clearTimeout(timer);
  }
  return status;
}

/** Reads `body` to its end or until `limit` bytes have come; the rest is cancelled unread. */
async function discard(body, limit) {
  if (body === null) return;
  let length = 0;
  // Leaving the loop cancels the stream.
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length >= limit) break;
  }
}

/** Runs `body` in one synchronous transaction: undone when it throws. */
export function transactionSync(storage, body) {
  storage.transactionSync(body);
}

/** Every row of a statement, each an array of column values. */
export function sqlRows(storage, statement, parameters) {
  return [...storage.sql.exec(statement, ...parameters).raw()];
}

/** Settles like `promise`, or resolves to `late` after `ms` milliseconds; the timer never outlives the wait. */
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

/** Resolves after `ms` milliseconds. */
export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
