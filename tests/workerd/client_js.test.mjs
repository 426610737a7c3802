// client.js as pages load it: any site may load it, caches may keep it for an hour, and its ETag revalidates
// a copy.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';

const gateway = new Gateway({ variables });
const { client } = gateway;
before(() => gateway.start());
after(() => gateway.stop());

const source = (name) => readFile(new URL(`../../src/client/${name}`, import.meta.url), 'utf8');

describe('GET /_wayleave/client.js', () => {
  for (const [name, type] of [
    ['client.js', 'text/javascript; charset=utf-8'],
    ['client.d.ts', 'application/typescript; charset=utf-8'],
  ]) {
    it(`${name} is the file of this release, for every site`, async () => {
      const answer = await client.get(`/_wayleave/${name}`, { headers: { Origin: 'https://shop.example' } });
      assert.equal(answer.status, 200);
      assert.equal(answer.text, await source(name));
      assert.equal(answer.headers['content-type'], type);
      assert.equal(answer.headers['x-content-type-options'], 'nosniff');
      assert.equal(answer.headers['access-control-allow-origin'], '*');
      assert.equal(answer.headers['cache-control'], 'public, max-age=3600');
    });
  }

  it('a module that a page imports: it is one, and does nothing by itself', async () => {
    const { text } = await client.get('/_wayleave/client.js');
    const { wayleave, WayleaveError } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
    assert.deepEqual(Object.keys(wayleave({ family: 'fam_x', gateway: 'https://api.example' })), [
      'fetch',
      'token',
      'url',
      'watch',
    ]);
    assert.equal(new WayleaveError('a', 1, 'b').name, 'WayleaveError');
  });

  it('a copy that is current is confirmed without a body, an older one replaced', async () => {
    const { headers } = await client.get('/_wayleave/client.js');
    for (const tag of [headers.etag, `W/${headers.etag}`, `"older", ${headers.etag}`]) {
      const answer = await client.get('/_wayleave/client.js', { headers: { 'If-None-Match': tag } });
      assert.deepEqual([answer.status, answer.text, answer.headers.etag], [304, '', headers.etag]);
      assert.equal(answer.headers['access-control-allow-origin'], '*');
    }
    assert.equal(
      (await client.get('/_wayleave/client.js', { headers: { 'If-None-Match': '"older"' } })).status,
      200,
    );
  });

  it('HEAD has no body, other methods are refused, and so is what only looks like it', async () => {
    const head = await client.send('HEAD', '/_wayleave/client.js');
    assert.deepEqual([head.status, head.text], [200, '']);
    assertProblem(await client.send('POST', '/_wayleave/client.js'), 'method_not_allowed');
    assertProblem(await client.get('/_wayleave/client.js/'), 'not_found');
    assertProblem(await client.get('/_wayleave/client'), 'not_found');
  });
});
