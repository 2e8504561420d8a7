// connect-admission: what the admission plugins are asked before somebody connects to a pod, a service or a node.
//
// What they see as the object is what was asked for: PodExecOptions with the command, PodProxyOptions with the path.
//
// Same idea upstream: apiserver, endpoints/handlers/rest.go (ConnectResource).

import { badRequest } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import type { HandlerEnv, StoredContext } from './handler.ts';
import { isTrue, writeOptions } from './request-context.ts';

const STREAMS = ['stdin', 'stdout', 'stderr', 'tty'] as const;

/** Throws what a plugin has against it. Nothing can be connected to in a dry run. */
export async function admitConnect(
  context: StoredContext,
  { admission }: Pick<HandlerEnv, 'admission'>,
): Promise<void> {
  const { query, info, user, registry, exchange } = context;
  if (query.has('dryRun')) throw badRequest('dryRun is not supported');
  const { admission: told } = writeOptions(context);
  const request = {
    ...told,
    // An upgrade has no answer whose headers could carry a warning.
    ...(exchange.response === undefined ? { warn: () => undefined } : {}),
    operation: 'CONNECT' as const,
    definition: registry.definition,
    ...(info.subresource === undefined ? {} : { subresource: info.subresource }),
    ...(info.namespace === undefined ? {} : { namespace: info.namespace }),
    name: info.name ?? '',
    user,
    dryRun: false,
    object: connectOptions(context),
  };
  await admission.mutate(request);
  await admission.validate(request);
}

/** The options of the connection as an object of the API. */
export function connectOptions({ query, info, served }: StoredContext): KubernetesObject {
  const { subresource } = info;
  const declared = served.definition.subresources.find(({ name }) => name === subresource);
  const typed = { kind: declared?.kind ?? '', apiVersion: 'v1' };
  if (subresource === 'proxy') return { ...typed, path: info.rawRest } as KubernetesObject;
  if (subresource === 'portforward') {
    const ports = query.getAll('ports').flatMap((value) => value.split(',').map(Number));
    return { ...typed, ...(ports.length === 0 ? {} : { ports }) } as KubernetesObject;
  }
  const flags = STREAMS.flatMap((name) => (isTrue(query, name) ? [[name, true]] : []));
  const container = query.get('container') ?? '';
  const command = query.getAll('command');
  return {
    ...typed,
    ...Object.fromEntries(flags),
    ...(container === '' ? {} : { container }),
    ...(subresource === 'exec' ? { command } : {}),
  } as KubernetesObject;
}
