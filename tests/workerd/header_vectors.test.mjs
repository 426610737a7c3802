// The header vectors through the real gateway: sends each row of tests/vectors/headers.json and compares what
// arrived upstream and what came back. tests/header_vectors.rs runs the same rows against the core alone.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { Gateway } from './harness/gateway.mjs';

const vectors = JSON.parse(readFileSync(new URL('../vectors/headers.json', import.meta.url), 'utf8'));
const hostOf = (index) => `row-${index}.example`;
const PASSING = 'passing.example';

/** Requests that reached the API, by the X-Row header that each carries. */
const arrived = new Map();
const upstream = createServer((request, response) => {
  const index = Number(request.headers['x-row']);
  arrived.set(index, { target: request.url, fields: fieldsOf(request.rawHeaders) });
  const { status = 200, headers = [] } = vectors.rows[index]?.answer ?? {};
  response.writeHead(
    status,
    headers.flatMap(([name, value]) => [name, filled(value, index)]),
  );
  response.end();
});

const gateway = new Gateway({
  variables: () => ({
    CLIENT_IP_HEADER: vectors.client_ip_header,
    ROUTES: [
      ...vectors.rows.map(({ route: { upstream_path = '', ...route } }, index) => ({
        ...route,
        host: hostOf(index),
        upstream: `${upstreamOrigin()}${upstream_path}`,
      })),
      { host: PASSING, upstream: upstreamOrigin(), anonymous: true, forwarded_headers: 'pass' },
    ],
  }),
});
const tokens = {};

before(async () => {
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  await gateway.start();
  const make = async (origins, audiences, claims = null) =>
    (await gateway.admin.createToken({ origins, audiences, claims })).token;
  tokens.site = await make([vectors.site], ['default', 'cookies']);
  tokens.claims = await make([vectors.site], ['default'], vectors.claims);
  tokens.any = await make('any', ['default']);
});
after(async () => {
  await gateway.stop();
  upstream.closeAllConnections();
  upstream.close();
});

describe('each row', () => {
  vectors.rows.forEach((row, index) => {
    it(row.name, async () => {
      const { method = 'GET', target } = row.request;
      const headers = row.request.headers.map(([name, value]) => [name, filled(value, index)]);
      headers.push(['X-Row', String(index)]);
      const sent = { headers, host: hostOf(index) };
      const answer = await gateway.client.send(method, filled(target, index), sent);
      assert.equal(answer.status, row.answer?.status ?? 200, String(answer));
      const { target: expectedTarget, headers: expected = {} } = row.upstream_gets ?? {};
      if (expectedTarget) assert.equal(arrived.get(index).target, expectedTarget);
      assertFields(arrived.get(index).fields, expected, index);
      assertFields(fieldsOf(answer.rawHeaders.flat()), row.caller_gets ?? {}, index);
    });
  });
});

describe('each name, sent by a stranger to an anonymous route', () => {
  const isPlain = ({ route, answer }) => route.anonymous && !route.forwarded_headers && !answer;
  const index = vectors.rows.findIndex(isPlain);
  const { client_ip_header: trusted, withheld } = vectors;
  const send = async (name, host) => {
    const value = name.toLowerCase() === trusted ? '192.0.2.7' : "a stranger's";
    const headers = [
      [name, value],
      ['X-Row', String(index)],
    ];
    const answer = await gateway.client.send('GET', '/name', { headers, host });
    assert.equal(answer.status, 200, String(answer));
    return (arrived.get(index).fields.get(name.toLowerCase()) ?? []).join();
  };

  for (const name of [...withheld.names.filter((one) => one !== trusted), ...withheld.taken]) {
    it(`${name} does not arrive`, async () => {
      assert.ok(!(await send(name, hostOf(index))).includes("a stranger's"));
    });
  }
  for (const name of withheld.passed) {
    it(`${name} arrives`, async () => {
      assert.notEqual(await send(name, hostOf(index)), '');
    });
  }
  it('where a route passes them on, only what begins as ours does not arrive', async () => {
    for (const name of [...withheld.names, ...withheld.taken, ...withheld.passed]) {
      const read = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-');
      const isOwn = withheld.own_stems.some((stem) => read.startsWith(stem));
      assert.equal((await send(name, PASSING)) === '', isOwn, name);
    }
  });
  it('however many names a stranger makes up, each is judged', async () => {
    for (let round = 0; round < 12; round += 1) {
      const made = Array.from({ length: 50 }, (_, number) => [`X-Made-Up-${round}-${number}`, '1']);
      const evil = ['Wayleave.Made.Up', 'X_Forwarded_Made_Up'].map((name) => [`${name}-${round}`, 'evil']);
      const headers = [...made, ...evil, ['X-Row', String(index)]];
      await gateway.client.send('GET', '/name', { headers, host: hostOf(index) });
      const { fields } = arrived.get(index);
      assert.equal([...fields.keys()].filter((name) => name.startsWith('x-made-up-')).length, 50);
      assert.deepEqual(
        [...fields.values()].flat().filter((value) => value === 'evil'),
        [],
      );
    }
  });
});

function upstreamOrigin() {
  return `http://127.0.0.1:${upstream.address().port}`;
}

function filled(text, index) {
  const values = {
    public: `http://${hostOf(index)}`,
    scheme: 'http',
    host: hostOf(index),
    upstream: upstreamOrigin(),
    upstream_name: '127.0.0.1',
    upstream_host: upstreamOrigin().slice('http://'.length),
    site: vectors.site,
    token: tokens[vectors.rows[index].token],
  };
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** The values of each field line, by its lower-case field name (RFC 9110). */
function fieldsOf(raw) {
  const fields = new Map();
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at].toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), raw[at + 1]]);
  }
  return fields;
}

function assertFields(fields, expected, index) {
  for (const [name, value] of Object.entries(expected)) {
    const got = fields.get(name);
    if (value === null) assert.equal(got, undefined, name);
    else if (value === '*') assert.notEqual(got, undefined, name);
    else if (Array.isArray(value))
      assert.deepEqual(
        got,
        value.map((one) => filled(one, index)),
        name,
      );
    else assert.equal(got?.join(', '), filled(value, index), name);
  }
}
