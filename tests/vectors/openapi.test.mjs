// Checks docs/openapi.json against the OpenAPI 3.1 schema, and its request schemas against what the code
// accepts.
// Standards: OpenAPI 3.1 (its own JSON Schema, through @seriousme/openapi-schema-validator); JSON Schema
// 2020-12 (ajv).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const document = read('../../docs/openapi.json');
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));

test('the document is OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors, null, 2));
  assert.equal(validator.version, '3.1');
});

test('the validator can say no', async () => {
  const broken = structuredClone(document);
  delete broken.paths['/tokens'].post.responses;
  broken.paths['/tokens'].post.parameters.push({ name: 'x' });
  assert.equal((await new Validator().validate(broken)).valid, false);
});

const ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }));
ajv.addSchema({ $id: 'openapi.json', components: document.components });

test('every schema of an answer compiles', () => {
  for (const name of Object.keys(document.components.schemas)) {
    ajv.compile({ $ref: `openapi.json#/components/schemas/${name}` });
  }
});

for (const row of read('admin_requests.json')) {
  const operation = operations.find(({ operationId }) => operationId === row.operation);
  const schema = operation.requestBody.content['application/json'].schema;
  const text = JSON.stringify(row.body).slice(0, 100);
  test(`${row.operation} ${row.taken ? 'takes' : 'refuses'} ${text}`, () => {
    const validate = ajv.compile(schema);
    assert.equal(validate(row.body), row.taken, JSON.stringify(validate.errors));
  });
}
