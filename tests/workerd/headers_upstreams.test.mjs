// Headers in front of real upstreams. Express 5, or a CGI program under lighttpd, must never mistake a
// caller's header for one of the gateway's. Where they redirect, callers follow through the gateway.
//
// Each spelling is sent first to the upstream itself, which shows how it reads it, and then through the
// gateway.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SITE } from './harness/admin_api.mjs';
import { startExpress } from './harness/express.mjs';
import { Gateway } from './harness/gateway.mjs';
import { Client } from './harness/http_client.mjs';
import { programOf, startLighttpd } from './harness/lighttpd.mjs';

const STRANGERS = 'a-stranger-wrote-this';
/** Every character that a field name may contain besides letters and digits (RFC 9110 section 5.6.2). */
const SEPARATORS = [..."!#$%&'*+-.^_`|~"];
/** Headers that the gateway sets or removes, as lists of words. */
const NAMES = [
  'Wayleave Token Id',
  'Wayleave Family',
  'Wayleave Audience',
  'Wayleave External Id',
  'Wayleave Anonymous',
  'X Forwarded Host',
  'X Forwarded Proto',
  'X Forwarded For',
  'X Real IP',
  'X Original URL',
  'X Rewrite URL',
  'X HTTP Method Override',
];
const EXPRESS = 'express.example';
const CGI = 'cgi.example';
const REDIRECT = `
  server.modules += ( "mod_redirect" )
  url.redirect = ( "^/base/moved" => "http://\${url.authority}/base/seen" )
`;

let express, lighttpd, gateway, token;

before(async () => {
  [express, lighttpd] = await Promise.all([
    startExpress((app) => {
      app.set('trust proxy', true);
      const moves = {
        moved: () => '/base/seen?a=1',
        'moved-away': () => 'https://elsewhere.example/base/seen',
        'moved-by-name': ({ protocol, host }) => `${protocol}://${host}/seen`,
      };
      for (const [name, to] of Object.entries(moves)) {
        app.get(`/base/${name}`, (request, response) => response.redirect(to(request)));
      }
      app.use((request, response) => {
        const { headers, protocol, hostname, ip, originalUrl } = request;
        response.json({ headers, protocol, hostname, ip, url: originalUrl });
      });
    }),
    startLighttpd({ settings: REDIRECT }),
  ]);
  gateway = new Gateway({
    variables: () => ({
      CLIENT_IP_HEADER: 'X-Real-IP',
      ROUTES: [
        { host: EXPRESS, upstream: `${express.origin}/base/` },
        { host: CGI, upstream: `${lighttpd.origin}/base/` },
        { host: EXPRESS, path: '/open', upstream: `${express.origin}/base/`, anonymous: true },
        { host: CGI, path: '/open', upstream: `${lighttpd.origin}/base/`, anonymous: true },
      ],
    }),
  });
  await gateway.start();
  token = (await gateway.admin.createToken({ external_id: 'customer-7' })).token;
});
after(async () => {
  await gateway?.stop();
  await Promise.all([express?.stop(), lighttpd?.stop()]);
});

const spellings = NAMES.flatMap((name) => SEPARATORS.map((separator) => name.replaceAll(' ', separator)));
const variableOf = (name) => `HTTP_${name.replaceAll(/[^A-Za-z0-9]/g, '_').toUpperCase()}`;
const guarded = (headers) => ['/x', [['X-Api-Key', token], ['Origin', SITE], ...headers]];
const anonymous = (headers) => ['/open/x', headers];

/** The environment of the CGI program. */
async function environment(client, [path, headers], host) {
  const answer = await client.get(path, { headers, host });
  assert.equal(answer.status, 200, `${JSON.stringify(headers)}: ${answer}`);
  return programOf(answer).environment;
}

