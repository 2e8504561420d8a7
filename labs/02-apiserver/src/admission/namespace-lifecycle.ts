// NamespaceLifecycle: nothing is made in a namespace that does not exist or is going away, and the system's own stay.
//
// The cache answers for namespaces that exist; only a namespace that it does not know is looked up in the store, because it
// may have been made a moment ago.
//
// Same rule upstream: apiserver, admission/plugin/namespace/lifecycle. Left out: its cache of recent deletions.

import type { Namespace } from 'kubernetes-types/core/v1';
import { forbidden, notFound } from '../api-error.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import { objectKey } from '../registry/resource-definition.ts';
import type { AdmissionPlugin } from './admission.ts';
import type { AdmissionEnv } from './plugins.ts';

const IMMORTAL: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);
const NAMESPACES = { group: '', resource: 'namespaces' };

export function namespaceLifecycle({ table }: Pick<AdmissionEnv, 'table'>): AdmissionPlugin {
  const find = async (name: string): Promise<ReadonlyApiObject | undefined> => {
    const { definition, storage } = table.registry('', 'namespaces');
    const key = objectKey(definition, { name });
    return (storage.cache.get(key) ?? (await storage.get(key)))?.object;
  };
  return {
    name: 'NamespaceLifecycle',
    async validate({ operation, definition, namespace, name }) {
      if (operation === 'DELETE' && definition.kind === 'Namespace' && IMMORTAL.has(name)) {
        throw forbidden(NAMESPACES, name, 'this namespace may not be deleted');
      }
      if (operation !== 'CREATE' || namespace === undefined) return;
      const found = await find(namespace);
      if (found === undefined) throw notFound(NAMESPACES, namespace);
      if ((found as Namespace).status?.phase !== 'Terminating') return;
      const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
      const message = `namespace ${namespace} is being terminated`;
      throw forbidden(definition, name, why, [
        { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' },
      ]);
    },
  };
}
