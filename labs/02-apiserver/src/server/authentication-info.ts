// authentication-info: tells other servers of the cluster how users are proven here: the ConfigMap extension-apiserver-authentication.
//
// A server behind an APIService reads it at its start: it trusts the certificates that this one trusts, and believes the headers that
// say who asks, from those who show a certificate of the proxies' authority. What somebody changes or deletes comes back.
//
// Same idea upstream: controlplane/controller/clusterauthenticationtrust.
// Left out: authorities of other servers beside this one are not kept; the last writer's stand.

import type { ConfigMap } from 'kubernetes-types/core/v1';
import { ApiError } from '../api-error.ts';
import { headerNamesOf, type RequestHeaderOptions } from '../auth/request-header.ts';
import { SYSTEM_USER } from '../auth/user.ts';
import { sleep } from '../client/clock.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { mutableCopy } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { PostStartHook } from './post-start-hooks.ts';

const AT = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };
const OPTIONS = { user: SYSTEM_USER, dryRun: false };
const INTERVAL_MS = 60_000;

export interface AuthenticationInfo {
  readonly clientCa?: string | undefined;
  readonly requestHeader?: RequestHeaderOptions | undefined;
}

export function authenticationInfo(info: AuthenticationInfo): PostStartHook {
  const data = authenticationData(info);
  return {
    name: 'start-cluster-authentication-info-controller',
    async start({ table }, signal) {
      if (Object.keys(data).length === 0) return;
      while (!signal.aborted) {
        await ensureNamespace(table.registry('', 'namespaces'));
        await ensure(table.registry('', 'configmaps'), data);
        await sleep(INTERVAL_MS, signal);
      }
    },
    // Nothing here waits for it; those who do start again until it is there.
    ready() {},
  };
}

/** Texts alone: lists are JSON. */
export function authenticationData({
  clientCa,
  requestHeader,
}: AuthenticationInfo): Readonly<Record<string, string>> {
  return {
    ...(clientCa === undefined ? {} : { 'client-ca-file': clientCa }),
    ...(requestHeader === undefined ? {} : headersData(requestHeader)),
  };
}

function headersData(options: RequestHeaderOptions): Readonly<Record<string, string>> {
  const { username, uid, group, extraPrefixes } = headerNamesOf(options);
  return {
    'requestheader-client-ca-file': options.clientCa,
    'requestheader-allowed-names': JSON.stringify(options.allowedNames ?? []),
    'requestheader-username-headers': JSON.stringify(username),
    'requestheader-uid-headers': JSON.stringify(uid),
    'requestheader-group-headers': JSON.stringify(group),
    'requestheader-extra-headers-prefix': JSON.stringify(extraPrefixes),
  };
}

async function ensureNamespace(registry: Registry): Promise<void> {
  const { namespace: name } = AT;
  await create(registry, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

async function ensure(registry: Registry, data: Readonly<Record<string, string>>): Promise<void> {
  const configMap: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...AT }, data };
  await create(registry, configMap);
  // Other keys may be another server's; an update that changes nothing writes nothing.
  const change = ({ object }: StoredObject): KubernetesObject => {
    const current = mutableCopy(object) as ConfigMap;
    return { ...current, data: { ...current.data, ...data } } as KubernetesObject;
  };
  await registry.update(AT, change, { ...OPTIONS, scope: 'object' });
}

/** Unless it is there. */
async function create(registry: Registry, object: KubernetesObject): Promise<void> {
  const wanted = mutableCopy(object);
  registry.strategy.setDefaults(wanted);
  try {
    await registry.create(wanted, object.metadata?.namespace, OPTIONS);
  } catch (error) {
    if (!ApiError.is(error, 'AlreadyExists')) throw error;
  }
}
