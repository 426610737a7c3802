// The cron trigger and the retirement of a key in real workerd. Both start a sweep, which the registry's
// alarm performs.
//
// workerd has no cron. A service in the same process calls the handler as Cloudflare does.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  durableObjectBinding,
  inlineModule,
  modulesOf,
  textBinding,
  workerService,
} from './harness/capnp.mjs';
import { eventually, Gateway, SIGNING_SECRETS } from './harness/gateway.mjs';
import { BUILD } from './harness/product.mjs';
import { variables } from './harness/routes.mjs';

const CRON = `
import Product from "./index.js";
export default {
  async fetch(request, env, context) {
    const event = { cron: "17 4 * * *", scheduledTime: Date.now(), noRetry() {} };
    await Product.scheduled(event, env, context);
    return new Response("fired");
  },
};`;
const SECRETS = { ...SIGNING_SECRETS, 2: Buffer.alloc(32, 22) };
const SIGNING_KEYS = JSON.stringify(
  Object.fromEntries(Object.entries(SECRETS).map(([id, bytes]) => [id, bytes.toString('base64')])),
);

const gateway = new Gateway({
  variables: (upstream) => ({ ...variables(upstream), SIGNING_KEYS }),
  beside: {
    cron: ({ compatibilityDate }) =>
      workerService({
        name: 'cron',
        modules: [inlineModule('cron.js', CRON), ...modulesOf(BUILD, gateway.workerd.folder)],
        bindings: [
          durableObjectBinding('REGISTRY', 'Registry', 'gateway'),
          textBinding('DEPLOYMENT', 'cron'),
        ],
        compatibilityDate,
      }),
  },
});
const { admin } = gateway;
const cron = gateway.location('cron');

before(() => gateway.start());
after(() => gateway.stop());

const newToken = () => admin.createToken({ audiences: ['weather'] });
const sweptAt = async () => (await admin.status()).swept_at;

describe('the daily sweep', () => {
  it('begins when cron fires, and once for two that fire together', async () => {
    await newToken();
    assert.equal(await sweptAt(), null);
    assert.equal((await cron.get('/')).text, 'fired');
    const first = await eventually('it has ended', sweptAt);
    assert.equal((await cron.get('/')).text, 'fired');
    await newToken();
    assert.equal(await sweptAt(), first);
  });

  it('begins when a signing key is retired, and tells of the tokens that died with it', async () => {
    const lost = await newToken();
    for (const path of ['2/activate', '1/retire']) {
      const answer = await admin.call(
        'POST',
        `/signing-keys/${path}`,
        path === '1/retire' ? { body: { force: true } } : {},
      );
      assert.equal(answer.status, 200, String(answer));
    }
    const told = await eventually(
      'a notice about it',
      async () => {
        const { items } = (await admin.call('GET', '/notices')).json;
        return items
          .flatMap(({ type, data }) => data.tokens.map((token) => ({ type, ...token })))
          .find(({ id }) => id === lost.id);
      },
      30_000,
    );
    assert.deepEqual([told.type, told.reason], ['token.revoked', 'key_retired']);
  });
});
