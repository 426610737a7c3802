// node secrets.mjs FILE DEPLOYMENT: creates the secrets of a deployment in workerd at its first start, and
// says so.

import { existsSync } from 'node:fs';
import { secrets } from '../local/secrets.mjs';

const [file, deployment] = process.argv.slice(2);
// An existing file may lack ADMIN_KEY: it is not needed when an owner's key exists.
if (!existsSync(file)) {
  secrets(
    file,
    deployment,
    'Secrets of this deployment. Without them no token and no admin key works: keep a copy.',
  );
  console.log(`made this deployment's secrets: ${file}`);
}
