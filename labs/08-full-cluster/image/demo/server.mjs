// Demo server: a small web server whose every answer shows something about the pod it runs in.
//
//   /              the host name: which replica answered
//   /healthz       ok, until /fail was asked
//   /env           the environment, one NAME=value a line
//   /file?path=P   a file, for mounted volumes
//   /slow?ms=N     answers after N milliseconds
//   /fail          from now on /healthz answers 500: for readiness and liveness probes
//   /exit?code=N   ends the process: for restart policies
//
// Listens on $PORT (8080). It stops on SIGTERM as a good container does: no new connections, the open
// requests are still answered.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { hostname } from 'node:os';

const port = Number(process.env.PORT ?? 8080);
let failing = false;

const routes = {
  '/': () => [200, hostname()],
  '/healthz': () => (failing ? [500, 'failing'] : [200, 'ok']),
  '/env': () => [200, environment()],
  '/file': async (query) => [200, await readFile(query.get('path') ?? '', 'utf8')],
  '/slow': async (query) => [200, await slow(Number(query.get('ms') ?? 1000))],
  '/fail': () => {
    failing = true;
    return [200, 'healthz answers 500 from now on'];
  },
  '/exit': (query) => {
    setTimeout(() => process.exit(Number(query.get('code') ?? 1)), 20);
    return [200, 'exiting'];
  },
};

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://demo');
  const route = routes[url.pathname];
  let [status, body] = [404, `no such page: ${url.pathname}`];
  try {
    if (route !== undefined) [status, body] = await route(url.searchParams);
  } catch (error) {
    [status, body] = [error.code === 'ENOENT' ? 404 : 500, error.message];
  }
  console.log(`${request.method} ${request.url} ${status}`);
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${body}\n`);
});

function environment() {
  const lines = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  return lines.sort().join('\n');
}

function slow(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms, `waited ${ms} ms`));
}

process.once('SIGTERM', () => {
  console.log('SIGTERM: answering what is open, then stopping');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
server.listen(port, () => console.log(`${hostname()} listens on port ${port}`));
