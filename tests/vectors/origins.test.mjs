// Decides every row of origins.json again with Node's URL parser, and must agree with the Rust code that
// wrote it. The two share no code. Rows that need the Public Suffix List are only checked to be wildcards. Of
// the warnings that need it, or a list of our own, a row has at most one, and never for an app's origin.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { domainToUnicode } from 'node:url';

const vectors = JSON.parse(readFileSync(new URL('origins.json', import.meta.url), 'utf8'));
const DEFAULT_PORT = { http: 80, https: 443 };
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SCHEMES_WITH_AN_ID_FOR_EACH_INSTALLATION = ['moz-extension', 'safari-web-extension'];
const WORDS = [
  'about',
  'all',
  'any',
  'app',
  'blob',
  'chrome-extension',
  'data',
  'every',
  'everywhere',
  'file',
  'http',
  'https',
  'moz-extension',
  'none',
  'null',
  'origin',
  'same-origin',
  'same-site',
  'self',
  'undefined',
];
const WARNINGS_OF_LISTS = ['public_suffix_rule', 'shared_host', 'suffix_host', 'wildcard_below_customer'];
const SCHEMES_OF_THE_WEB = /^(about|blob|data|file|ftp|https?|javascript|wss?)$/;

/** The host in its canonical spelling, or null. */
function hostOf(url) {
  let host = url.hostname;
  if (/^\[[0-9a-f:.]+\]$/.test(host)) return host;
  host = host.replace(/\.$/, '').toLowerCase();
  if (host.length > 253) return null;
  return host.split('.').every((label) => /^[a-z0-9_-]{1,63}$/.test(label)) ? host : null;
}

const isAddress = (host) => host.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(host);

/** The tuple origin of a parsed URL (RFC 6454), or null. */
function tupleOf(url) {
  const host = hostOf(url);
  if (host === null) return null;
  return { scheme: url.protocol.slice(0, -1), host, port: url.port === '' ? null : Number(url.port) };
}

