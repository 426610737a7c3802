// What the registry does in a second, beside what one durable write costs on this disk; and how a bulk
// revocation of many tokens goes meanwhile for requests and for other operators. Prints as it goes.
//
//   make bench-registry             (TOKENS=100000 SECONDS=5 ONLY=changes,bulk)

import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SITE } from '../../tests/workerd/harness/admin_api.mjs';
import { fill } from '../../tests/workerd/harness/filled_registry.mjs';
import { eventually, Gateway } from '../../tests/workerd/harness/gateway.mjs';

const tokens = Number(process.env.TOKENS ?? 100_000);
const seconds = Number(process.env.SECONDS ?? 5);
const OWNER = 'an owner who leaves';
const LOOKED_EVERY_MS = 100;
const TOLD_EVERY_MS = 5_000;

const only = process.env.ONLY?.split(',');
let gateway;
for (const part of [changes, bulk]) {
  if (only !== undefined && !only.includes(part.name)) continue;
  gateway = new Gateway();
  await gateway.start();
  try {
    await part();
  } finally {
    await gateway.stop();
  }
}

/** Writes of 4 kB that reach the disk, one after the other, in a second. */
function durableWrites() {
  const file = openSync(join(gateway.workerd.folder, 'writes'), 'w');
  const block = Buffer.alloc(4096, 1);
  const began = performance.now();
  let count = 0;
  while (performance.now() - began < 1_000) {
    writeSync(file, block);
    fdatasyncSync(file);
    count += 1;
  }
  closeSync(file);
  return count / ((performance.now() - began) / 1_000);
}

function single(at, perSecond, what) {
  console.log(`${what.padEnd(44)} ${String(at).padStart(2)} at a time  ${Math.round(perSecond)} a second`);
}

/** Creates, rotations and revocations, one at a time and sixteen at a time. */
async function changes() {
  single(1, durableWrites(), 'durable writes of 4 kB');
  for (const atOnce of [1, 16]) {
    const made = [];
    single(atOnce, await often(atOnce, async () => made.push(await gateway.admin.createToken())), 'creates');
    const left = [...made];
    single(atOnce, await often(atOnce, () => rotated(left.pop())), 'rotations');
    single(atOnce, await often(atOnce, () => revoked(left.pop())), 'revocations');
  }
}

async function rotated(token) {
  if (token === undefined) return false;
  const { status } = await gateway.admin.call('POST', `/tokens/${token.id}/rotate`, { body: {} });
  if (status !== 201 && status !== 200) throw new Error(`a rotation was answered by ${status}`);
}

async function revoked(token) {
  if (token === undefined) return false;
  await gateway.admin.revoke(token.id);
}

/** Repeats `act` for the time of a round, or until it returns false. How often in a second. */
async function often(atOnce, act) {
  const began = performance.now();
  let count = 0;
  const worker = async () => {
    while (performance.now() - began < seconds * 1_000) {
      if ((await act()) === false) return;
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return count / ((performance.now() - began) / 1_000);
}

/** Revokes all tokens of an owner, while pages use another token and an operator works. */
async function bulk() {
  const first = await fill(gateway, tokens, { owner: OWNER });
  // Connections to the process of before end.
  await eventually('the registry answers', () => called('/tokens').catch(() => false));
  const used = await gateway.admin.createToken();
  const late = await gateway.admin.createToken({ owner: OWNER });
  const pages = watch('requests of a token that stays', () => asked(used.token), 200);
  const operator = watch('calls of another operator', () => called(`/tokens/${used.id}`), 200);
  await eventually('the gateway admits', async () => (await asked(late.token)) === 200);
  const began = performance.now();
  let [done, cursor, told] = [0, undefined, began];
  do {
    const body = { filter: { owner: OWNER }, cursor };
    const answer = await gateway.admin.call('POST', '/tokens/revoke', { body });
    if (answer.status !== 200) throw new Error(`a step was answered by ${answer.status}: ${answer}`);
    done += answer.json.receipts.length;
    cursor = answer.json.next_cursor ?? undefined;
    if (performance.now() - told > TOLD_EVERY_MS) {
      told = performance.now();
      console.log(`  ${done} of ${tokens} revoked, ${Math.round(done / ((told - began) / 1_000))} a second`);
    }
  } while (cursor !== undefined);
  const ended = performance.now();
  await eventually('the last one is refused', async () => (await asked(first.token)) === 401);
  const refused = performance.now();
  single(1, done / ((ended - began) / 1_000), `tokens in a bulk revocation of ${done}`);
  console.log(`refused everywhere ${Math.round(refused - ended)} ms after the last step`);
  for (const watched of [pages, operator]) watched.tell(await watched.end());
}

/** Repeats `act` until it is ended, and keeps how long it took. */
function watch(what, act, expected) {
  const times = [];
  let [goes, others] = [true, 0];
  const running = (async () => {
    while (goes) {
      const began = performance.now();
      if ((await act().catch((error) => error.message)) !== expected) others += 1;
      times.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, LOOKED_EVERY_MS));
    }
  })();
  return {
    async end() {
      goes = false;
      await running;
      return times.toSorted((a, b) => a - b);
    },
    tell(sorted) {
      const last = sorted.length - 1;
      const at = (share) => Math.round(sorted[Math.min(last, Math.floor(sorted.length * share))]);
      console.log(
        `${what}: ${sorted.length}, of which ${others} not answered by ${expected}; ` +
          `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms`,
      );
    },
  };
}

async function asked(token) {
  const response = await fetch(`http://127.0.0.1:${gateway.workerd.ports.gateway}/v1/tiles/1.json`, {
    headers: { origin: SITE, authorization: `Bearer ${token}` },
  });
  await response.arrayBuffer();
  return response.status;
}

async function called(path) {
  return (await gateway.admin.call('GET', path)).status;
}
