// Environment: all variables of a container, in the order in which they win.
//
// Service variables are the weakest, then envFrom, then env. A value may use $(NAME) of variables before it. What is
// named but missing (and not optional) is a union member, not an exception: the container waits with that reason. A key
// that cannot be a variable's name is left out, and told of.
//
// Same idea upstream: makeEnvironmentVariables in kubernetes, pkg/kubelet/kubelet_pods.go.

import type { Container, EnvFromSource, EnvVar, Pod, Service } from 'kubernetes-types/core/v1';
import { expand } from './expansion.ts';
import { fieldValue, type PodSurroundings, resourceValue } from './field-ref.ts';
import { serviceEnvironment } from './service-environment.ts';

/** Reads of other objects; undefined = there is no such object. */
export interface ConfigReader {
  configMap(namespace: string, name: string): Promise<ConfigData | undefined>;
  secret(namespace: string, name: string): Promise<ConfigData | undefined>;
}

export type ConfigData = ReadonlyMap<string, Uint8Array>;

export interface EnvironmentSources {
  readonly reader: ConfigReader;
  readonly services: readonly Service[];
  readonly surroundings: PodSurroundings;
}

export type EnvironmentResult =
  | {
      readonly kind: 'ok';
      readonly variables: ReadonlyMap<string, string>;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'missing'; readonly message: string };

/** What a variable's name may be made of. */
const NAME_PATTERN = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

export async function makeEnvironment(
  pod: Pod,
  container: Container,
  sources: EnvironmentSources,
): Promise<EnvironmentResult> {
  const variables = new Map<string, string>();
  const services = serviceEnvironment(pod, sources.services);
  const warnings: string[] = [];
  try {
    for (const from of container.envFrom ?? []) {
      const entries = await readAll(pod, from, sources.reader);
      const valid = entries.filter(([name]) => NAME_PATTERN.test(name));
      for (const [name, value] of valid) variables.set(name, value);
      if (valid.length < entries.length) warnings.push(skippedKeys(pod, from, entries));
    }
    for (const variable of container.env ?? []) {
      const value = await readValue(variable, { pod, container, sources, variables, services });
      if (value !== undefined) variables.set(variable.name, value);
    }
  } catch (error) {
    if (error instanceof Missing) return { kind: 'missing', message: error.message };
    throw error;
  }
  return { kind: 'ok', variables: new Map([...services, ...variables]), warnings };
}

function skippedKeys(
  pod: Pod,
  { configMapRef, secretRef }: EnvFromSource,
  entries: readonly (readonly [string, string])[],
): string {
  const keys = entries.map(([name]) => name).filter((name) => !NAME_PATTERN.test(name));
  const kind = configMapRef === undefined ? 'secret' : 'configMap';
  const place = `${kind} ${pod.metadata?.namespace}/${(configMapRef ?? secretRef)?.name}`;
  return `Keys [${keys.sort().join(', ')}] from the EnvFrom ${place} were skipped since they are considered invalid environment variable names.`;
}

class Missing extends Error {}

interface Scope {
  readonly pod: Pod;
  readonly container: Container;
  readonly sources: EnvironmentSources;
  readonly variables: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<string, string>;
}

async function readValue(variable: EnvVar, scope: Scope): Promise<string | undefined> {
  const { pod, container, sources, variables, services } = scope;
  const from = variable.valueFrom;
  if (from === undefined) {
    return expand(variable.value ?? '', (name) => variables.get(name) ?? services.get(name));
  }
  const namespace = pod.metadata?.namespace ?? '';
  const { reader, surroundings } = sources;
  if (from.fieldRef !== undefined) {
    return supported(
      fieldValue(pod, from.fieldRef.fieldPath, surroundings),
      from.fieldRef.fieldPath,
    );
  }
  if (from.resourceFieldRef !== undefined) {
    const { allocatable } = surroundings;
    const { resource } = from.resourceFieldRef;
    return supported(
      resourceValue(pod, from.resourceFieldRef, { container, allocatable }),
      resource,
    );
  }
  if (from.configMapKeyRef !== undefined) {
    const { name = '', key, optional = false } = from.configMapKeyRef;
    const data = await reader.configMap(namespace, name);
    return pick(data, { kind: 'ConfigMap', namespace, name, key, optional });
  }
  if (from.secretKeyRef !== undefined) {
    const { name = '', key, optional = false } = from.secretKeyRef;
    const data = await reader.secret(namespace, name);
    return pick(data, { kind: 'Secret', namespace, name, key, optional });
  }
  return undefined;
}

function supported(value: string | undefined, path: string): string {
  if (value === undefined) throw new Missing(`unsupported fieldPath: ${path}`);
  return value;
}

function pick(
  data: ConfigData | undefined,
  ref: { kind: string; namespace: string; name: string; key: string; optional: boolean },
): string | undefined {
  const { kind, namespace, name, key, optional } = ref;
  const value = data?.get(key);
  if (value !== undefined) return textOf(value);
  if (optional) return undefined;
  if (data === undefined) throw new Missing(`${kind.toLowerCase()} "${name}" not found`);
  throw new Missing(`couldn't find key ${key} in ${kind} ${namespace}/${name}`);
}

async function readAll(
  pod: Pod,
  from: EnvFromSource,
  reader: ConfigReader,
): Promise<readonly [string, string][]> {
  const namespace = pod.metadata?.namespace ?? '';
  const isSecret = from.secretRef !== undefined;
  const ref = from.secretRef ?? from.configMapRef;
  const name = ref?.name ?? '';
  const data = isSecret
    ? await reader.secret(namespace, name)
    : await reader.configMap(namespace, name);
  if (data === undefined && ref?.optional !== true) {
    throw new Missing(`${isSecret ? 'secret' : 'configmap'} "${name}" not found`);
  }
  return [...(data ?? [])].map(([key, value]) => [`${from.prefix ?? ''}${key}`, textOf(value)]);
}

function textOf(value: Uint8Array): string {
  return Buffer.from(value).toString('utf8');
}
