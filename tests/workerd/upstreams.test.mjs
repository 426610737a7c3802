// Paths in front of real upstreams. If a real Express or lighttpd reads a path as one of the guarded part,
// that path must never be served without a token or with a token for another part, however it is spelled.
//
// Each spelling is sent first to the upstream itself, which shows how it reads it, and then through the
// gateway.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import express from 'express';
import { SITE } from './harness/admin_api.mjs';
import { startExpress } from './harness/express.mjs';
import { Gateway } from './harness/gateway.mjs';
import { Client } from './harness/http_client.mjs';
import { programOf, startLighttpd } from './harness/lighttpd.mjs';
import { assertProblem } from './harness/problem.mjs';
import { Random } from './harness/random.mjs';
import { spellings } from './harness/spellings.mjs';

/** Its letters have Unicode look-alikes: the Kelvin sign, the dotless i and the long s. */
const GUARDED = 'kiosk';
const random = Random.ofRun();
const paths = spellings(GUARDED, 'x', random, 800);
const files = mkdtempSync(join(tmpdir(), 'wayleave-files-'));
mkdirSync(join(files, GUARDED));
writeFileSync(join(files, GUARDED, 'x'), 'guarded');
writeFileSync(join(files, GUARDED, 'index.html'), 'guarded');

const eager = `server.force-lowercase-filenames = "enable"
  server.http-parseopts = ( "url-path-backslash-trans" => "enable" )`;
const upstreams = {
  'Express 5': {
    start: () =>
      startExpress((app) => {
        app.use(`/${GUARDED}`, (_request, response) => response.send('guarded'));
        app.use((_request, response) => response.send('open'));
      }),
    isGuarded: (answer) => answer.text === 'guarded',
    least: 25,
  },
  'files of Express 5': {
    start: () =>
      startExpress((app) => {
        app.use(express.static(files));
        app.use((_request, response) => response.send('open'));
      }),
    isGuarded: (answer) => answer.text === 'guarded',
    least: 40,
  },
  // Many Node programs do this; they read the path of `//host/kiosk` as /kiosk.
  'Node that parses request.url as a URL': {
    start: () =>
      startExpress((app) =>
        app.use((request, response) => {
          const pathname = URL.parse(request.url, 'http://upstream')?.pathname ?? '/';
          response.send(
            pathname === `/${GUARDED}` || pathname.startsWith(`/${GUARDED}/`) ? 'guarded' : 'open',
          );
        }),
      ),
    isGuarded: (answer) => answer.text === 'guarded',
    least: 15,
  },
  lighttpd: {
    start: () => startLighttpd({ programs: [GUARDED] }),
    isGuarded: (answer) => programOf(answer)?.name === GUARDED,
    least: 50,
  },
  // As PHP frameworks do: what follows the script's name is the path, or else the whole path is.
  'a front controller under lighttpd': {
    start: () => startLighttpd({ otherwise: 'index.php' }),
    isGuarded: (answer) => {
      const { PATH_INFO, REQUEST_URI = '' } = programOf(answer)?.environment ?? {};
      const path = PATH_INFO || REQUEST_URI.split('?')[0];
      return path === `/${GUARDED}` || path.startsWith(`/${GUARDED}/`);
    },
    least: 5,
  },
  'lighttpd that ignores case and turns backslashes': {
    start: () => startLighttpd({ programs: [GUARDED], settings: eager }),
    isGuarded: (answer) => programOf(answer)?.name === GUARDED,
    least: 80,
  },
};
const names = Object.keys(upstreams);
const openHost = (index) => `open${index}.example`;
const webHost = (index) => `web${index}.example`;

const gateway = new Gateway({
  variables: () => ({
    ROUTES: names.flatMap((name, index) => {
      const { origin: upstream } = upstreams[name].server;
      return [
        { host: openHost(index), path: '/', upstream, audience: 'web', anonymous: true },
        { host: openHost(index), path: `/${GUARDED}`, upstream, audience: 'guarded' },
        { host: webHost(index), path: '/', upstream, audience: 'web' },
        { host: webHost(index), path: `/${GUARDED}/`, upstream, audience: 'guarded' },
      ];
    }),
  }),
});
const { client, admin } = gateway;
let webToken, guardedToken;

before(async () => {
  for (const upstream of Object.values(upstreams)) {
    upstream.server = await upstream.start();
    upstream.client = new Client(() => upstream.server.port);
  }
  await gateway.start();
  webToken = (await admin.createToken({ audiences: ['web'] })).token;
  guardedToken = (await admin.createToken({ audiences: ['guarded'] })).token;
});
after(async () => {
  await gateway.stop();
  for (const { client, server } of Object.values(upstreams)) {
    client?.close();
    await server?.stop();
  }
  rmSync(files, { recursive: true, force: true });
});

const by = (token) => ({ Origin: SITE, 'X-Api-Key': token });

/** The answers of `ask` to all paths, sixteen at a time. */
async function each(ask) {
  const answers = new Map();
  const waiting = [...paths];
  const one = async () => {
    while (waiting.length > 0) {
      const path = waiting.pop();
      answers.set(path, await ask(path));
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
  return answers;
}

describe(`${paths.length} spellings of a guarded path (seed ${random.seed})`, () => {
  for (const [index, name] of names.entries()) {
    const upstream = upstreams[name];

    describe(name, () => {
      let taken;

      it('takes many of them for the guarded part, when it is asked without the gateway', async () => {
        const answers = await each((path) => upstream.client.get(path));
        const isTaken = ([, answer]) => upstream.isGuarded(answer);
        taken = new Set([...answers].filter(isTaken).map(([path]) => path));
        console.log(`${name} takes ${taken.size} of ${paths.length} for the guarded part`);
        assert.ok(taken.has(`/${GUARDED}/x`));
        assert.ok(taken.size >= upstream.least, `only ${taken.size}`);
      });

      const through = {
        'without a token': () => ({ host: openHost(index) }),
        'with a token for the part around it': () => ({ host: openHost(index), headers: by(webToken) }),
        'with that where the part around it is guarded too': () => ({
          host: webHost(index),
          headers: by(webToken),
        }),
      };
      for (const [how, options] of Object.entries(through)) {
        it(`${how}, none of them leads there`, async () => {
          const answers = await each((path) => client.get(path, options()));
          const got = [...answers].filter(([, answer]) => upstream.isGuarded(answer)).map(([path]) => path);
          assert.deepEqual(got, []);
          const refused = [...taken].map((path) => answers.get(path).status);
          const isRefusal = (status) => status >= 400 && status < 500;
          assert.ok(refused.every(isRefusal), `answers ${[...new Set(refused)]}`);
        });
      }

      it("with a token for it the plain path leads there; an encoded slash below it is the upstream's", async () => {
        const options = { host: webHost(index), headers: by(guardedToken) };
        const answer = await client.get(`/${GUARDED}/x`, options);
        assert.ok(upstream.isGuarded(answer), String(answer));
        const below = await client.get(`/${GUARDED}/A%2Fb`, options);
        const itself = await upstream.client.get(`/${GUARDED}/A%2Fb`);
        assert.deepEqual(
          [below.status, upstream.isGuarded(below)],
          [itself.status, upstream.isGuarded(itself)],
        );
      });
    });
  }

  it("a path that is another part's in another case is told so", async () => {
    const answer = await client.get(`/${GUARDED.toUpperCase()}/x`, { host: openHost(0) });
    assertProblem(answer, 'invalid_request', { reason: 'path_of_two_routes' });
  });
});
