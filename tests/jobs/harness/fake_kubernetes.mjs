// The part of Kubernetes' API that a job uses, over TLS. It authenticates the service account, allows what
// the Roles of the manifests allow and nothing else, and judges each patched object by the real schemas.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { schemaFaults } from './manifests.mjs';

const PATH = /^\/(?:api\/v1|apis\/([a-z.]+)\/v1)\/namespaces\/([a-z-]+)\/([a-z]+)\/([a-z-]+)$/;
const VERBS = { GET: 'get', PATCH: 'patch', PUT: 'update', DELETE: 'delete' };

export class FakeKubernetes {
  /**
   * @param {string} folder an empty folder for the files of the service account, as a Pod has them
   * @param {object[]} objects what is in the cluster, with the Roles and RoleBindings that count
   * @param {string} namespace and `account`: the service account whose token a job has
   */
  constructor(folder, objects, namespace, account) {
    this.folder = folder;
    this.objects = structuredClone(objects);
    this.namespace = namespace;
    this.account = account;
    this.token = `service-account-token-of-${account}`;
    /** Each request: method, path, content type and the status of its answer. */
    this.requests = [];
  }

  async start() {
    mkdirSync(this.folder, { recursive: true });
    const [key, certificate] = [join(this.folder, 'ca.key'), join(this.folder, 'ca.crt')];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const name = ['-subj', '/CN=kubernetes', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', certificate, ...name], {
      stdio: 'ignore',
    });
    writeFileSync(join(this.folder, 'token'), this.token);
    writeFileSync(join(this.folder, 'namespace'), this.namespace);
    const tls = { key: readFileSync(key), cert: readFileSync(certificate) };
    this.server = createServer(tls, async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const [status, body] = await this.#answer(request, Buffer.concat(chunks).toString());
      const type = request.headers['content-type'];
      this.requests.push({ method: request.method, path: request.url, type, status });
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    });
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.origin = `https://127.0.0.1:${this.server.address().port}`;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  object(kind, name) {
    return this.objects.find((object) => object.kind === kind && object.metadata.name === name);
  }

  /** Replaces an object of the cluster. */
  put(object) {
    const { kind, metadata } = object;
    this.objects = this.objects.filter((old) => old.kind !== kind || old.metadata.name !== metadata.name);
    this.objects.push(object);
  }

  async #answer(request, body) {
    if (request.headers.authorization !== `Bearer ${this.token}`) return refusal(401, 'Unauthorized');
    const [, group = '', namespace, resource, name] = PATH.exec(request.url) ?? [];
    if (name === undefined) return refusal(404, 'NotFound');
    if (!this.#may(VERBS[request.method], group, namespace, resource, name)) return refusal(403, 'Forbidden');
    const object = this.objects.find(
      ({ kind, metadata }) =>
        plural(kind) === resource && metadata.name === name && metadata.namespace === namespace,
    );
    if (object === undefined) return refusal(404, 'NotFound');
    if (request.method !== 'PATCH') return refusal(405, 'MethodNotAllowed');
    if (request.headers['content-type'] !== 'application/merge-patch+json')
      return refusal(415, 'UnsupportedMediaType');
    return this.#patch(object, JSON.parse(body));
  }

  async #patch(object, change) {
    const patched = merged(object, change);
    const faults = await schemaFaults(patched);
    if (faults.length > 0) return refusal(422, faults.join());
    const { stringData, ...stored } = patched;
    for (const [key, text] of Object.entries(stringData ?? {}))
      stored.data = { ...stored.data, [key]: Buffer.from(text).toString('base64') };
    // A change of the template is what makes a Deployment replace its Pods.
    if (JSON.stringify(stored.spec?.template) !== JSON.stringify(object.spec?.template))
      stored.metadata = { ...stored.metadata, generation: (object.metadata.generation ?? 1) + 1 };
    this.put(stored);
    return [200, stored];
  }

  #may(verb, group, namespace, resource, name) {
    const isOurs = ({ kind, name, namespace }) =>
      kind === 'ServiceAccount' && name === this.account && namespace === this.namespace;
    const bound = this.objects.filter(
      ({ kind, metadata, subjects }) =>
        kind === 'RoleBinding' && metadata.namespace === namespace && subjects.some(isOurs),
    );
    return bound.some(({ roleRef }) =>
      this.object(roleRef.kind, roleRef.name)?.rules.some(
        (rule) =>
          rule.verbs.includes(verb) &&
          rule.apiGroups.includes(group) &&
          rule.resources.includes(resource) &&
          (rule.resourceNames === undefined || rule.resourceNames.includes(name)),
      ),
    );
  }
}

const plural = (kind) => `${kind.toLowerCase()}s`;
const refusal = (code, reason) => [code, { kind: 'Status', status: 'Failure', reason, code }];

/** RFC 7386. */
function merged(target, patch) {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const result = { ...(target !== null && typeof target === 'object' ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}
