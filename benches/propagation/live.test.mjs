// make propagation TARGET=… against a deployment in workerd, as an operator would run it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, it } from 'node:test';
import { ADMIN_KEY, eventually, Gateway } from '../../tests/workerd/harness/gateway.mjs';

const gateway = new Gateway({
  variables: (upstream) => ({ UPSTREAM: upstream, REVOCATION_BOUND_SECONDS: '5' }),
});
before(() => gateway.start());
after(() => gateway.stop());

/** Exit code and all output; `meanwhile` receives the process. */
async function run(environment, meanwhile = () => {}) {
  const target = `http://127.0.0.1:${gateway.workerd.ports.gateway}/`;
  const env = { ...process.env, TARGET: target, ADMIN_KEY, COUNT: '3', ...environment };
  const child = spawn(process.execPath, ['benches/propagation/main.mjs'], {
    cwd: new URL('../..', import.meta.url),
    env,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += piece));
  const closed = once(child, 'close');
  await meanwhile(child);
  const [code] = await closed;
  return { code, output };
}

const tokens = async () => (await gateway.admin.call('GET', '/tokens')).json.items;

it('measures, leaves no token alive, and asks nothing of the API behind', async () => {
  const { code, output } = await run();
  assert.equal(code, 0, output);
  const times = 'p50 ([\\d.]+) s, p99 ([\\d.]+) s, max ([\\d.]+) s';
  const line = new RegExp(`^B = 5 s, seen from here \\(one location\\): ${times}, 3 samples$`, 'm');
  const [, p50, p99, max] = line.exec(output) ?? assert.fail(output);
  assert.ok(p50 <= p99 && p99 <= max && max <= 5, output);
  assert.deepEqual(
    (await tokens()).map(({ state }) => state),
    ['revoked', 'revoked', 'revoked'],
  );
  assert.equal(gateway.upstream.requests.length, 0);
});

it('leaves no token alive when it is stopped in between', async () => {
  const before = (await tokens()).length;
  gateway.kv.hangs = true; // a read of KV may then take a second, so a token works for that long
  const { code, output } = await run({ COUNT: '100' }, async (child) => {
    await eventually('a token that lives', async () =>
      (await tokens()).some(({ state }) => state === 'active'),
    );
    child.kill('SIGINT');
  });
  gateway.kv.heal();
  assert.equal(code, 1, output);
  const made = await tokens();
  assert.ok(made.length > before);
  assert.ok(
    made.every(({ state }) => state === 'revoked'),
    output,
  );
});

it('says what it lacks, and makes nothing then', async () => {
  const before = (await tokens()).length;
  const { code, output } = await run({ ADMIN_KEY: '' });
  assert.equal(code, 1);
  assert.match(output, /ADMIN_KEY is not set/);
  const wrong = await run({ ADMIN_KEY: 'x'.repeat(40) });
  assert.equal(wrong.code, 1);
  assert.match(wrong.output, /401 unauthorized/);
  const many = await run({ COUNT: '101' });
  assert.equal(many.code, 1);
  assert.match(many.output, /COUNT must be from 1 to 100/);
  assert.equal((await tokens()).length, before);
});
