// root-ca: publishes the authority of the API server in every namespace, as the config map kube-root-ca.crt, for pods to check it by.
//
// What somebody changed or deleted comes back, until the namespace itself goes.
//
// Same rule upstream: pkg/controller/certificates/rootcacertpublisher, which runs in the controller manager (`--root-ca-file`); there is
// none in lab 04.

import type { ConfigMap } from 'kubernetes-types/core/v1';
import type { KubernetesObject } from '../client/resources.ts';
import { mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { HookEnv, PostStartHook } from '../server/post-start-hooks.ts';
import { readToday, reconcileKeys, unlessTooLate } from './reconcile-keys.ts';
import { SYSTEM_USER } from './user.ts';

export const ROOT_CA_CONFIG_MAP = 'kube-root-ca.crt';
const OPTIONS = { user: SYSTEM_USER, dryRun: false };
const DESCRIPTION = {
  'kubernetes.io/description':
    'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
};

export function rootCaPublisher(rootCa: string): PostStartHook {
  return {
    name: 'root-ca-certificate-publisher-controller',
    start: (env, signal) => publish(env, rootCa, signal),
    ready() {},
  };
}

function publish(env: HookEnv, rootCa: string, signal: AbortSignal): Promise<void> {
  const namespaces = env.table.registry('', 'namespaces');
  const configMaps = env.table.registry('', 'configmaps');
  const home = ({ metadata }: ReadonlyApiObject): readonly string[] =>
    metadata.name === ROOT_CA_CONFIG_MAP ? [metadata.namespace ?? ''] : [];
  const reconcile = async (namespace: string): Promise<void> => {
    const place = await readToday(namespaces, { name: namespace });
    if (place === undefined || place.metadata.deletionTimestamp !== undefined) return;
    const ref = { namespace, name: ROOT_CA_CONFIG_MAP };
    const found = (await readToday(configMaps, ref)) as ConfigMap | undefined;
    const data = { 'ca.crt': rootCa };
    if (found === undefined) {
      const metadata = { ...ref, annotations: { ...DESCRIPTION } };
      const made: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
      await unlessTooLate(configMaps.create(made as KubernetesObject, namespace, OPTIONS));
    } else if (found.data?.['ca.crt'] !== rootCa || Object.keys(found.data).length > 1) {
      const change = ({ object }: { readonly object: ReadonlyApiObject }): KubernetesObject =>
        ({ ...mutableCopy(object), data }) as KubernetesObject;
      await unlessTooLate(configMaps.update(ref, change, { ...OPTIONS, scope: 'object' }));
    }
  };
  const sources = [
    { registry: namespaces, keysOf: ({ metadata }: ReadonlyApiObject) => [metadata.name ?? ''] },
    { registry: configMaps, keysOf: home, keysOfGone: home },
  ];
  return reconcileKeys(env, { name: 'root-ca', sources, reconcile }, signal);
}
