// Scene: what a case of kubectl has: a namespace of its own, kubectl of one version in it, and the wire beside it to see what came of it.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExpectStatic } from 'vitest';
import { type WireAnswer, wire } from '../../server/wire.ts';
import type { ContractServer } from '../../support/contract-server.ts';
import type { Layer, Ran, RunOptions } from '../../support/tools.ts';

export interface Case {
  /** Begins with the verb. */
  readonly name: string;
  /** Run with every version and store; the others only with the newest on our store, and with the oldest on etcd. */
  readonly always?: boolean;
  run(scene: Scene): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: the cases read objects of every kind.
type Json = any;

export interface Scene {
  readonly expect: ExpectStatic;
  readonly layer: Layer;
  readonly namespace: string;
  /** What it printed; throws with all that it said when it failed. */
  kubectl(line: string, options?: RunOptions): Promise<string>;
  tryKubectl(line: string, options?: RunOptions): Promise<Ran>;
  /** The lines that a command prints that would go on for ever; it is killed when the reader has enough. */
  lines(line: string): AsyncIterable<string>;
  /** `kubectl get … -o json`, but over the wire: cheaper. `path` below the namespace unless it begins with a slash. */
  read(path: string): Promise<Json>;
  write(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<Json>;
  /** The path of a new file. */
  file(name: string, content: string | object): Promise<string>;
}

/** Words of a command line; single quotes keep a word, or a part of it, together. */
function words(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ''));
}

/** Node says nothing of the length of a body of DELETE by itself, as if it had none. */
function headersOf(method: string, body: object | undefined): Record<string, string> {
  if (method === 'PATCH') return { 'content-type': 'application/merge-patch+json' };
  const length = Buffer.byteLength(JSON.stringify(body ?? {}));
  return method === 'DELETE' && body !== undefined ? { 'content-length': String(length) } : {};
}

export async function openScene(
  server: ContractServer,
  { layer, namespace, expect }: { layer: Layer; namespace: string; expect: ExpectStatic },
): Promise<Scene> {
  const pathOf = (path: string) =>
    path.startsWith('/')
      ? path
      : path.includes('.')
        ? groupPath(path, namespace)
        : `/api/v1/namespaces/${namespace}/${path}`;
  const ask = async (path: string, options: Parameters<typeof wire>[2]): Promise<Json> => {
    const answer: WireAnswer = await wire(server.api, pathOf(path), options);
    if (answer.status >= 300)
      throw new Error(`${path} was answered ${answer.status}: ${answer.text}`);
    return answer.json;
  };
  const tryKubectl = (line: string, options?: RunOptions) =>
    server.run('kubectl', layer, ['-n', namespace, ...words(line)], options);
  const scene: Scene = {
    expect,
    layer,
    namespace,
    tryKubectl,
    async kubectl(line, options) {
      const { code, stdout, stderr } = await tryKubectl(line, options);
      if (code !== 0) throw new Error(`kubectl ${line} ended with ${code}: ${stderr}${stdout}`);
      return stdout;
    },
    lines: (line) => server.lines('kubectl', layer, ['-n', namespace, ...words(line)]),
    read: (path) => ask(path, {}),
    write: (method, path, body) =>
      ask(path, {
        method,
        ...(body === undefined ? {} : { body }),
        headers: headersOf(method, body),
      }),
    async file(name, content) {
      const path = join(server.folder, `${namespace}-${name}`);
      await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
      return path;
    },
  };
  await scene.write('POST', '/api/v1/namespaces', named('v1', 'Namespace', namespace));
  return scene;
}

/** `deployments.apps/web` → its path; the version is the newest of the group that the cases use. */
function groupPath(path: string, namespace: string): string {
  const [resource = '', ...rest] = path.split('/');
  const [plural = '', ...group] = resource.split('.');
  const version = group[0] === 'autoscaling' ? 'v2' : 'v1';
  const end = rest.length === 0 ? '' : `/${rest.join('/')}`;
  return `/apis/${group.join('.')}/${version}/namespaces/${namespace}/${plural}${end}`;
}

export function named(apiVersion: string, kind: string, name: string, rest: object = {}): object {
  return { apiVersion, kind, metadata: { name }, ...rest };
}

export function pod(name: string, spec: object = {}, labels: object = { app: name }): object {
  const containers = [{ name: 'main', image: 'nginx:1', resources: { requests: { cpu: '50m' } } }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: { containers, ...spec },
  };
}

export function deployment(name: string, image = 'nginx:1', replicas = 2): object {
  const labels = { app: name };
  const containers = [{ name: 'main', image, ports: [{ containerPort: 80 }] }];
  return named('apps/v1', 'Deployment', name, {
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  });
}

export function configMap(name: string, data: object, more: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...more }, data };
}
