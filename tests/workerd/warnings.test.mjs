// Warnings to the operator that only a running deployment shows: a header that never arrives, an admin API on
// every host.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { eventually, Gateway } from './harness/gateway.mjs';
import { HOST } from './harness/routes.mjs';

const gateway = new Gateway({
  variables: (upstream) => ({
    UPSTREAM: upstream,
    RATES: JSON.stringify({ page: { requests: 1_000, per_seconds: 60 } }),
    CLIENT_IP_HEADER: 'X-Real-IP',
    LOCATION: 'AMS',
  }),
  locations: { bare: () => ({ LOCATION: 'FRA' }), apart: () => ({ CONTROL_HOSTS: 'control.example' }) },
});
const { client, admin } = gateway;
const bare = gateway.location('bare');

before(() => gateway.start());
after(() => gateway.stop());

const statusAt = async (host) =>
  (await client.get('/_wayleave/api/status', { host, headers: { Authorization: `Bearer ${admin.key}` } }))
    .json;
const metricsAt = async (host) =>
  (await client.get('/_wayleave/api/metrics', { host, headers: { Authorization: `Bearer ${admin.key}` } }))
    .text;
const warning = (name, value) => new RegExp(`^wayleave_warning\\{warning="${name}"\\} ${value}$`, 'm');

describe('client_address_missing', () => {
  /** Makes a change. It reaches a location within seconds, and the location then sends its report. */
  async function reportsAfter(ask) {
    const { id } = await admin.createToken();
    await admin.revoke(id);
    await ask();
  }

  it('is there when no request of a location shows an address, and goes when one does', async () => {
    const { token } = await admin.createToken({ rate: 'page' });
    const ask = (at, headers = []) =>
      at.send('GET', '/now', { headers: [['X-Api-Key', token], ['Origin', SITE], ...headers] });
    const hasIt = async () => (await admin.status()).rate_classes.without_addresses;
    for (let n = 0; n < 25; n += 1) assert.equal((await ask(bare)).status, 200);
    assert.equal((await ask(client, [['X-Real-IP', '192.0.2.7']])).status, 200);
    await eventually(
      'FRA has told',
      async () => {
        await reportsAfter(() => ask(bare));
        await ask(client, [['X-Real-IP', '192.0.2.7']]);
        return (await hasIt()).length > 0;
      },
      90_000,
    );
    assert.deepEqual(await hasIt(), ['FRA'], 'not where addresses arrive');
    assert.ok((await admin.status()).warnings.includes('client_address_missing'));
    assert.match(await metricsAt(HOST), warning('client_address_missing', 1));
    await ask(bare, [['X-Real-IP', '192.0.2.8']]);
    await eventually(
      'FRA has told that they do',
      async () => {
        await reportsAfter(() => ask(bare));
        return (await hasIt()).length === 0;
      },
      90_000,
    );
    assert.ok(!(await admin.status()).warnings.includes('client_address_missing'));
  });
});

describe('quotas_not_counted', () => {
  it('is there where a token has a quota and no usage shards are bound', async () => {
    const uncounted = new Gateway({ usage: false });
    await uncounted.start();
    try {
      const warnings = async () => (await uncounted.admin.status()).warnings;
      await uncounted.admin.createToken();
      assert.ok(!(await warnings()).includes('quotas_not_counted'));
      const limited = await uncounted.admin.createToken({ quota: { requests: 10, per: 'day' } });
      assert.ok((await warnings()).includes('quotas_not_counted'));
      await uncounted.admin.revoke(limited.id);
      assert.ok(!(await warnings()).includes('quotas_not_counted'));
    } finally {
      await uncounted.stop();
    }
  });

  it('is not where they are bound', async () => {
    await admin.createToken({ quota: { requests: 10, per: 'day' } });
    assert.ok(!(await admin.status()).warnings.includes('quotas_not_counted'));
    assert.match(await metricsAt(HOST), warning('quotas_not_counted', 0));
  });
});

describe('admin_api_on_every_host', () => {
  it('is in the status and the metrics that a public host is asked for, not on loopback', async () => {
    assert.ok((await statusAt(HOST)).warnings.includes('admin_api_on_every_host'));
    assert.match(await metricsAt(HOST), warning('admin_api_on_every_host', 1));
    for (const host of ['localhost:8787', '127.0.0.1']) {
      assert.ok(!(await statusAt(host)).warnings.includes('admin_api_on_every_host'), host);
      assert.match(await metricsAt(host), warning('admin_api_on_every_host', 0));
    }
  });

  it('is in the log once for each isolate, and never where a host is set apart', async () => {
    const told = () => gateway.workerd.output.split('CONTROL_HOSTS is not set').length - 1;
    const apart = gateway.location('apart');
    for (let n = 0; n < 3; n += 1) for (const at of [client, bare, apart]) await at.get('/_wayleave/health');
    // One for the gateway's isolate, one for FRA's.
    assert.equal(told(), 2);
    await gateway.restart();
    for (let n = 0; n < 3; n += 1) await client.get('/_wayleave/health', { host: 'localhost' });
    assert.equal(told(), 2, 'on loopback there is nothing to say');
    for (let n = 0; n < 3; n += 1) await client.get('/_wayleave/health');
    assert.equal(told(), 3);
  });
});
