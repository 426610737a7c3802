// node secrets.mjs FILE DEPLOYMENT: makes the secrets of a deployment in workerd at its first start, and says so.

import { secrets } from '../local/secrets.mjs';

const [file, deployment] = process.argv.slice(2);
if (
  secrets(
    file,
    deployment,
    'Secrets of this deployment. Without them every token and admin key is dead: keep a copy.',
  ).made
) {
  console.log(`made this deployment's secrets: ${file}`);
}
