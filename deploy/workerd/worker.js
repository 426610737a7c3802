// The built Worker, together with a check of itself. deploy/workerd/start runs the check (`workerd test`)
// before anything listens. So a wrong setting or failing storage is reported at the start, not served as 500
// and 503.

import Worker from './index.js';

export * from './index.js';
export default Worker;

// A registry restored from a backup answers only after it has read KV's list, and retries that every 5 s. The
// service with the registry waits for it; workerd checks that service first.
const PATIENCE_MS = 7_000;
const RETRY_MS = 100;

/** Fails when this service could not serve. The log then already names a wrong setting. */
export const readiness = {
  async test(_controller, env, context) {
    const ask = (url, headers) => Worker.fetch(new Request(url, { headers }), env, context);
    const deadline = Date.now() + (env.PLANE === 'control' ? PATIENCE_MS : 0);
    // 500 while a setting is wrong; 503 while neither KV nor the registry has a list.
    await answers(ask, 'http://localhost/_wayleave/health', {}, deadline);
    if (env.PLANE !== 'control' || !env.ADMIN_KEY) return;
    // 503 while the registry does not answer. Any answer will do, including a refusal of a deleted key.
    const [host] = env.CONTROL_HOSTS.split(',');
    const headers = { Authorization: `Bearer ${env.ADMIN_KEY}` };
    await answers(ask, `http://${host.trim()}/_wayleave/api/status`, headers, deadline);
  },
};

async function answers(ask, url, headers, deadline) {
  for (; ; await new Promise((go) => setTimeout(go, RETRY_MS))) {
    const response = await ask(url, headers);
    if (response.status < 500) return;
    if (response.status === 503 && Date.now() < deadline) continue;
    // workerd prints nothing about a thrown error here.
    console.error(`Not ready: ${url} is answered ${response.status} ${await response.text()}`);
    throw new Error('not ready');
  }
}
