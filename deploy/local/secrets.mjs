// The secrets of a deployment on this machine: created at the first start, and stored in a file that git
// ignores.

import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

const HEADING =
  'Secrets of `make run` on this machine only. `make reset` deletes them together with all tokens.';

/** Reads the file, and creates it first if it does not exist: `{made, adminKey}`. */
export function secrets(file, deployment, heading = HEADING) {
  const made = !existsSync(file);
  if (made) writeFileSync(file, newSecrets(deployment, heading), { mode: 0o600, flag: 'wx' });
  const adminKey = /^ADMIN_KEY='([^']+)'$/m.exec(readFileSync(file, 'utf8'))?.[1];
  if (!adminKey)
    throw new Error(
      `${file} has no line ADMIN_KEY='…': restore it, or remove the file (all its tokens then stop working)`,
    );
  return { made, adminKey };
}

function newSecrets(deployment, heading) {
  const checkSecret = randomBytes(32);
  return [
    `# ${heading}`,
    `SIGNING_KEYS='${JSON.stringify({ 1: randomBytes(32).toString('base64') })}'`,
    `CHECK_SECRET='${checkSecret.toString('base64')}'`,
    `WEBHOOK_SECRET='whsec_${randomBytes(32).toString('base64')}'`,
    `ADMIN_KEY='${newAdminKey(checkSecret, deployment)}'`,
    '',
  ].join('\n');
}

// The same format as every admin key (src/formats/admin_key.rs), so that secret scanners recognise it.
function newAdminKey(checkSecret, deployment) {
  const random = randomBytes(24);
  const key = Buffer.from(hkdfSync('sha256', checkSecret, deployment, 'wayleave/v1/admin', 32));
  const check = createHmac('sha256', key).update(random).digest().subarray(0, 8);
  const bytes = Buffer.concat([random, check]).toString('hex');
  const [first, second] = [bytes.slice(0, 32), bytes.slice(32)].map((half) =>
    base62(BigInt(`0x${half}`), 22),
  );
  const text = `wla_${first}${second}`;
  return text + base62(BigInt(crc32(text)), 6);
}

function base62(number, length) {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let text = '';
  for (let rest = number; text.length < length; rest /= 62n) text = alphabet[Number(rest % 62n)] + text;
  return text;
}
