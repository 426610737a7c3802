// An isolate sends its pending reports although no further request arrives: the last counts of a burst, a
// first use whose report was lost, counts that no shard accepted at first, and the arrival of a list with a
// change.
//
// The README promises counts within a minute. Each test sends its requests to a location of its own, then no
// more. It reads the counts through the admin API at another location, whose calls are not counted.

import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { HOST, variables } from './harness/routes.mjs';

/** The README's promise. */
const PROMISED_MS = 60_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const headersOf = ({ token }) => ({ Origin: SITE, 'X-Api-Key': token });

/** A gateway with the location `resting`, which gets requests for a while and then none. */
function resting({ settings = {} } = {}) {
  const gateway = new Gateway({
    variables: (upstream) => ({ ...variables(upstream), ...settings }),
    locations: { resting: () => ({ LOCATION: 'resting' }) },
  });
  const client = gateway.location('resting');
  return {
    ...gateway,
    gateway,
    newToken: () => gateway.admin.createToken({ audiences: ['weather'] }),
    ask: async (token) => assert.equal((await client.get('/now', { headers: headersOf(token) })).status, 200),
    counted: (token, requests, limitMs = PROMISED_MS) =>
      eventually(
        `${requests} requests of ${token.id} are counted`,
        async () => {
          const { json } = await gateway.admin.call('GET', `/tokens/${token.id}/usage`);
          return json.totals.requests === requests;
        },
        limitMs,
      ),
  };
}

describe('an isolate that nobody asks any more', { concurrency: true }, () => {
  describe('after a burst just after a send', () => {
    const site = resting();
    before(() => site.gateway.start());
    after(() => site.gateway.stop());

    it('sends the last of it within the promised minute', async () => {
      const [first, second] = [await site.newToken(), await site.newToken()];
      await site.ask(first);
      await sleep(7_000);
      for (let time = 0; time < 10; time += 1) await site.ask(second);
      await site.counted(second, 10);
      await site.counted(first, 1);
    });
  });

  describe('whose only caller went away before the answer', () => {
    const site = resting();
    before(() => site.gateway.start());
    after(() => site.gateway.stop());

    it('counts that request', async () => {
      const token = await site.newToken();
      const port = site.gateway.workerd.ports.resting;
      const headers = { ...headersOf(token), Host: HOST };
      const request = httpRequest({ host: '127.0.0.1', port, path: '/hang', headers, setHost: false });
      request.on('error', () => {});
      request.end();
      const arrived = () => site.gateway.upstream.requests.some(({ url }) => url === '/hang');
      await eventually('the request is at the upstream', arrived);
      request.destroy();
      await site.counted(token, 1);
    });
  });

  describe('while no shard answers at first', () => {
    const site = resting();
    before(() => site.gateway.start());
    after(() => site.gateway.stop());

    it('tells a first use again by itself, and sends the counts again', async () => {
      const old = await site.newToken();
      const { admin, usageDoor } = site.gateway;
      const rotate = { body: { revoke_old: { when: 'first_use' } } };
      const { json: successor } = await admin.call('POST', `/tokens/${old.id}/rotate`, rotate);
      usageDoor.resetCounts();
      usageDoor.shut();
      await site.ask(successor);
      const calls = () => usageDoor.calls.map((call) => JSON.parse(call).Report).filter(Boolean);
      const firstUses = () => calls().filter((report) => report.first_uses.length > 0);
      const batches = () => calls().filter((report) => report.batch !== null);
      await eventually('both were tried', () => firstUses().length > 0 && batches().length > 0);
      usageDoor.open();
      await eventually(
        'the registry knows of the first use',
        async () => {
          return (await admin.token(successor.id)).first_used_at !== undefined;
        },
        PROMISED_MS,
      );
      assert.ok(firstUses().length > 1);
      await site.counted(successor, 1);
      const sequences = new Set(batches().map(({ batch }) => batch.sequence));
      assert.deepEqual([...sequences], [1], 'the same batch again');
    });
  });

  describe('that took a list with a change a moment after it had reported', () => {
    // With push, the next call to the registry would be the report.
    const site = resting({ settings: { REVOCATION_BOUND_SECONDS: '5', PUSH_SECONDS: '0' } });
    before(() => site.gateway.start());
    after(() => site.gateway.stop());

    it('reports that change too', async () => {
      const { admin } = site.gateway;
      const [kept, revoked] = [await site.newToken(), await site.newToken()];
      await site.ask(kept);
      const heldBy = async (number) => {
        const { locations } = await admin.status();
        return locations.find(({ id, list_number: [, held] }) => id === 'resting' && held >= number);
      };
      await eventually('it has told of the list that it held first', () => heldBy(1));
      const {
        list_number: [, number],
      } = await admin.revoke(revoked.id);
      await eventually('the location refuses it', async () => {
        await site.ask(kept);
        const answer = await site.gateway.location('resting').get('/now', { headers: headersOf(revoked) });
        return answer.status === 401;
      });
      await eventually('it has told of the change', () => heldBy(number));
    });
  });
});
