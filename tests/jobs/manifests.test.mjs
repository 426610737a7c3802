// The manifests of deploy/kubernetes by the schemas of Kubernetes' API and of External Secrets' CRDs: they
// fit, they fit each other, and what they allow is as little as can be.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { manifests, only, ROOT, schemaFaults, typeFaults } from './harness/manifests.mjs';

const CRON = manifests('cronjob.yaml');
const OPERATOR = manifests('external-secrets.yaml');
const README = readFileSync(join(ROOT, 'deploy', 'kubernetes', 'README.md'), 'utf8');

/** A copy of the object with the member at this path set, or removed by undefined. */
function changed(object, path, value) {
  const copy = structuredClone(object);
  const keys = path.split('.');
  const last = keys.pop();
  const parent = keys.reduce((at, key) => at[key], copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

describe('the schemas', () => {
  it('accept every manifest, each for its own kind', async () => {
    for (const object of [...CRON, ...OPERATOR])
      assert.deepEqual(await schemaFaults(object), [], object.kind);
    assert.deepEqual(typeFaults([...CRON, ...OPERATOR]), []);
  });

  it('refuse what a cluster would: an unknown field, a missing one, a wrong type', async () => {
    const job = 'spec.jobTemplate.spec.template.spec';
    const cron = only(CRON, 'CronJob');
    const store = only(OPERATOR, 'SecretStore');
    const external = only(OPERATOR, 'ExternalSecret');
    const unknown = [
      changed(cron, `${job}.containers.0.securityContext.readOnlyRootFileSystem`, true),
      changed(cron, 'spec.backoffLimit', 3),
      changed(store, 'spec.provider.webhook.secrets.0.secretRef.secret', 'x'),
      changed(external, 'spec.interval', '1h'),
    ];
    const wrong = [
      changed(cron, 'spec.schedule', undefined),
      changed(cron, `${job}.securityContext.runAsUser`, 'nobody'),
      changed(only(CRON, 'Role'), 'rules.0.resourceNames', 'wayleave-token'),
      changed(store, 'spec.provider.webhook.url', undefined),
      changed(external, 'spec.target.deletionPolicy', 'Keep'),
    ];
    const all = [...unknown, ...wrong];
    const faulty = typeFaults(all).map((fault) => /^manifest(\d+)\.ts/.exec(fault)?.[1]);
    assert.deepEqual([...new Set(faulty)].filter(Boolean), Object.keys(all));
    for (const object of wrong) assert.equal((await schemaFaults(object)).length, 1, JSON.stringify(object));
  });
});

describe('the CronJob', () => {
  const pod = only(CRON, 'CronJob').spec.jobTemplate.spec.template.spec;
  const [container] = pod.containers;
  const environment = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));

  it('is in one namespace, with names that fit', () => {
    assert.deepEqual([...new Set(CRON.map(({ metadata }) => metadata.namespace))], ['shop']);
    const account = only(CRON, 'ServiceAccount').metadata.name;
    const { roleRef, subjects } = only(CRON, 'RoleBinding');
    assert.deepEqual([roleRef.kind, roleRef.name], ['Role', only(CRON, 'Role').metadata.name]);
    assert.deepEqual(subjects, [{ kind: 'ServiceAccount', name: account, namespace: 'shop' }]);
    assert.equal(pod.serviceAccountName, account);
    assert.equal(environment.SECRET, only(CRON, 'Secret').metadata.name);
    const [script, key] = pod.volumes;
    assert.equal(script.configMap.name, only(CRON, 'ConfigMap').metadata.name);
    const mounted = (name) => container.volumeMounts.find((mount) => mount.name === name).mountPath;
    assert.deepEqual(container.command, ['/bin/sh', `${mounted(script.name)}/sync`]);
    assert.equal(environment.WAYLEAVE_KEY_FILE, `${mounted(key.name)}/key`);
  });

  it('may patch the Secret and the Deployment of these names, and nothing else', () => {
    const [secrets, workloads, ...others] = only(CRON, 'Role').rules;
    assert.deepEqual(others, []);
    assert.deepEqual(secrets, {
      apiGroups: [''],
      resources: ['secrets'],
      resourceNames: [environment.SECRET],
      verbs: ['patch'],
    });
    const [resource, name] = environment.RESTART.split('/');
    assert.deepEqual(workloads, {
      apiGroups: ['apps'],
      resources: [resource],
      resourceNames: [name],
      verbs: ['patch'],
    });
  });

  it('fits the Pod Security Standard "restricted", and writes to no disk', () => {
    assert.equal(pod.securityContext.runAsNonRoot, true);
    assert.ok(pod.securityContext.runAsUser > 0);
    assert.equal(pod.securityContext.seccompProfile.type, 'RuntimeDefault');
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    assert.ok(container.volumeMounts.every(({ readOnly }) => readOnly === true));
    for (const shared of ['hostNetwork', 'hostPID', 'hostIPC']) assert.equal(pod[shared], undefined);
    const [, key] = pod.volumes;
    assert.equal(key.secret.defaultMode, 0o440, 'read by the group of the Pod');
  });

  it('runs an image that its digest names', () => {
    assert.match(container.image, /^docker\.io\/curlimages\/curl:[\d.]+@sha256:[0-9a-f]{64}$/);
    assert.equal(pod.containers.length, 1);
  });

  it('is retried, never runs twice at once, and ends', () => {
    const { concurrencyPolicy, jobTemplate } = only(CRON, 'CronJob').spec;
    assert.equal(concurrencyPolicy, 'Forbid');
    assert.ok(jobTemplate.spec.backoffLimit >= 1);
    assert.ok(jobTemplate.spec.activeDeadlineSeconds < 3600, 'before the next one');
  });
});

