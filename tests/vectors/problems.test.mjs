// Checks the tables of problems and of protection against docs/openapi.json, from which clients are
// generated.
// Standards: RFC 9457; RFC 6750 section 3 (challenges); JSON Schema 2020-12 (ajv).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const document = read('../../docs/openapi.json');
const problems = read('problems.json');
const { properties, ...problem } = document.components.schemas.Problem;

test('every code and reason is in the document, with its text', () => {
  const codes = problems.map(({ code, status, detail }) => [`${status} ${code}`, detail]);
  assert.deepEqual(Object.fromEntries(codes), problem['x-codes']);
  assert.deepEqual(new Set(properties.code.enum), new Set(problems.map(({ code }) => code)));
  const rows = problems.flatMap(({ code, reasons }) =>
    reasons.map(({ reason, detail }) => [`${code} ${reason}`, detail]),
  );
  assert.deepEqual(Object.fromEntries(rows), problem['x-reasons']);
  assert.deepEqual(properties.reason.enum.toSorted(), rows.map(([name]) => name.split(' ')[1]).toSorted());
});

test('a dead or missing token is 401 with a challenge; nothing else says invalid_token', () => {
  for (const { code, status, challenge } of problems) {
    assert.equal(
      status === 401,
      challenge !== null && !/insufficient_scope|invalid_request/.test(challenge),
      code,
    );
    assert.equal(
      /invalid_token/.test(challenge ?? ''),
      status === 401 && !['token_missing', 'unauthorized'].includes(code),
      code,
    );
  }
  const { reasons } = problems.find(({ code }) => code === 'forbidden');
  const crossOrigin = reasons.find(({ reason }) => reason === 'cross_origin');
  assert.doesNotMatch(crossOrigin.challenge, /insufficient_scope/);
  assert.doesNotMatch(crossOrigin.detail, /higher role/);
});

const ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }));
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
const reasons = new Set(
  problems.flatMap(({ code, reasons }) => reasons.map(({ reason }) => `${code} ${reason}`)),
);

test('what may be done to a protected token is asked for in bodies that each operation takes, and named as problems are', () => {
  const rows = read('protection.json');
  for (const row of rows) {
    const { requestBody, operationId } = operations.find(({ operationId }) => operationId === row.operation);
    const inBulk = ['revokeTokens', 'rotateTokens', 'disableTokens', 'enableTokens', 'changeOwner'];
    const needed = inBulk.includes(operationId) ? { filter: { q: 'tok_1' } } : {};
    if (requestBody) {
      const validate = ajv.compile(requestBody.content['application/json'].schema);
      assert.ok(
        validate({ ...row.body, ...needed }),
        `${JSON.stringify(row)}: ${JSON.stringify(validate.errors)}`,
      );
    } else assert.deepEqual(row.body, {});
    for (const came of [row.by_operator, row.by_owner]) {
      assert.ok(came === 'done' || came === 'left out, token_protected' || reasons.has(came), came);
    }
    // An owner may do everything that an operator may.
    if (row.by_operator === 'done') assert.equal(row.by_owner, 'done', JSON.stringify(row));
  }
  assert.ok(rows.some((row) => row.by_operator !== 'done' && row.by_owner === 'done'));
});
