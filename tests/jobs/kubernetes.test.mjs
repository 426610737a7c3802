// deploy/kubernetes: the CronJob's script against a running Wayleave and an API of Kubernetes that allows
// what the manifest's Role allows; and what the External Secrets operator asks by the manifest's SecretStore.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { SITE } from '../workerd/harness/admin_api.mjs';
import { Gateway } from '../workerd/harness/gateway.mjs';
import { FakeKubernetes } from './harness/fake_kubernetes.mjs';
import { manifests, only } from './harness/manifests.mjs';
import { Shell } from './harness/shell.mjs';

const FILE = manifests('cronjob.yaml');
const [CONTAINER] = only(FILE, 'CronJob').spec.jobTemplate.spec.template.spec.containers;
const SECRET = '/api/v1/namespaces/shop/secrets/wayleave-token';
const DEPLOYMENT = '/apis/apps/v1/namespaces/shop/deployments/shop';
const SHOP = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop', namespace: 'shop', generation: 1 },
  spec: {
    selector: { matchLabels: { app: 'shop' } },
    template: {
      metadata: { labels: { app: 'shop' }, annotations: { theirs: 'stays' } },
      spec: { containers: [{ name: 'shop', image: 'shop:1' }] },
    },
  },
};

const gateway = new Gateway();
const { admin, client } = gateway;
let distributor;
before(async () => {
  await gateway.start();
  ({ key: distributor } = await admin.createAdminKey('distributor'));
});
after(() => gateway.stop());

const rotate = async (family) => {
  const answer = await admin.call('POST', `/families/${family}/rotate`, { body: {} });
  assert.equal(answer.status, 201, String(answer));
  return answer.json;
};
const admits = async ({ token }) =>
  assert.equal((await client.get('/now', { headers: { Origin: SITE, 'X-Api-Key': token } })).status, 200);

