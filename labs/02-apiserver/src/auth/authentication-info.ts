// authentication-info: tells extension servers whom they may trust, in the config map kube-system/extension-apiserver-authentication.
//
// Such a server (metrics, say) gets users' requests from this one, with the user's name in headers. The map says by which certificate it
// knows this one, and what the headers are called; and whose client certificates prove users who come directly. Looked after again and
// again: what somebody deleted comes back. Of several servers the last writer's headers stand.
//
// Same map upstream: controlplane/controller/clusterauthenticationtrust, which also joins the authorities of several servers.

import type { ConfigMap } from 'kubernetes-types/core/v1';
import { ApiError } from '../api-error.ts';
import { sleep } from '../client/clock.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import type { PostStartHook } from '../server/post-start-hooks.ts';
import { headerNamesOf, type RequestHeaderOptions } from './request-header.ts';
import { SYSTEM_USER } from './user.ts';

const AT = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };
const OPTIONS = { user: SYSTEM_USER, dryRun: false };
const RECONCILE_INTERVAL_MS = 60_000;
/** The namespace is made by another hook. */
const RETRY_MS = 100;

export function authenticationInfo(
  clientCa: string | undefined,
  requestHeader: RequestHeaderOptions,
): PostStartHook {
  const data = infoOf(clientCa, requestHeader);
  return {
    name: 'start-cluster-authentication-info-controller',
    async start({ table }, signal) {
      const configMaps = table.registry('', 'configmaps');
      while (!signal.aborted) {
        const isDone = await ensure(configMaps, data);
        await sleep(isDone ? RECONCILE_INTERVAL_MS : RETRY_MS, signal);
      }
    },
    ready() {},
  };
}

/** What the map says; lists are JSON. */
export function infoOf(
  clientCa: string | undefined,
  options: RequestHeaderOptions,
): Readonly<Record<string, string>> {
  const { username, uid, group, extraPrefixes } = headerNamesOf(options);
  return {
    ...(clientCa === undefined ? {} : { 'client-ca-file': clientCa }),
    'requestheader-allowed-names': JSON.stringify(options.allowedNames ?? []),
    'requestheader-client-ca-file': options.clientCa,
    'requestheader-extra-headers-prefix': JSON.stringify(extraPrefixes),
    'requestheader-group-headers': JSON.stringify(group),
    'requestheader-uid-headers': JSON.stringify(uid),
    'requestheader-username-headers': JSON.stringify(username),
  };
}

/** False while the namespace is not there. */
async function ensure(
  registry: Registry,
  data: Readonly<Record<string, string>>,
): Promise<boolean> {
  const change = ({ object }: { readonly object: ReadonlyApiObject }): KubernetesObject => {
    const next = mutableCopy(object) as ConfigMap;
    next.data = { ...next.data, ...data };
    return next as KubernetesObject;
  };
  const wanted: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...AT }, data };
  try {
    await registry.update(AT, change, { ...OPTIONS, scope: 'object' });
    return true;
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
  try {
    await registry.create(wanted as KubernetesObject, AT.namespace, OPTIONS);
    return true;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return false;
    if (!ApiError.is(error, 'AlreadyExists')) throw error;
    return true;
  }
}
