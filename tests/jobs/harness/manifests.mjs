// The manifests of deploy/kubernetes, judged as a cluster would: by the schemas of Kubernetes' API and of
// External Secrets' CRDs, and without a field that they do not know.
//
// The packages hold validators that let unknown fields pass, and types that do not. So each manifest is also
// written as TypeScript, and the compiler refuses what is unknown.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseAllDocuments } from 'yaml';

export const ROOT = new URL('../../..', import.meta.url).pathname;
const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

/** Every object of a file of deploy/kubernetes. */
export function manifests(name) {
  const text = readFileSync(join(ROOT, 'deploy', 'kubernetes', name), 'utf8');
  return parseAllDocuments(text, { uniqueKeys: true }).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  });
}

/** The one object of this kind. */
export function only(objects, kind) {
  const found = objects.filter((object) => object.kind === kind);
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind}`);
  return found[0];
}

/** The faults of `object` by the schema of its kind. */
export async function schemaFaults(object) {
  const model = (await import(`${moduleOf(object)}.js`).catch(() => import(moduleOf(object))))[object.kind];
  try {
    new model(object).validate();
    return [];
  } catch (error) {
    return [error.message];
  }
}

/**
 * The faults of `objects` by the types of their kinds: fields that are unknown, absent or of a wrong type.
 * Each begins with the object's index: `manifest3.ts(…)`.
 */
export function typeFaults(objects) {
  mkdirSync(join(ROOT, 'target'), { recursive: true }); // below the root, where the packages are found
  const folder = mkdtempSync(join(ROOT, 'target', 'manifests-'));
  try {
    const files = objects.map((object, index) => {
      const type = `import('${moduleOf(object)}').I${object.kind}`;
      const file = `manifest${index}.ts`;
      writeFileSync(join(folder, file), `export const it: ${type} = ${JSON.stringify(object, null, 1)};`);
      return file;
    });
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
    const { status, stdout } = spawnSync(process.execPath, [TSC, ...options, ...files], {
      cwd: folder,
      encoding: 'utf8',
    });
    return status === 0 ? [] : stdout.trim().split('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function moduleOf({ apiVersion, kind }) {
  const isOfOperator = apiVersion.startsWith('external-secrets.io/');
  const models = isOfOperator ? '@kubernetes-models/external-secrets' : 'kubernetes-models';
  return `${models}/${apiVersion}/${kind}`;
}
