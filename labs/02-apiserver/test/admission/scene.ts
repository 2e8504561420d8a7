// scene: requests to a test server as the administrator, and objects to make.
import type { TestApiServer } from '#src/server/test-api-server.ts';
import { type WireAnswer, wire } from '../server/wire.ts';

export interface Scene {
  get(path: string): Promise<WireAnswer>;
  post(path: string, body: object): Promise<WireAnswer>;
  put(path: string, body: object): Promise<WireAnswer>;
  patch(path: string, body: object): Promise<WireAnswer>;
  remove(path: string): Promise<WireAnswer>;
}

export function sceneOf(server: TestApiServer): Scene {
  const patchType = { 'content-type': 'application/merge-patch+json' };
  return {
    get: (path) => wire(server, path),
    post: (path, body) => wire(server, path, { method: 'POST', body }),
    put: (path, body) => wire(server, path, { method: 'PUT', body }),
    patch: (path, body) => wire(server, path, { method: 'PATCH', body, headers: patchType }),
    remove: (path) => wire(server, path, { method: 'DELETE' }),
  };
}

export function pod(name: string, container: object = {}, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'i', ...container }], ...spec },
  };
}

export function namespace(name: string, labels: Record<string, string> = {}): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

export function quota(name: string, hard: object, rest: object = {}): object {
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name }, spec: { hard, ...rest } };
}

/** `requests` and `limits` of a container. */
export function resources(requests: object, limits: object = {}): object {
  return { resources: { requests, limits } };
}

/** A namespace for one test. */
export async function ownNamespace(
  scene: Scene,
  name: string,
  labels: Record<string, string> = {},
): Promise<string> {
  await scene.post('/api/v1/namespaces', namespace(name, labels));
  return `/api/v1/namespaces/${name}`;
}