describe('the ExternalSecret', () => {
  const { webhook } = only(OPERATOR, 'SecretStore').spec.provider;
  const external = only(OPERATOR, 'ExternalSecret');

  it('names the store, and both variants fill the same Secret', () => {
    const { kind, metadata } = only(OPERATOR, 'SecretStore');
    assert.deepEqual(external.spec.secretStoreRef, { kind, name: metadata.name });
    assert.equal(external.metadata.namespace, metadata.namespace);
    assert.equal(external.spec.target.name, only(CRON, 'Secret').metadata.name);
    assert.deepEqual(
      external.spec.data.map(({ secretKey }) => secretKey),
      ['token'],
    );
  });

  it('reads the Secret with the key that the page makes, with the label that the operator asks for', () => {
    const { name } = webhook.secrets[0].secretRef;
    const { secretName } = only(CRON, 'CronJob').spec.jobTemplate.spec.template.spec.volumes[1].secret;
    assert.equal(name, secretName);
    assert.ok(README.includes(`create secret generic ${name} --from-file=key=/dev/stdin`));
    assert.ok(README.includes(`label secret ${name} external-secrets.io/type=webhook`));
    assert.match(webhook.headers.Authorization, /^Bearer \{\{ \.distributor\.key \}\}$/);
  });
});

it('what the page prints names what the manifests make', () => {
  const names = [
    ...README.matchAll(/kubectl -n (\S+) .*?(cronjob|externalsecret|secret)s?[/ ](wayleave-\S+)/g),
  ];
  assert.ok(names.length >= 4, String(names.length));
  for (const [line, namespace, kind, name] of names) {
    assert.equal(namespace, 'shop', line);
    const made = [...CRON, ...OPERATOR].map(
      (object) => `${object.kind.toLowerCase()}/${object.metadata.name}`,
    );
    if (name !== 'wayleave-distributor') assert.ok(made.includes(`${kind}/${name}`), line);
  }
  assert.match(README, /create job wayleave-sync-now --from=cronjob\/wayleave-sync/);
  assert.match(README, /annotate externalsecret wayleave-token force-sync=/);
});