/** Throws when the text is not a rule; the message is the code. */
function parseRule(text, appSchemes) {
  const refuse = (code) => {
    throw new Error(code);
  };
  if (text === '') refuse('rule_empty');
  if (text === 'null') refuse('rule_null');
  if ([...text].length > 320) refuse('rule_too_long');
  const written = /^(.*?):\/\/(.*)$/s.exec(text);
  const scheme = written ? written[1].toLowerCase() : 'https';
  const rest = written ? written[2] : text;
  const isApp = appSchemes.includes(scheme) && !SCHEMES_OF_THE_WEB.test(scheme);
  if (!(scheme in DEFAULT_PORT) && !isApp) refuse('rule_scheme');
  if (rest.includes('@')) refuse('rule_userinfo');
  if (/[/\\?#]/.test(rest)) refuse('rule_path');
  const parts = /^((?:\*\.)?\[[^\]]*\]|[^:\][]*)(?::([^:\][]*))?$/.exec(rest);
  if (!parts) refuse('rule_host');
  const [, hostText, portText] = parts;
  let port = null;
  if (portText === '*') port = '*';
  else if (portText !== undefined) {
    port = /^[1-9]\d{0,4}$/.test(portText) ? Number(portText) : refuse('rule_port');
    if (port > 65535) refuse('rule_port');
    if (port === DEFAULT_PORT[scheme]) port = null;
  }
  if (hostText === '*' && isApp && SCHEMES_WITH_AN_ID_FOR_EACH_INSTALLATION.includes(scheme)) {
    return port === null ? { scheme, below: false, host: '*', port } : refuse('rule_app_wildcard');
  }
  const below = hostText.startsWith('*.');
  const name = below ? hostText.slice(2) : hostText;
  if (name.includes('*')) refuse('rule_wildcard');
  if (/[\s\p{Cc}%,]/u.test(name)) refuse('rule_host');
  let url;
  try {
    url = new URL(`${scheme}://${name}/`);
  } catch {
    refuse('rule_host');
  }
  const host = hostOf(url) ?? refuse('rule_host');
  if (below && isAddress(host)) refuse('rule_wildcard');
  if (isApp && (below || port === '*')) refuse('rule_app_wildcard');
  return { scheme, below, host, port };
}

const ruleText = ({ scheme, below, host, port }) =>
  `${scheme}://${below ? '*.' : ''}${host}${port === null ? '' : `:${port}`}`;

function warningsOf({ scheme, below, host, port }) {
  if (host === '*') return ['every_installation'];
  const drawsIds = SCHEMES_WITH_AN_ID_FOR_EACH_INSTALLATION.includes(scheme);
  const isSite = scheme in DEFAULT_PORT;
  const isLoopback = isAddress(host)
    ? host.startsWith('127.') || host === '[::1]'
    : host === 'localhost' || host.endsWith('.localhost');
  const isUnnamed = isSite && !below && !isLoopback && !/[.:]/.test(host);
  const warnings = [];
  if (isUnnamed) warnings.push(WORDS.includes(host) ? 'word_as_host' : 'single_label_host');
  if (drawsIds || scheme === 'chrome-extension') {
    const hasForm = port === null && (drawsIds ? UUID : /^[a-p]{32}$/).test(host);
    if (!hasForm) warnings.push('extension_id_form');
    else if (drawsIds) warnings.push('one_installation');
  }
  if (scheme === 'http' && !isLoopback) warnings.push('http_origin');
  if (scheme === 'https' && isLoopback) warnings.push('loopback_https');
  if (scheme === 'https' && !isLoopback && isAddress(host)) warnings.push('address_https');
  const portOfOther = { http: 443, https: 80 }[scheme];
  if (port !== null && port === portOfOther) warnings.push('port_of_other_scheme');
  if (!isAddress(host) && domainToUnicode(host) !== host) warnings.push('international_name');
  return warnings;
}

function ruleMatches(rule, origin) {
  if (rule.scheme !== origin.scheme) return false;
  if (rule.port !== '*' && rule.port !== origin.port) return false;
  if (rule.host === '*') return UUID.test(origin.host);
  if (!rule.below) return rule.host === origin.host;
  return (
    !isAddress(origin.host) &&
    origin.host.length > rule.host.length + 1 &&
    origin.host.endsWith(`.${rule.host}`)
  );
}

/** "null", a tuple, or undefined when the header is not one origin. */
function parseOriginHeader(value) {
  if (value === 'null') return 'null';
  if (value.length > 320) return undefined;
  if (!/^[A-Za-z0-9+.-]+:\/\/[A-Za-z0-9._:[\]-]+$/.test(value)) return undefined;
  try {
    return tupleOf(new URL(value)) ?? undefined;
  } catch {
    return undefined;
  }
}

function parseReferer(value) {
  const authority = /^[^:]+:\/\/([^/\\?#]*)/.exec(value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
  if (!authority || authority[1].includes('@') || /[\x00-\x20\x7f]/.test(value)) return undefined;
  try {
    return tupleOf(new URL(value)) ?? undefined;
  } catch {
    return undefined;
  }
}

function serialise(origin) {
  if (origin === undefined) return null;
  return origin === 'null' ? 'null' : ruleText({ ...origin, below: false });
}

function decide({ rules, app_schemes, missing_origin, request }) {
  const site = request.sec_fetch_site;
  let from = 'none';
  let origin;
  if (request.origin !== null) [from, origin] = ['origin', parseOriginHeader(request.origin)];
  else if (request.referer !== null) [from, origin] = ['referer', parseReferer(request.referer)];
  else if (site === 'same-origin') origin = parseOriginHeader(request.own);
  const seen = { from, origin: serialise(origin) };
  if (rules === 'any') return { allowed: true, because: 'any', seen };
  const refused = (code, hidden_by_browser = false) => ({ allowed: false, code, hidden_by_browser, seen });
  if (from === 'none' && origin === undefined) {
    if (missing_origin === 'allow' && (site === null || site === 'none')) {
      return { allowed: true, because: 'missing_allowed', seen };
    }
    return refused('origin_missing', site === 'cross-site' || site === 'same-site');
  }
  if (origin === undefined || origin === 'null') return refused('origin_not_allowed');
  const parsed = rules.map((text) => parseRule(text, app_schemes));
  const rule = parsed.findIndex((candidate) => ruleMatches(candidate, origin));
  if (rule === -1) return refused('origin_not_allowed');
  return { allowed: true, because: parsed[rule].host === '*' ? 'every_installation' : 'rule', rule, seen };
}

test('every rule reads the same', () => {
  assert.ok(vectors.rules.length > 150);
  for (const { source, rule: text, app_schemes, expect } of vectors.rules) {
    const about = `${JSON.stringify(text)} (${source})`;
    let rule;
    try {
      rule = parseRule(text, app_schemes);
    } catch (error) {
      assert.equal(error.message, expect.code, about);
      continue;
    }
    if (expect.needs_public_suffix_list) {
      assert.ok(rule.below, about);
      continue;
    }
    assert.equal(ruleText(rule), expect.canonical, about);
    const ofLists = expect.warnings.filter((code) => WARNINGS_OF_LISTS.includes(code));
    const others = expect.warnings.filter((code) => !WARNINGS_OF_LISTS.includes(code));
    assert.deepEqual(warningsOf(rule), others, about);
    assert.ok(ofLists.length <= (rule.scheme in DEFAULT_PORT ? 1 : 0), about);
    const host = isAddress(rule.host) || rule.host === '*' ? rule.host : domainToUnicode(rule.host);
    assert.equal(ruleText({ ...rule, host }), expect.unicode, about);
    assert.deepEqual(parseRule(expect.canonical, app_schemes), rule, about);
  }
});

test('every request is decided the same', () => {
  assert.ok(vectors.decisions.length > 130);
  for (const row of vectors.decisions) {
    assert.ok(row.source, 'a row without a source');
    assert.deepEqual(
      decide(row),
      row.expect,
      JSON.stringify({ rules: row.rules, ...row.request, source: row.source }),
    );
  }
});