describe('the CronJob without an operator', () => {
  let shell;
  let cluster;
  let old;

  beforeEach(async () => {
    shell = new Shell();
    writeFileSync(shell.path('sync'), only(FILE, 'ConfigMap').data.sync);
    writeFileSync(shell.path('key'), distributor);
    const { namespace, name } = only(FILE, 'ServiceAccount').metadata;
    cluster = new FakeKubernetes(shell.path('account'), [...FILE, SHOP], namespace, name);
    await cluster.start();
    old = await admin.createToken();
  });
  afterEach(async () => {
    await cluster.stop();
    shell.remove();
  });

  const environment = (settings) => ({
    ...Object.fromEntries(CONTAINER.env.map(({ name, value }) => [name, value])),
    WAYLEAVE_URL: `http://127.0.0.1:${gateway.workerd.ports.gateway}`,
    WAYLEAVE_FAMILY: old.family,
    WAYLEAVE_KEY_FILE: shell.path('key'),
    KUBERNETES_URL: cluster.origin,
    SERVICE_ACCOUNT: shell.path('account'),
    ...settings,
  });
  const sync = (settings) => shell.run([shell.path('sync')], environment(settings));
  const has = ({ id, token }, generation) => {
    const { data, metadata } = cluster.object('Secret', 'wayleave-token');
    assert.equal(Buffer.from(data.token, 'base64').toString(), token);
    assert.equal(metadata.annotations['wayleave-token-id'], id);
    const shop = cluster.object('Deployment', 'shop');
    assert.equal(shop.metadata.generation, generation, 'one replacement of the Pods for each token');
    assert.deepEqual(shop.spec.template.metadata.annotations, { theirs: 'stays', 'wayleave-token-id': id });
  };
  const nothingChanged = () => {
    assert.equal(cluster.object('Secret', 'wayleave-token').data, undefined);
    assert.equal(cluster.object('Deployment', 'shop').metadata.generation, 1);
  };

  it('copies the token into the Secret and restarts the Deployment, with two calls and no more', async () => {
    const { status, output } = await sync();
    assert.equal(status, 0, output);
    const shown = `${old.token.slice(0, 12)}…${old.token.slice(-8)}`;
    assert.equal(output, `shop/wayleave-token has ${old.id}: ${shown}\n`);
    has(old, 2);
    const type = 'application/merge-patch+json';
    assert.deepEqual(cluster.requests, [
      { method: 'PATCH', path: SECRET, type, status: 200 },
      { method: 'PATCH', path: DEPLOYMENT, type, status: 200 },
    ]);
  });

  it('restarts nothing while the token is the same', async () => {
    for (let time = 0; time < 3; time += 1) assert.equal((await sync()).status, 0);
    has(old, 2);
  });

  it('after a rotation: the successor and one restart, while the old token works on', async () => {
    await sync();
    const successor = await rotate(old.family);
    assert.equal((await sync()).status, 0);
    has(successor, 3);
    await admits(successor);
    await admits(old);
    // If the successor is compromised, the old one is again the one to copy.
    await admin.revoke(successor.id);
    assert.equal((await sync()).status, 0);
    has(old, 4);
  });

  it('restarts several kinds, or none', async () => {
    const role = structuredClone(only(FILE, 'Role'));
    role.rules.push({ ...role.rules[1], resources: ['statefulsets'], resourceNames: ['cart'] });
    cluster.put(role);
    cluster.put({
      ...structuredClone(SHOP),
      kind: 'StatefulSet',
      metadata: { name: 'cart', namespace: 'shop' },
      spec: { ...structuredClone(SHOP.spec), serviceName: 'cart' },
    });
    assert.equal((await sync({ RESTART: '' })).status, 0);
    assert.equal(cluster.object('Deployment', 'shop').metadata.generation, 1);
    const { status, output } = await sync({ RESTART: 'deployments/shop statefulsets/cart' });
    assert.equal(status, 0, output);
    has(old, 2);
    assert.equal(cluster.object('StatefulSet', 'cart').metadata.generation, 2);
  });

  it('has no right that it does not use: without each of its rules it stops, and says where', async () => {
    for (const [without, path, reached] of [
      [0, SECRET, 1],
      [1, DEPLOYMENT, 2],
    ]) {
      const role = structuredClone(only(FILE, 'Role'));
      role.rules.splice(without, 1);
      cluster.put(role);
      cluster.requests = [];
      const { status, output } = await sync();
      assert.equal(status, 1);
      assert.match(output, new RegExp(`could not patch ${path}`));
      assert.equal(cluster.requests.length, reached);
    }
    // The next run with its rights makes good what is missing.
    cluster.put(only(FILE, 'Role'));
    assert.equal((await sync()).status, 0);
    has(old, 2);
  });

  it('may patch nothing else: no other name, kind or namespace', async () => {
    for (const [object, settings] of [
      [{ ...only(FILE, 'Secret'), metadata: { name: 'other', namespace: 'shop' } }, { SECRET: 'other' }],
      [{ ...SHOP, metadata: { name: 'other', namespace: 'shop' } }, { RESTART: 'deployments/other' }],
      [{ ...SHOP, kind: 'DaemonSet' }, { RESTART: 'daemonsets/shop' }],
      [SHOP, { RESTART: 'deployments/../secrets/wayleave-token' }],
    ]) {
      cluster.put(object);
      cluster.requests = [];
      assert.equal((await sync(settings)).status, 1, JSON.stringify(settings));
      assert.equal(cluster.requests.at(-1).status, 403, 'it exists, and is not for this job');
    }
    writeFileSync(shell.path('account/namespace'), 'elsewhere');
    assert.equal((await sync()).status, 1);
    assert.equal(cluster.requests.at(-1).status, 403);
  });

  it('killed before each of its commands and run again: the token is there, with one restart', async () => {
    let step = 0;
    for (let signal = 'SIGKILL'; signal === 'SIGKILL'; ) {
      step += 1;
      cluster.put(only(FILE, 'Secret'));
      cluster.put(SHOP);
      ({ signal } = await shell.killedAt(step, [shell.path('sync')], environment()));
      const { status, output } = await sync();
      assert.equal(status, 0, `after a kill at ${step}: ${output}`);
      has(old, 2);
    }
    assert.ok(step > 15, `only ${step} steps`);
  });

  it('a wrong key, a family that is unknown, an answer that is no token: nothing is written', async (test) => {
    const page = createServer((_request, response) => response.end('<title>Welcome</title>'));
    await new Promise((resolve) => page.listen(0, '127.0.0.1', resolve));
    test.after(() => page.close());
    const url = `http://127.0.0.1:${page.address().port}`;
    const wrongKey = shell.path('wrong-key');
    writeFileSync(wrongKey, `${distributor}x`);
    for (const [settings, said] of [
      [{ WAYLEAVE_KEY_FILE: wrongKey }, /no token of fam_/],
      [{ WAYLEAVE_KEY_FILE: shell.path('absent') }, /no token of fam_/],
      [{ WAYLEAVE_FAMILY: 'fam_AAAA' }, /no token of fam_AAAA/],
      [{ WAYLEAVE_FAMILY: '../tokens' }, /no token of/],
      [{ WAYLEAVE_URL: url }, /did not answer with a token/],
    ]) {
      const { status, output } = await sync(settings);
      assert.equal(status, 1, JSON.stringify(settings));
      assert.match(output, said);
      assert.deepEqual(cluster.requests, []);
      nothingChanged();
    }
  });

  it('a family without an active token: the Secret keeps the last one', async () => {
    await sync();
    await admin.disable(old.id);
    assert.equal((await sync()).status, 1);
    has(old, 2);
  });

  it('talks to no server that the service account does not name', async () => {
    const impostor = new FakeKubernetes(shell.path('impostor'), [...FILE, SHOP], 'shop', 'wayleave-sync');
    await impostor.start();
    assert.equal((await sync({ KUBERNETES_URL: impostor.origin })).status, 1);
    assert.deepEqual(impostor.requests, []);
    await impostor.stop();
  });

  it('shows neither key in the arguments of a process', async () => {
    await sync();
    const shown = shell.argumentsOfCurl();
    assert.ok(shown.includes(`${cluster.origin}${SECRET}`), 'they are noted');
    for (const secret of [distributor, cluster.token]) assert.ok(!shown.includes(secret));
  });
});

