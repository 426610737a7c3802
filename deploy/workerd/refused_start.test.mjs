// A deployment that cannot serve does not start. deploy/workerd/start prints the reason and exits with a
// status that supervisors understand, and nothing listens meanwhile. Each test runs the real start with its
// own folder and ports.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { OneMachine } from './one_machine.mjs';

const WRONG_SETTING = 78;

let machine;
beforeEach(async () => {
  machine = new OneMachine();
  await machine.prepare();
});
afterEach(() => machine.remove());

const path = (name) => join(machine.data, name);
/** Makes the data folder with one successful start. */
async function startedOnce() {
  await machine.start();
  await machine.end('SIGTERM');
}

/** A start that must fail: its status and output. Nothing may answer on its ports meanwhile. */
async function refused(variables = {}) {
  let answered = '';
  const ask = (port) =>
    fetch(`http://127.0.0.1:${port}/`).then(
      ({ status }) => (answered = `${port} answered ${status}`),
      () => {},
    );
  const asking = setInterval(() => [machine.ports[8787], machine.ports[8788]].map(ask), 10);
  const { code, output } = await machine.startRefused(variables).finally(() => clearInterval(asking));
  assert.equal(answered, '', output);
  return { code, output };
}

describe('a wrong setting', () => {
  const secret = Buffer.alloc(32, 7).toString('base64');
  const wrong = {
    DEPLOYMENT: ['Has Space', /a name of 1 to 64 characters/],
    UPSTREAM: ['127.0.0.1:9000', /an absolute http or https URL/],
    REVOCATION_BOUND_SECONDS: ['4', /a whole number from 5 to 300/],
    ON_UNKNOWN: ['allow', /refuse .* or admit/],
    CONTROL_HOSTS: ['https://control.example/', /host names separated by commas/],
    RATES: ['{"page": {"requests": 0, "per_seconds": 60}}', /requests/],
    CLIENT_IP_HEADER: ['X Real IP', /the name of a header/],
    CLIENT_SCHEME_HEADER: ['X-Forwarded-Proto: https', /the name of a header/],
    SIGNING_KEYS: ['hunter2', /key id|JSON/],
    CHECK_SECRET: ['hunter2', /32/],
    ADMIN_KEY: ['hunter2', /32 to \d+ visible ASCII characters/],
    WEBHOOK_URL: ['http://hooks.example/', /https/],
    WEBHOOK_SECRET: ['hunter2', /whsec_/],
    MAX_TOKEN_LIFETIME: ['2 years', /a whole number/],
    DEFAULT_TOKEN_LIFETIME: ['1 year', /a whole number/],
  };
  for (const [variable, [value, expected]] of Object.entries(wrong)) {
    it(`${variable}: nothing starts; it is named, with what was expected`, async () => {
      const { code, output } = await refused({ [variable]: value });
      assert.equal(code, WRONG_SETTING, output);
      const [message, ...others] = output
        .split('\n')
        .filter((line) => line.startsWith('Wayleave does not start: '));
      assert.deepEqual(others, [], 'it is said once');
      assert.ok(
        message.startsWith(`Wayleave does not start: ${variable} is missing or wrong. Expected `),
        output,
      );
      assert.match(message, expected);
      assert.ok(!output.includes('hunter2') && !output.includes(secret), 'a secret is not shown');
      assert.ok(output.includes(path('settings')), 'it says where to mend it');
    });
  }

  it('ROUTES: the route and the field are named', async () => {
    const { code, output } = await refused({
      UPSTREAM: '',
      ROUTES: '[{"path": "/a", "upstream": "http://127.0.0.1:9000", "anonymos": true}]',
    });
    assert.equal(code, WRONG_SETTING, output);
    assert.match(output, /^Wayleave does not start: ROUTES is missing or wrong\. Expected .*anonymos/m);
  });

  it('no API to guard is said in one line', async () => {
    const { code, output } = await refused({ UPSTREAM: '' });
    assert.equal(code, WRONG_SETTING);
    assert.match(output, /^wayleave: no API to guard: set UPSTREAM in /m);
  });

  for (const [variable, value] of [
    ['EDGE_ADDRESS', 'nonsense'],
    ['EDGE_ADDRESS', '8787'],
    ['CONTROL_ADDRESS', '127.0.0.1:99999'],
    ['CONTROL_ADDRESS', 'http://127.0.0.1:8788'],
  ]) {
    it(`${variable}=${value} is no address`, async () => {
      const { code, output } = await refused({ [variable]: value });
      assert.equal(code, WRONG_SETTING, output);
      const message = `^wayleave: ${variable} is wrong. Expected an address and a port`;
      assert.match(output, new RegExp(message, 'm'));
    });
  }

  it('one address for both services', async () => {
    const address = `127.0.0.1:${machine.ports[8787]}`;
    const { code, output } = await refused({ EDGE_ADDRESS: address, CONTROL_ADDRESS: address });
    assert.equal(code, WRONG_SETTING, output);
    assert.match(output, /^wayleave: CONTROL_ADDRESS is wrong\. Expected another address than/m);
  });

  it('both UPSTREAM and ROUTES', async () => {
    const { code, output } = await refused({ ROUTES: '[{"upstream": "http://127.0.0.1:9000"}]' });
    assert.equal(code, WRONG_SETTING, output);
    assert.match(output, /Expected either ROUTES or UPSTREAM, not both/);
  });
});

