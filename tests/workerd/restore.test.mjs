// The registry's storage is lost and restored from a backup. Every later revocation that reached KV still
// holds.

import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { assertProblem } from './harness/problem.mjs';
import { variables } from './harness/routes.mjs';

let extra = {};
const gateway = new Gateway({
  variables: (upstream) => ({ ...variables(upstream), REVOCATION_BOUND_SECONDS: '5', ...extra }),
});
const { admin, kv, client, workerd } = gateway;
const storage = () => join(workerd.folder, 'storage');
const backup = () => join(workerd.folder, 'backup');

before(() => gateway.start());
after(() => gateway.stop());

const newToken = (settings = {}) => admin.createToken({ audiences: ['weather'], ...settings });
const ask = ({ token }) => client.get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } });

async function putBack() {
  await workerd.kill();
  rmSync(storage(), { recursive: true });
  cpSync(backup(), storage(), { recursive: true });
  await workerd.start();
}

describe('a registry put back from a backup', () => {
  let kept, revoked, edited, later;

  it("is told by KV's list, and refuses what that refuses", async () => {
    [kept, revoked, edited] = [await newToken(), await newToken(), await newToken()];
    await eventually('KV has a list', () => kv.values.has('list/delta'));
    await workerd.kill();
    cpSync(storage(), backup(), { recursive: true });
    await workerd.start();
    await admin.revoke(revoked.id);
    await admin.edit(edited.id, { origins: ['https://elsewhere.example'] });
    later = await newToken();
    await eventually('KV has all of it', async () => (await admin.status()).outbox.pending === 0);
    await putBack();
    assertProblem(await ask(revoked), 'token_revoked');
    // The latest settings are lost. Neither the old ones nor the new ones may be used, so the token is
    // disabled.
    assertProblem(await ask(edited), 'token_disabled');
    // The registry no longer knows this token and could not revoke it.
    assertProblem(await ask(later), 'token_revoked');
    const answer = await ask(kept);
    assert.equal(answer.status, 200, String(answer));
    assert.deepEqual((await admin.status()).list.number[0], 2);
  });

  it('issues no serial a second time', async () => {
    const token = await newToken();
    assert.ok(Number(token.id.slice('tok_'.length)) > 1_000_000, token.id);
    assert.equal((await ask(token)).status, 200);
  });

  it('with a new RESTORE_ID waits for KV, and answers no operator meanwhile', async () => {
    kv.fail();
    extra = { RESTORE_ID: 'after-the-fire' };
    await putBack();
    const refused = await admin.call('GET', '/status');
    assert.deepEqual([refused.status, refused.json.code], [503, 'registry_unavailable']);
    assertProblem(await ask(kept), 'revocation_status_unknown');
    kv.heal();
    await eventually(
      'the registry has read KV',
      async () => (await admin.call('GET', '/status')).status === 200,
      20_000,
    );
    await eventually('requests are decided again', async () => (await ask(kept)).status === 200);
    assertProblem(await ask(revoked), 'token_revoked');
  });
});
