// DefaultBinder: tells the API server which node a pod has, by the subresource pods/binding.
//
// The server refuses with Conflict when the pod has a node already: of two schedulers that chose at once, one wins.
// Same idea upstream: kubernetes, pkg/scheduler/framework/plugins/defaultbinder.

import { type Client, resources } from '@kube-labs/apiserver';
import type { Plugin } from '../framework.ts';

export function defaultBinder(client: Client): Plugin {
  return {
    name: 'DefaultBinder',
    async bind({ metadata }, nodeName, signal) {
      const { namespace = '', name = '', uid = '' } = metadata ?? {};
      const binding = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { namespace, name, uid },
        target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
      };
      const ref = { namespace, name };
      await client.createSubresource(resources.pods, ref, 'binding', binding, signal);
      return true;
    },
  };
}