describe('CGI under lighttpd', () => {
  it('reads other characters as it reads a hyphen, so there is something to withhold', async () => {
    const direct = new Client(() => lighttpd.port);
    let taken = 0;
    for (const name of spellings) {
      const answer = await direct.get('/x', { headers: [[name, STRANGERS]] });
      const variables = programOf(answer)?.environment ?? {};
      if (variables[variableOf(name)] === STRANGERS) taken += 1;
    }
    direct.close();
    assert.ok(taken >= NAMES.length * 10, `${taken} of ${spellings.length} spellings became the variable`);
  });

  for (const [what, request] of Object.entries({ guarded, anonymous })) {
    it(`gets no stranger's word, in whatever spelling, on a route that is ${what}`, async () => {
      for (const name of spellings) {
        const variables = await environment(gateway.client, request([[name, STRANGERS]]), CGI);
        assert.ok(!Object.values(variables).includes(STRANGERS), `${name}: ${variables[variableOf(name)]}`);
      }
    });
  }

  it('gets ours beside all of them at once', async () => {
    const variables = await environment(
      gateway.client,
      guarded([...spellings.slice(0, 60).map((name) => [name, STRANGERS]), ['X-Real-IP', '2001:db8::7']]),
      CGI,
    );
    assert.match(variables.HTTP_WAYLEAVE_TOKEN_ID, /^tok_\d+$/);
    assert.match(variables.HTTP_WAYLEAVE_FAMILY, /^fam_/);
    assert.equal(variables.HTTP_WAYLEAVE_AUDIENCE, 'default');
    assert.equal(variables.HTTP_WAYLEAVE_EXTERNAL_ID, 'customer-7');
    assert.equal(variables.HTTP_WAYLEAVE_ANONYMOUS, undefined);
    assert.equal(variables.HTTP_X_FORWARDED_HOST, CGI);
    assert.equal(variables.HTTP_X_FORWARDED_PROTO, 'http');
    assert.equal(variables.HTTP_X_FORWARDED_FOR, '2001:db8::7');
    assert.equal(variables.HTTP_X_REAL_IP, '2001:db8::7');
    assert.ok(!Object.values(variables).includes(STRANGERS));
  });

  it('gets no word of ours taken away as a header of the connection', async () => {
    const named = 'close, Wayleave-Token-Id, X-Forwarded-Host';
    const variables = await environment(gateway.client, guarded([['Connection', named]]), CGI);
    assert.match(variables.HTTP_WAYLEAVE_TOKEN_ID, /^tok_\d+$/);
    assert.equal(variables.HTTP_X_FORWARDED_HOST, CGI);
    assert.equal(variables.HTTP_CONNECTION?.includes('Wayleave') ?? false, false);
  });

  it('gets no trailers', async () => {
    const text = await gateway.client.sendBytes(
      `POST /open/x HTTP/1.1\r\nHost: ${CGI}\r\n` +
        'Transfer-Encoding: chunked\r\nTrailer: Wayleave-Token-Id\r\n' +
        `Connection: close\r\n\r\n2\r\nhi\r\n0\r\nWayleave-Token-Id: ${STRANGERS}\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.ok(!text.includes(STRANGERS));
  });
});

describe('Express', () => {
  const seen = async ([path, headers]) => (await gateway.client.get(path, { headers, host: EXPRESS })).json;

  for (const [what, request] of Object.entries({ guarded, anonymous })) {
    it(`gets no stranger's word, in whatever spelling, on a route that is ${what}`, async () => {
      for (const name of spellings) {
        const { headers } = await seen(request([[name, STRANGERS]]));
        assert.ok(!Object.values(headers).includes(STRANGERS), name);
      }
    });
  }

  it('that trusts its proxy knows public name, scheme and address, and believes no stranger', async () => {
    const forged = [
      ['X-Forwarded-Host', 'evil.example'],
      ['X-Forwarded-Proto', 'gopher'],
      ['X-Forwarded-For', '6.6.6.6'],
      ['Forwarded', 'host=evil.example'],
    ];
    const { protocol, hostname, ip } = await seen(guarded([...forged, ['X-Real-IP', '192.0.2.7']]));
    assert.deepEqual({ protocol, hostname, ip }, { protocol: 'http', hostname: EXPRESS, ip: '192.0.2.7' });
    // Without a trusted address, Express takes the peer's, which is the gateway's.
    assert.match((await seen(guarded(forged))).ip, /127\.0\.0\.1$/);
  });
});

describe('redirects of both', () => {
  /** Follows one redirect as an image element does: only with what the URL contains. */
  async function follow(host, target) {
    const headers = [['Referer', `${SITE}/page`]];
    const first = await gateway.client.get(target, { headers, host });
    assert.ok([301, 302].includes(first.status), String(first));
    const { location } = first.headers;
    assert.ok(!location.includes('127.0.0.1') && !location.includes('/base'), location);
    const url = new URL(location, `http://${host}${target}`);
    assert.equal(url.host, host);
    return { location, second: await gateway.client.get(url.pathname + url.search, { headers, host }) };
  }

  it('lead an image back through the gateway, token and all', async () => {
    const relative = await follow(EXPRESS, `/moved?token=${token}`);
    assert.equal(relative.location, `/seen?a=1&token=${token}`);
    assert.equal(relative.second.json.url, '/base/seen?a=1');
    const byName = await follow(EXPRESS, `/moved-by-name?token=${token}`);
    assert.equal(byName.location, `http://${EXPRESS}/seen?token=${token}`);
    assert.equal(byName.second.json.url, '/base/seen');
    const absolute = await follow(CGI, `/moved?token=${token}`);
    assert.equal(absolute.location, `http://${CGI}/seen?token=${token}`);
    assert.equal(programOf(absolute.second).environment.REQUEST_URI, '/base/seen');
  });

  it('and elsewhere without it', async () => {
    const headers = [['Referer', `${SITE}/`]];
    const answer = await gateway.client.get(`/moved-away?token=${token}`, { headers, host: EXPRESS });
    assert.equal(answer.headers.location, 'https://elsewhere.example/base/seen');
  });
});
