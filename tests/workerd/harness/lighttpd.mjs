// A real lighttpd with CGI programs. Each program prints its environment, and the test gets it as an object.
//
// CGI turns header names into variables: both `Wayleave-Token-Id` and `Wayleave.Token.Id` become
// HTTP_WAYLEAVE_TOKEN_ID. The server selects the program by a path that it has decoded.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon } from './daemon.mjs';

const PROGRAM = `#!/bin/sh
printf 'Content-Type: application/octet-stream\\r\\n\\r\\n'
exec env -0
`;

/**
 * Starts the server. Each program serves the paths at and below its name; `otherwise` serves all others.
 * @param {object} [options]
 * @param {string[]} [options.programs] names without a slash
 * @param {string} [options.otherwise] a name too
 * @param {string} [options.settings] further lines of lighttpd's configuration
 */
export function startLighttpd({ programs = [], otherwise = 'index', settings = '' } = {}) {
  return new Daemon('lighttpd', (folder, port) => {
    const root = join(folder, 'root');
    mkdirSync(root, { recursive: true });
    for (const name of [otherwise, ...programs]) {
      writeFileSync(join(root, name), PROGRAM);
      chmodSync(join(root, name), 0o755);
    }
    const config = join(folder, 'lighttpd.conf');
    writeFileSync(config, configuration(root, port, otherwise, settings));
    return ['-D', '-f', config];
  }).start();
}

/** The program that made this answer, and its environment; null when lighttpd itself answered. */
export function programOf(answer) {
  if (answer.headers['content-type'] !== 'application/octet-stream') return null;
  const variable = (line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)];
  const environment = Object.fromEntries(answer.text.split('\0').filter(Boolean).map(variable));
  return { name: environment.SCRIPT_FILENAME.split('/').at(-1), environment };
}

function configuration(root, port, otherwise, settings) {
  return `
    server.modules = ( "mod_cgi" )
    server.document-root = "${root}"
    server.bind = "127.0.0.1"
    server.port = ${port}
    server.error-handler-404 = "/${otherwise}"
    index-file.names = ( "${otherwise}" )
    cgi.assign = ( "" => "" )
    ${settings}
  `;
}