describe('the files', () => {
  it('a secret that is missing is named; the admin key alone may be', async () => {
    await startedOnce();
    const all = await readFile(path('secrets'), 'utf8');
    for (const name of ['SIGNING_KEYS', 'CHECK_SECRET']) {
      await writeFile(path('secrets'), all.replace(new RegExp(`^${name}=.*\n`, 'm'), ''));
      const { code, output } = await refused();
      assert.equal(code, WRONG_SETTING, output);
      assert.match(output, new RegExp(`^Wayleave does not start: ${name} is missing`, 'm'));
    }
    await writeFile(path('secrets'), all.replace(/^ADMIN_KEY=.*\n/m, ''));
    await machine.start();
  });

  it('a name that is no setting is named, and not passed over', async () => {
    await startedOnce();
    await appendFile(path('settings'), 'REVOCATON_BOUND_SECONDS=5\nPLANE=both\n');
    const { code, output } = await refused();
    assert.equal(code, WRONG_SETTING, output);
    assert.match(output, /has unknown settings: REVOCATON_BOUND_SECONDS PLANE$/m);
  });

  it('however it is set', async () => {
    await startedOnce();
    const settings = await readFile(path('settings'), 'utf8');
    for (const line of ['  NO_SUCH=1', 'ON_UNKNOWN=refuse NO_SUCH=1', 'no_such=1', 'declare NO_SUCH=1']) {
      await writeFile(path('settings'), `${settings}${line}\n`);
      const { code, output } = await refused();
      assert.equal(code, WRONG_SETTING, `${line}: ${output}`);
      assert.match(output, /has unknown settings: (NO_SUCH|no_such)$/m, line);
    }
  });

  it('settings that end before their end are no settings', async () => {
    await startedOnce();
    const settings = await readFile(path('settings'), 'utf8');
    await writeFile(path('settings'), `exit 0\n${settings}`);
    const { code, output } = await refused();
    assert.equal(code, WRONG_SETTING, output);
    assert.match(output, /is not a list of NAME=value$/m);
  });

  it('settings that a shell cannot read are told with the line', async () => {
    await startedOnce();
    await appendFile(path('settings'), 'RATES={"page": {"requests": 300, "per_seconds": 60}}\n');
    const { code, output } = await refused();
    assert.equal(code, WRONG_SETTING, output);
    assert.match(output, /settings: line \d+: /);
  });
});

describe('storage that does not work', () => {
  const troubles = {
    'a file where the folder should be': async () => {
      await rm(path('storage'), { recursive: true });
      await writeFile(path('storage'), '');
    },
    "a file where the registry's folder should be": async () => {
      await rm(path('storage/wayleave-registry'), { recursive: true });
      await writeFile(path('storage/wayleave-registry'), '');
    },
    'a registry that is no database': async () => {
      const files = (await readdir(path('storage/wayleave-registry'))).filter(
        (name) => !name.startsWith('metadata'),
      );
      for (const name of files)
        await writeFile(path(`storage/wayleave-registry/${name}`), 'not a database'.repeat(1000));
    },
  };
  for (const [trouble, cause] of Object.entries(troubles)) {
    it(trouble, async () => {
      await startedOnce();
      await cause();
      const { code, output } = await refused();
      assert.equal(code, 1, output);
      assert.match(output, /^wayleave: the (storage|folder) /m);
      assert.ok(output.includes(machine.data), output);
    });
  }
});

describe('what else stands in the way', () => {
  for (const [name, address] of [
    [8787, 'EDGE_ADDRESS'],
    [8788, 'CONTROL_ADDRESS'],
  ]) {
    it(`${address} is taken`, async () => {
      const other = createServer((socket) => socket.destroy()).listen(machine.ports[name], '127.0.0.1');
      await once(other, 'listening');
      const { code, output } = await machine.startRefused({}).finally(() => other.close());
      assert.equal(code, 1, output);
      assert.match(output, /Address already in use/);
      assert.ok(output.includes(`127.0.0.1:${machine.ports[name]}`), output);
    });
  }

  it('another process has the folder', async () => {
    await machine.start();
    const { code, output } = await machine.startRefused({
      EDGE_ADDRESS: '127.0.0.1:0',
      CONTROL_ADDRESS: '127.0.0.1:0',
    });
    assert.equal(code, 1, output);
    assert.match(output, /^wayleave: another process uses the folder /m);
  });
});
