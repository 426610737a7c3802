// Decides every row of requests.json again, and must agree with the Rust code that wrote it. The two share no
// code. This one states the meaning of the rows in plain JavaScript.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const vectors = JSON.parse(readFileSync(new URL('requests.json', import.meta.url), 'utf8'));
const refuse = (status, code, reason, places) => ({
  refuse: { status, code, ...(reason && { reason }), ...(places && { places }) },
});

// Paths.

const isBelow = (path, route) => path === route || path.startsWith(`${route}/`);

const percentDecoded = (bytes) =>
  bytes.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

/** Further notations of ASCII: %u0061, overlong UTF-8 of two bytes and of more, full-width forms. */
const NOTATIONS = [
  (bytes) =>
    bytes.replace(/%u(?:00([0-7][0-9a-f])|ff([0-5][0-9a-f]))/gi, (whole, ascii, wide) => {
      if (ascii) return String.fromCharCode(parseInt(ascii, 16));
      const code = parseInt(wide, 16);
      return code >= 1 && code <= 0x5e
        ? Buffer.from(String.fromCharCode(0xff00 + code)).toString('latin1')
        : whole;
    }),
  (bytes) => bytes.replace(/([\xc0\xc1])(.)/gs, (_, high, low) => overlong(high, low)),
  (bytes) =>
    bytes.replace(/(?:\xe0|\xf0\x80|\xf8\x80\x80|\xfc\x80\x80\x80)([\x80\x81])(.)/gs, (_, high, low) =>
      overlong(high, low),
    ),
  (bytes) =>
    bytes
      .replace(/\xef\xbc([\x81-\xbf])/g, (_, low) => String.fromCharCode(low.charCodeAt(0) - 0x60))
      .replace(/\xef\xbd([\x80-\x9e])/g, (_, low) => String.fromCharCode(low.charCodeAt(0) - 0x20)),
];

/** One round of a server that knows every notation. */
const decodeOnce = (bytes) => NOTATIONS.reduce((path, decoded) => decoded(path), percentDecoded(bytes));

/** One round of each server that knows one of them besides, or none. */
const decodedInPart = (bytes) =>
  [(path) => path, ...NOTATIONS].map((decoded) => decoded(percentDecoded(bytes)));

const overlong = (high, low) =>
  String.fromCharCode(((high.charCodeAt(0) & 1) << 6) | (low.charCodeAt(0) & 0x3f));

