// A deployment's secrets on this machine: made at the first start, kept in a file that git ignores.

import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

const HEADING =
  'Secrets of `make run` on this machine, and of nothing else. `make reset` forgets them with all tokens.';

/** Reads the file, made first if it is not there: `{made, adminKey}`. */
export function secrets(file, deployment, heading = HEADING) {
  const made = !existsSync(file);
  if (made) writeFileSync(file, newSecrets(deployment, heading), { mode: 0o600, flag: 'wx' });
  const adminKey = /^ADMIN_KEY='([^']+)'$/m.exec(readFileSync(file, 'utf8'))?.[1];
  if (!adminKey)
    throw new Error(
      `${file} has no line ADMIN_KEY='…': put it back, or remove the file and everything made with it`,
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

// The form is that of every admin key (src/admin_key.rs), so that secret scanners know this one too.
function newAdminKey(checkSecret, deployment) {
  const random = randomBytes(24);
  const key = Buffer.from(hkdfSync('sha256', checkSecret, deployment, 'wayleave/v1/admin', 32));
  const check = createHmac('sha256', key).update(random).digest().subarray(0, 8);
  const bytes = Buffer.concat([random, check]).toString('hex');
  const text = `wla_${base62(BigInt(`0x${bytes.slice(0, 32)}`), 22)}${base62(BigInt(`0x${bytes.slice(32)}`), 22)}`;
  return text + base62(BigInt(crc32(text)), 6);
}

function base62(number, length) {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let text = '';
  for (let rest = number; text.length < length; rest /= 62n) text = alphabet[Number(rest % 62n)] + text;
  return text;
}
