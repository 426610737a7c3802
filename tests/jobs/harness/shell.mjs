// Runs a job's script as its container, cron or a runner would: with nothing but the given environment, and
// only the commands that its image has.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** What busybox has in the image of curl, as far as the scripts use it. */
const APPLETS = ['cat', 'date', 'grep', 'head', 'mktemp', 'mv', 'rm', 'sed', 'sh'];

/** Notes each curl's arguments, which every user of a machine can see, and runs it. */
const NOTING_CURL = (real, log) => `#!/bin/sh
printf '%s\\n' "$@" >>'${log}'
exec '${real}' "$@"
`;

/**
 * Kills the whole job before its command number $KILL_AT, of whatever process of the job. Bash reads this
 * file first and calls the trap before each simple command, in functions and subshells too.
 */
const KILLER = `: "\${JOB:=$$}" && export JOB
set -T
trap 'printf . >>"$STEPS"; steps=$(<"$STEPS"); [ \${#steps} -ne "$KILL_AT" ] || kill -9 -- "-$JOB"' DEBUG
`;

export class Shell {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'wayleave-jobs-'));
    this.arguments = join(this.folder, 'arguments');
    this.#bin('busybox', Object.fromEntries(APPLETS.map((name) => [name, found('busybox')])));
    this.#bin('bash', Object.fromEntries([...APPLETS, 'bash'].map((name) => [name, found(name)])));
    for (const name of ['busybox', 'bash'])
      writeFileSync(join(this.folder, name, 'curl'), NOTING_CURL(found('curl'), this.arguments), {
        mode: 0o755,
      });
    writeFileSync(join(this.folder, 'killer'), KILLER);
  }

  #bin(name, commands) {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    for (const [command, target] of Object.entries(commands)) symlinkSync(target, join(folder, command));
  }

  /** A path in the folder of this shell. */
  path(name) {
    return join(this.folder, name);
  }

  /** From now on `date` says this to a script that is run by its own first line: the month it believes in. */
  setDate(text) {
    rmSync(this.path('busybox/date'));
    writeFileSync(this.path('busybox/date'), `#!/bin/sh\necho '${text}'\n`, { mode: 0o755 });
  }

  /** The arguments of each curl so far. */
  argumentsOfCurl() {
    return existsSync(this.arguments) ? readFileSync(this.arguments, 'utf8') : '';
  }

  /** Runs `argv` by busybox's sh, the one of the image. */
  run(argv, environment) {
    return this.#run([this.path('busybox/sh'), ...argv], { PATH: this.path('busybox'), ...environment });
  }

  /** Runs `argv` by bash, and kills all of it before its command number `step`. */
  async killedAt(step, argv, environment) {
    const steps = this.path('steps');
    writeFileSync(steps, '');
    const killing = { BASH_ENV: this.path('killer'), STEPS: steps, KILL_AT: String(step) };
    return this.#run([this.path('bash/bash'), ...argv], {
      PATH: this.path('bash'),
      ...killing,
      ...environment,
    });
  }

  async #run([command, ...rest], environment) {
    const child = spawn(command, rest, {
      cwd: this.folder,
      env: { HOME: this.folder, TMPDIR: this.folder, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a process group of its own, which a kill ends
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    const [status, signal] = await once(child, 'close');
    return { status, signal, output };
  }

  remove() {
    rmSync(this.folder, { recursive: true });
  }
}

function found(command) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  const path = folders.map((folder) => join(folder, command)).find((path) => existsSync(path));
  if (path === undefined) throw new Error(`${command} is missing: deploy/toolchain/install tests brings it`);
  return path;
}
