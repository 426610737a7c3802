// A real Express from npm, on a port of its own.

import { once } from 'node:events';
import express from 'express';

/** Starts the server. @param {(app: import("express").Express) => void} build adds the routes */
export async function startExpress(build) {
  const app = express();
  build(app);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  console.log(`started Express on ${port}`);
  return {
    app,
    port,
    origin: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