describe('with the External Secrets operator', () => {
  const [store, external] = ['SecretStore', 'ExternalSecret'].map((kind) =>
    only(manifests('external-secrets.yaml'), kind),
  );
  const { webhook } = store.spec.provider;
  /** What the operator makes of a template: the values of the store's secrets and of `remoteRef`. */
  const rendered = (template, values) =>
    template.replace(/\{\{ \.(\w+)\.(\w+) \}\}/g, (_, name, field) => values[name][field]);
  const ask = async (family, key) => {
    const values = { remoteRef: { key: family }, [webhook.secrets[0].name]: { key } };
    const url = new URL(rendered(webhook.url, values));
    const headers = Object.entries(webhook.headers).map(([name, value]) => [name, rendered(value, values)]);
    return client.get(url.pathname, { headers });
  };

  it('what it asks by is answered with the current token, where its path looks for it', async () => {
    const old = await admin.createToken();
    const [, field] = /^\$\.(\w+)$/.exec(webhook.result.jsonPath);
    assert.equal((await ask(old.family, distributor)).json[field], old.token);
    const successor = await rotate(old.family);
    assert.equal((await ask(old.family, distributor)).json[field], successor.token);
    await admits(old);
  });

  it('what it takes for a deleted secret is a family without a token, and the last token stays', async () => {
    const old = await admin.createToken();
    await admin.disable(old.id);
    assert.equal((await ask(old.family, distributor)).status, 404);
    assert.equal(external.spec.target.deletionPolicy, 'Retain');
    assert.equal((await ask(old.family, `${distributor}x`)).status, 401, 'a wrong key is no deleted secret');
  });
});
