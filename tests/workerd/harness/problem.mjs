// The problem tables of docs/http.md, "Problems", written a second time by hand, and the properties of every
// problem.

import assert from 'node:assert/strict';

/**
 * `challenge`: the RFC 6750 error code, "" for a challenge without one, absent where there is no challenge.
 */
export const PROBLEMS = {
  token_missing: { status: 401, challenge: '' },
  token_malformed: { status: 401, challenge: 'invalid_token' },
  token_invalid: { status: 401, challenge: 'invalid_token' },
  token_expired: { status: 401, challenge: 'invalid_token' },
  token_revoked: { status: 401, challenge: 'invalid_token' },
  token_disabled: { status: 401, challenge: 'invalid_token' },
  credential_conflict: { status: 400, challenge: 'invalid_request' },
  origin_missing: { status: 403 },
  origin_not_allowed: { status: 403 },
  audience_mismatch: { status: 403, challenge: 'insufficient_scope' },
  scope_mismatch: { status: 403, challenge: 'insufficient_scope' },
  rate_limited: { status: 429, retryAfter: true },
  quota_exceeded: { status: 429, retryAfter: true },
  revocation_status_unknown: { status: 503, retryAfter: true },
  route_not_found: { status: 404 },
  upstream_unreachable: { status: 502 },
  upstream_timeout: { status: 504 },
  invalid_request: { status: 400 },
  unauthorized: { status: 401, anyChallenge: true },
  forbidden: { status: 403, anyChallenge: true },
  not_found: { status: 404 },
  method_not_allowed: { status: 405 },
  conflict: { status: 409 },
  precondition_failed: { status: 412 },
  payload_too_large: { status: 413 },
  unsupported_media_type: { status: 415 },
  internal: { status: 500 },
  registry_unavailable: { status: 503, retryAfter: true },
  expiry_immutable: { status: 422 },
  public_suffix_rule: { status: 422 },
  last_active_token: { status: 409 },
  token_protected: { status: 409 },
  token_ended: { status: 409 },
  successor_unused: { status: 409 },
  max_active_tokens: { status: 409 },
  idempotency_conflict: { status: 409 },
};

/** docs/http.md, "CORS": the response headers that a page may read on any answer. */
export const EXPOSED = ['www-authenticate', 'retry-after', 'sunset', 'deprecation'];

const textsByCode = new Map();

/**
 * Asserts that the answer is this problem: status, media type, members, challenge, Retry-After and no-store.
 * One code and reason must have the same texts throughout a test file.
 */
export function assertProblem(answer, code, { status = PROBLEMS[code].status, reason } = {}) {
  const expected = PROBLEMS[code];
  assert.ok(expected, `${code} is in the table`);
  assert.equal(answer.headers['content-type'], 'application/problem+json', `${code}: ${answer}`);
  const problem = answer.json;
  assert.equal(problem.code, code, String(answer));
  assert.equal(answer.status, status, String(answer));
  assert.equal(problem.status, status, String(answer));
  assert.equal(problem.type, `/_wayleave/problems#${code}`);
  for (const member of ['title', 'detail']) {
    assert.equal(typeof problem[member], 'string', `${code}: ${member}`);
    assert.notEqual(problem[member], '');
  }
  if (reason !== undefined) assert.equal(problem.reason, reason, String(answer));
  assertConstantTexts(code, status, problem);
  assertChallenge(answer, code, expected);
  assert.equal(answer.headers['cache-control'], 'no-store', `${code}: ${answer}`);
  if (expected.retryAfter)
    assert.match(answer.headers['retry-after'] ?? '', /^[1-9][0-9]*$/, `${code}: Retry-After`);
  else assert.equal(answer.headers['retry-after'], undefined, `${code}: Retry-After`);
  return problem;
}

function assertConstantTexts(code, status, { title, detail, reason }) {
  const texts = JSON.stringify([title, detail]);
  const key = `${code} ${status} ${reason}`;
  assert.equal(texts, textsByCode.get(key) ?? texts, `${key} has one text, whatever the request was`);
  textsByCode.set(key, texts);
}

function assertChallenge(answer, code, { challenge, anyChallenge }) {
  const header = answer.headers['www-authenticate'];
  if (anyChallenge) {
    assert.match(header ?? '', /^Bearer realm="[^"]+"/, `${code}: WWW-Authenticate`);
  } else if (challenge === undefined) {
    assert.equal(header, undefined, `${code} has no challenge`);
  } else if (challenge === '') {
    assert.match(header ?? '', /^Bearer realm="[^"]+"$/, `${code}: a challenge without an error code`);
  } else {
    assert.match(header ?? '', /^Bearer realm="[^"]+"/, `${code}: WWW-Authenticate`);
    assert.match(header, new RegExp(`, error="${challenge}"`), `${code}: WWW-Authenticate`);
  }
}

/**
 * A page of `origin` can read the answer, its status and its headers, and no cache serves it to another
 * origin.
 */
export function assertReadableBy(answer, origin) {
  assert.deepEqual(answer.all('access-control-allow-origin'), [origin], String(answer));
  assertVariesByOrigin(answer);
  const exposed = answer.list('access-control-expose-headers');
  for (const name of EXPOSED) assert.ok(exposed.includes(name), `${name} is exposed: ${answer}`);
  for (const name of Object.keys(answer.headers).filter((header) => header.startsWith('wayleave-'))) {
    assert.ok(exposed.includes(name), `${name} is exposed: ${answer}`);
  }
}

export function assertVariesByOrigin(answer) {
  assert.ok(answer.list('vary').includes('origin'), `Vary: Origin: ${answer}`);
}
