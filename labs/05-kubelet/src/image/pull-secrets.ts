// PullSecrets: which of a pod's credentials a registry is shown for an image. Pure.
//
// A secret holds a Docker client's configuration, in today's form (`.dockerconfigjson`: registries below `auths`) or that of
// years ago (`.dockercfg`: registries at the top). An entry's name is a registry, perhaps with the beginning of a path; each
// part of its host may be a pattern. All entries that match are tried, those with the longest names first.
//
//   entry                      matches
//   registry.io                registry.io/team/app
//   registry.io/team           registry.io/team/app, not registry.io/other
//   *.registry.io              eu.registry.io/app, neither registry.io/app nor a.eu.registry.io/app
//   https://index.docker.io/v1/  app, team/app, docker.io/team/app
//
// Same idea upstream: kubernetes, pkg/credentialprovider/keyring.go and config.go.
// Left out here: credentials of the node itself, and plugins that fetch some.

import type { ConfigData } from '../container/environment.ts';
import type { RegistryAuth } from '../runtime/runtime.ts';

const CONFIG_JSON = '.dockerconfigjson';
const CONFIG_OLD = '.dockercfg';
const DEFAULT_REGISTRY = 'index.docker.io';

interface Entry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
}

/** @param secrets what each of them holds, in the pod's order. Throws where one cannot be read. */
export function credentialsFor(
  image: string,
  secrets: readonly ConfigData[],
): readonly RegistryAuth[] {
  const known = secrets.flatMap(readSecret);
  // Backwards by name, so that what is longer comes before what it begins with; among equals the pod's order counts.
  known.sort((a, b) => (a.registry < b.registry ? 1 : a.registry > b.registry ? -1 : 0));
  const matching = known.filter(({ registry }) => matches(registry, image));
  if (matching.length > 0) return matching.map(({ auth }) => auth);
  if (!isOfDefaultRegistry(image)) return [];
  return known.filter(({ registry }) => registry === DEFAULT_REGISTRY).map(({ auth }) => auth);
}

interface Known {
  readonly registry: string;
  readonly auth: RegistryAuth;
}

function readSecret(data: ConfigData): Known[] {
  const text = textOf(data, CONFIG_JSON);
  const { auths = {} } = text === undefined ? {} : (parse(text) as { auths?: Entries });
  const entries = text === undefined ? (parse(textOf(data, CONFIG_OLD) ?? '{}') as Entries) : auths;
  return Object.entries(entries ?? {}).map(([name, entry]) => {
    return { registry: registryOf(name), auth: authOf(entry ?? {}) };
  });
}

type Entries = Readonly<Record<string, Entry>>;

function textOf(data: ConfigData, key: string): string | undefined {
  const bytes = data.get(key);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
}

function parse(text: string): unknown {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed === 'object' && parsed !== null) return parsed;
  throw new Error('Cannot use an image pull secret: it is not an object of registries');
}

/** A configuration of the Docker client names versions of the registry's protocol, too. */
function registryOf(name: string): string {
  const { host, path } = split(name);
  const rest = /^\/v[12]\//.test(path) ? path.slice(3) : path;
  return rest === '/' ? host : `${host}${rest}`;
}

function authOf({ auth = '', username = '', password = '' }: Entry): RegistryAuth {
  if (auth === '') return { username, password };
  const [, name, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(auth, 'base64').toString()) ?? [];
  if (name !== undefined && secret !== undefined) return { username: name, password: secret };
  throw new Error('Cannot use an image pull secret: `auth` is not `username:password` in base64');
}

function matches(registry: string, image: string): boolean {
  const wanted = split(registry);
  const found = split(image);
  const patterns = wanted.host.split(/[.:]/);
  const parts = found.host.split(/[.:]/);
  return (
    portOf(wanted.host) === portOf(found.host) &&
    found.path.startsWith(wanted.path === '/' ? '' : wanted.path) &&
    patterns.length === parts.length &&
    patterns.every((pattern, i) => isLike(parts[i] ?? '', pattern))
  );
}

function split(text: string): { host: string; path: string } {
  const bare = text.replace(/^https?:\/\//, '');
  const slash = bare.indexOf('/');
  return slash < 0
    ? { host: bare, path: '/' }
    : { host: bare.slice(0, slash), path: bare.slice(slash) };
}

function portOf(host: string): string {
  return /:(\d+)$/.exec(host)?.[1] ?? '';
}

/** With `*` for anything and `?` for one character. */
function isLike(part: string, pattern: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/\*/g, '.*').replace(/\?/g, '.')}$`).test(part);
}

/** The rule of the Docker client: what is before the first slash is a registry if it looks like a host. */
function isOfDefaultRegistry(image: string): boolean {
  const [first = '', ...rest] = image.split('/');
  if (rest.length === 0 || first === 'docker.io' || first === DEFAULT_REGISTRY) return true;
  return !/[.:]/.test(first);
}