/** Every reading of the path by some server, or why the gateway refuses it. */
function eagerReadings(path) {
  if (path.includes('\\')) return { reason: 'backslash' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
  if (/[\x00-\x20\x7f]/.test(path)) return { reason: 'control_character' };
  // A server cuts parameters off before or after each round of decoding, of the notations that it knows.
  const ends = new Set();
  const waiting = [Buffer.from(path).toString('latin1')];
  const seen = new Set(waiting);
  while (waiting.length > 0) {
    const bytes = waiting.shift();
    const cuts = [/(?:;|:\$)[^/]*/g, /(?:;|:\$)[^/\\]*/g].map((parameters) =>
      bytes.replaceAll(parameters, ''),
    );
    for (const next of [...cuts, ...decodedInPart(bytes)]) {
      if (!seen.has(next)) waiting.push(next);
      seen.add(next);
    }
    let end = bytes;
    for (let round = 0; decodeOnce(end).length < end.length; round += 1) {
      if (round === 4) return { reason: 'encoded_repeatedly' };
      end = decodeOnce(end);
    }
    ends.add(end);
  }
  const all = [...ends].map(readingsOf);
  const wrong = all.find((one) => one.reason);
  if (wrong) return wrong;
  return { readings: all.flatMap((one) => one.readings), hasControl: all.some((one) => one.hasControl) };
}

/** The readings of a path that is decoded already. */
function readingsOf(bytes) {
  if (bytes.includes('\0')) return { reason: 'control_character' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
  const hasControl = /[\x01-\x1f\x7f]/.test(bytes);
  const segments = Buffer.from(bytes, 'latin1').toString().split(/[/\\]/);
  const bare = (segment) => segment.split(';')[0].split('::$')[0].split(':$')[0];
  const isDots = (name) => /^[.\s]+$/.test(name) && [1, 2].includes(name.replace(/[^.]/g, '').length);
  const parts = segments.flatMap((segment) => segment.split(/[?#]/));
  if (parts.some((part) => isDots(bare(part)))) return { reason: 'dot_segment' };
  const fold = (name) =>
    [...name]
      .map((c) => c.toUpperCase().toLowerCase())
      .join('')
      .replaceAll('\u0307', '');
  const name = (segment) =>
    fold(
      bare(segment.split(/[?#]/)[0])
        .replace(/[.\s]+$/, '')
        .trimStart(),
    );
  const from = (start, notBefore = start) => {
    const rest = segments.slice(start);
    const end = rest.findIndex((segment, at) => start + at >= notBefore && /[?#]/.test(segment));
    return rest
      .slice(0, end + 1 || undefined)
      .map(name)
      .filter(Boolean)
      .map((one) => `/${one}`)
      .join('');
  };
  // A server that parses `//host/path` as a URL reads /path. The host's length depends on what else it
  // decodes.
  const mayBeginWithHost = name(segments[1] ?? '') === '';
  if (mayBeginWithHost && segments.filter((segment) => name(segment) !== '').length > 16)
    return { reason: 'too_many_readings' };
  const starts = mayBeginWithHost ? segments.keys() : [0];
  const readings = [...starts].map((start) => from(start));
  // `//?x/path`: the host has no other name.
  const named = segments.findIndex((segment) => name(segment) !== '');
  if (mayBeginWithHost && named > 0) readings.push(from(named));
  return { readings, hasControl };
}

/** Where segments stand that some server takes out: a script's name, ASP.NET's session; not the last one. */
const takenOut = (reading) =>
  reading
    .split('/')
    .flatMap((name, at, names) =>
      at < names.length - 1 && /^.+\.(?:php|cgi|fcgi|pl)$|^\([a-z]\(.*\)\)$/i.test(name) ? [at] : [],
    );

/** The path without one of them, or the first ones. */
function withoutSegments(reading) {
  const names = reading.split('/');
  const out = takenOut(reading);
  const firstOnes = out.map((_, at) => out.slice(0, at + 1));
  return [...out.map((at) => [at]), ...firstOnes].map((gone) =>
    names.filter((_, at) => !gone.includes(at)).join('/'),
  );
}

/** What follows the name of a script: its own path. */
function pathsOfScripts(reading) {
  const names = reading.split('/');
  const scripts = takenOut(reading).filter((at) => /\.(?:php|cgi|fcgi|pl)$/i.test(names[at]));
  const own = scripts.map((at) => `/${names.slice(at + 1).join('/')}`);
  return own.flatMap((path) => [path, ...withoutSegments(path), ...pathsOfScripts(path)]);
}

function routed({ url, routes }) {
  const [, host, rest] = /^https:\/\/([a-z0-9.:-]+)([/?#].*)?$/is.exec(url) ?? [];
  if (host === undefined) return refuse(400, 'invalid_request', 'host_unreadable');
  const [, path, query] = /^([^?#]*)(\?[^#]*)?/.exec(rest ?? '/');
  const { reason, readings, hasControl } = eagerReadings(path);
  const bad = (why) => refuse(400, 'invalid_request', why);
  if (reason) return bad(reason);
  if (isBelow(path, '/_wayleave')) return { own: path.slice('/_wayleave'.length) };
  const shortened = readings.flatMap((reading) => [...withoutSegments(reading), ...pathsOfScripts(reading)]);
  if ([...readings, ...shortened].some((reading) => isBelow(reading, '/_wayleave')))
    return bad('reserved_path');
  const name = host.toLowerCase().replace(/:443$/, '').replace(/\.$/, '');
  const serving = routes
    .filter((route) => route.host.replace(/:443$/, '') === name)
    .map((route) => ({ ...route, path: route.path.replace(/\/$/, '') }))
    .sort((one, other) => other.path.length - one.path.length);
  if (hasControl && serving.length > 1) return bad('control_character');
  const route = serving.find((one) => isBelow(path, one.path));
  const others = readings.map((reading) => serving.find((one) => isBelow(reading, one.path.toLowerCase())));
  if (others.some((other) => other !== route)) {
    return bad(/%2f|%5c/i.test(path) ? 'encoded_separator' : 'path_of_two_routes');
  }
  if (readings.some((reading) => takenOut(reading).length > 4)) return bad('too_many_readings');
  const narrower = shortened.map((reading) =>
    serving.find((one) => isBelow(reading, one.path.toLowerCase())),
  );
  if (narrower.some((one) => one && !isBelow(route?.path ?? '', one.path))) return bad('path_of_two_routes');
  if (route === undefined) return refuse(404, 'route_not_found');
  return { route: route.path, upstream_url: `${route.upstream}${path}${query ?? ''}` };
}

test('paths', () => {
  const { routes } = vectors;
  for (const { url, expect } of vectors.paths) assert.deepEqual(routed({ url, routes }), expect, url);
  assert.ok(vectors.paths.length > 120);
});

// Scopes.

/** Whether one reading of a path is the path listed, or below it where that ends in `/*`. */
function isListed(reading, listed) {
  const base = listed.replace(/\/\*?$/, '');
  const path = reading.replace(/\/$/, '');
  return listed.endsWith('/*') ? reading === '' || isBelow(reading, base) : path === base;
}

function inScope({ paths, path }) {
  const { reason, readings, hasControl } = eagerReadings(path);
  if (reason || hasControl || !paths.some((listed) => isListed(path, listed))) return false;
  // A segment that some server takes out must not end elsewhere for another, which decodes it first.
  const odd = path.split('/').filter((segment) => /^.+\.(?:php|cgi|fcgi|pl)$/i.test(segment));
  if (odd.some((segment) => /[/\\?#;]/.test(decodeURIComponent(segment)))) return false;
  const lower = paths.map((one) => one.toLowerCase());
  // What runs in a script that the scope names reads the rest of the listed path.
  const within = lower.flatMap(withoutSegments).concat(lower);
  const isIn = (list) => (reading) => list.some((listed) => isListed(reading, listed));
  return readings.every(isIn(lower)) && readings.flatMap(withoutSegments).every(isIn(within));
}

test('scopes', () => {
  for (const { expect, ...row } of vectors.scopes) {
    assert.deepEqual({ in_scope: inScope(row) }, expect, JSON.stringify(row));
  }
  assert.ok(vectors.scopes.length > 50);
});

// Claims.

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  // JavaScript compares texts by their UTF-16 code units, as RFC 8785 does.
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join()}}`;
}

function claimed(text) {
  const value = JSON.parse(text);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return { fault: 'wrong_type' };
  const all = Object.values(value).flat();
  const isScalar = (one) => ['string', 'number', 'boolean'].includes(typeof one);
  if (!all.every(isScalar)) return { fault: 'claim_type' };
  if (all.some((one) => Math.abs(one) > Number.MAX_SAFE_INTEGER)) return { fault: 'claim_number' };
  const bytes = Buffer.from(canonical(value));
  if (bytes.length > 1024) return { fault: 'too_long' };
  return { text: canonical(value), header: bytes.toString('base64url') };
}

test('claims', () => {
  for (const { claims, expect } of vectors.claims) assert.deepEqual(claimed(claims), expect, claims);
});

// Credentials.

const decode = (text) => {
  const byte = (_, hex) => String.fromCharCode(parseInt(hex, 16));
  const bytes = text.replaceAll('+', ' ').replace(/%([0-9a-f]{2})/gi, byte);
  return Buffer.from(bytes, 'latin1').toString();
};
const holds = (text) => text.includes('wlp_');

/** Everything in the request that is a credential, or a token where none may be. */
function findings({ credential_sources, headers, query }) {
  const listed = credential_sources.split(',').map((source) => source.trim().toLowerCase());
  const found = [];
  const inHeader = (name, value) => {
    const source = name === 'authorization' ? 'bearer' : `header:${name}`;
    const isPlace =
      listed.includes(source) || (['authorization', 'x-api-key'].includes(name) && holds(value));
    if (!isPlace) return holds(value) && { misplaced: name === 'cookie' ? 'cookie' : 'header' };
    if (value.split(',').length > 1) return { twice: source };
    const text = name === 'authorization' ? (/^bearer +(.*)$/i.exec(value)?.[1] ?? '') : value;
    return { place: source, text, isToken: holds(value), cut: { header_cut: name } };
  };
  for (const [name, value] of Object.entries(headers)) {
    if (['host', 'origin', 'referer'].includes(name)) continue;
    const isToken = (text) => /^wlp_.{36}$/.test(text.trim());
    const inCookie = ([first, ...rest]) => isToken(first) || holds(rest.length > 0 ? rest.join('=') : first);
    if (
      name === 'cookie' &&
      !value
        .split(/[;,]/)
        .map((pair) => pair.split('='))
        .some(inCookie)
    )
      continue;
    const finding = name === 'sec-websocket-protocol' ? inProtocols(value, listed) : inHeader(name, value);
    if (finding) found.push(finding);
  }
  const parameters = query === null ? [] : query.split('&');
  for (const [index, parameter] of parameters.entries()) {
    const [, rawName, rawValue] = /^([^=]*)=?(.*)$/s.exec(parameter);
    const [name, value] = [decode(rawName), decode(rawValue)];
    if (listed.includes(`query:${name}`) || (name === 'token' && value.trimStart().startsWith('wlp_'))) {
      const left = parameters.toSpliced(index, 1);
      const cut = { query_left: left.length === 0 ? null : left.join('&') };
      found.push({ place: `query:${name}`, text: value, isToken: holds(value), cut });
    } else if (holds(name) || holds(value)) {
      found.push({ misplaced: 'query' });
    }
  }
  return found;
}

function inProtocols(value, listed) {
  const place = 'websocket-protocol';
  const entries = value.split(',').map((entry) => entry.trim());
  if (!entries.includes('wayleave')) return holds(value) && { misplaced: place };
  if (!listed.includes(place) && !holds(value)) return false;
  const tokens = entries.filter(holds);
  if (tokens.length > 1) return { twice: place };
  const left = entries.filter((entry) => entry !== 'wayleave' && !holds(entry));
  const cut = { protocols_left: left.length === 0 ? null : left.join(', ') };
  return { place, text: tokens[0] ?? '', isToken: tokens.length > 0, cut };
}

function presented(row) {
  const found = findings(row);
  if (found.length === 0) return { anonymous: true };
  const places = [...new Set(found.map((one) => one.place ?? one.twice ?? one.misplaced))];
  if (found.every((one) => one.misplaced)) return refuse(401, 'token_malformed', 'misplaced', places.sort());
  if (places.length > 1) return refuse(400, 'credential_conflict', 'two_places', places.sort());
  if (found.length > 1 || found[0].twice) return refuse(400, 'credential_conflict', 'twice', places);
  const [{ text, isToken, cut }] = found;
  if (!isToken) return refuse(401, 'token_malformed', 'another_kind');
  return /^wlp_[A-Za-z0-9_-]{36}$/.test(text) ? { credential: text, ...cut } : refuse(401, 'token_malformed');
}

test('credentials', () => {
  for (const { expect, ...row } of vectors.credentials) {
    // The order of the places is not part of the contract.
    expect.refuse?.places?.sort();
    assert.deepEqual(presented(row), expect, JSON.stringify(row));
  }
  assert.ok(vectors.credentials.length > 70);
});
