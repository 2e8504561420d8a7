// loadKubeconfig: where the API server is and who we are, from the file that kubectl uses.
//
// The current context names a cluster and a user. Certificates stand in the file (…-data, base64) or beside it: a relative
// path starts at the kubeconfig's own directory. Same idea upstream: k8s.io/client-go/tools/clientcmd.
// Left out: merging several files, exec and auth-provider plugins, proxies, insecure-skip-tls-verify.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { ClientOptions } from './transport.ts';

interface Kubeconfig {
  readonly 'current-context'?: string;
  readonly contexts?: readonly Named<'context', { cluster?: string; user?: string }>[];
  readonly clusters?: readonly Named<'cluster', Fields>[];
  readonly users?: readonly Named<'user', Fields>[];
}
type Named<K extends string, V> = { readonly name?: string } & { readonly [key in K]?: V | null };
type Fields = Readonly<Record<string, unknown>>;

/** Throws a sentence that names the file and what is missing in it. */
export function loadKubeconfig(path: string): ClientOptions {
  const config = readConfig(path);
  const current = config['current-context'];
  if (!current) throw new Error(`Cannot use kubeconfig ${path}: current-context is not set`);
  const context = config.contexts?.find(({ name }) => name === current)?.context;
  if (!context) throw new Error(`Cannot use kubeconfig ${path}: context "${current}" is missing`);
  const cluster = config.clusters?.find(({ name }) => name === context.cluster)?.cluster;
  if (!cluster) {
    throw new Error(`Cannot use kubeconfig ${path}: cluster "${context.cluster}" is missing`);
  }
  const user = config.users?.find(({ name }) => name === context.user)?.user ?? {};
  const server = cluster.server;
  if (typeof server !== 'string' || !URL.canParse(server)) {
    throw new Error(`Cannot use kubeconfig ${path}: server "${server}" is not a URL`);
  }
  const pem = (fields: Fields, name: string) => readPem(path, fields, name);
  return {
    server,
    ...optional('ca', pem(cluster, 'certificate-authority')),
    ...optional('cert', pem(user, 'client-certificate')),
    ...optional('key', pem(user, 'client-key')),
    ...optional('token', tokenOf(path, user)),
  };
}

function readConfig(path: string): Kubeconfig {
  try {
    const config: unknown = parse(readFileSync(path, 'utf8'));
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new Error(`Cannot read kubeconfig ${path}: ${why}`, { cause: error });
  }
  throw new Error(`Cannot read kubeconfig ${path}: it is not a mapping`);
}

function readPem(path: string, fields: Fields, name: string): string | undefined {
  const data = fields[`${name}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString('utf8');
  return readBeside(path, fields[name]);
}

function tokenOf(path: string, user: Fields): string | undefined {
  if (typeof user.token === 'string' && user.token !== '') return user.token;
  return readBeside(path, user.tokenFile)?.trim();
}

function readBeside(path: string, file: unknown): string | undefined {
  if (typeof file !== 'string' || file === '') return undefined;
  const absolute = resolve(dirname(path), file);
  try {
    return readFileSync(absolute, 'utf8');
  } catch (error) {
    throw new Error(`Cannot use kubeconfig ${path}: cannot read ${absolute}`, { cause: error });
  }
}

function optional<K extends string>(key: K, value: string | undefined): { [key in K]?: string } {
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: string };
}
