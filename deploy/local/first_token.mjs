// Gets the demo page's token through the admin API: finds a usable one, or creates it.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const LABEL = 'demo page';

/** The token's text and family for a page on `origin`, and whether it is new: `{token, family, made}`. */
export async function demoToken(gateway, adminKey, origin) {
  const found = await findToken(gateway, adminKey, origin);
  if (found) {
    const { token } = await call(gateway, adminKey, 'GET', `/tokens/${found.id}/token`);
    return { token, family: found.family, made: false };
  }
  const created = await call(gateway, adminKey, 'POST', '/tokens', {
    label: LABEL,
    origins: [origin],
    distribute: true,
  });
  return { token: created.token, family: created.family, made: true };
}

// Among the active tokens that still match the demo page, the one with the latest expiry.
async function findToken(gateway, adminKey, origin) {
  const query = new URLSearchParams({ q: LABEL, state: 'active', limit: '100' });
  const { items } = await call(gateway, adminKey, 'GET', `/tokens?${query}`);
  return items
    .filter((item) => item.label === LABEL && item.distribute && item.origins.includes(origin))
    .sort((a, b) => b.expires_at.localeCompare(a.expires_at))[0];
}

// After a 503 the request is repeated with the same Idempotency-Key, so it creates no second token.
async function call(gateway, adminKey, method, path, body) {
  const headers = { authorization: `Bearer ${adminKey}` };
  if (body) Object.assign(headers, { 'content-type': 'application/json', 'idempotency-key': randomUUID() });
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(`${gateway}/_wayleave/api${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    if (response.status === 401) {
      throw new Error(
        'the admin key of this machine was deleted, or ADMIN_KEY was changed: ' +
          'put another ADMIN_KEY into .dev.vars, or delete everything with make reset',
      );
    }
    if (response.status !== 503 || attempt === 5) {
      const told = [
        answer.code,
        answer.detail,
        ...(answer.errors ?? []).map((e) => `${e.field}: ${e.detail}`),
      ];
      throw new Error(
        `${method} /_wayleave/api${path.split('?')[0]} ` +
          `answered ${response.status} ${told.filter(Boolean).join('; ')}`,
      );
    }
    await sleep(attempt * 500);
  }
}
