// ServiceAccount: every namespace has an account called `default`, which its Pods are unless they say otherwise.
//
// Upstream: kubernetes, pkg/controller/serviceaccount/serviceaccounts_controller.go. Left out: tokens.

import { ApiError, keyOf, resources } from '@kube-labs/apiserver';
import type { Namespace, ServiceAccount } from 'kubernetes-types/core/v1';
import {
  type Controller,
  type ControllerContext,
  newQueue,
  queueController,
} from './controller.ts';
import { isBeingDeleted, joinKey, meta } from './meta.ts';

const NAME = 'default';

export function plan(
  namespace: Namespace,
  existing: ServiceAccount | undefined,
): 'none' | 'create' {
  const going = isBeingDeleted(namespace) || namespace.status?.phase === 'Terminating';
  return going || existing !== undefined ? 'none' : 'create';
}

export function serviceAccountController(context: ControllerContext): Controller {
  const namespaces = context.informers.of(resources.namespaces);
  const accounts = context.informers.of(resources.serviceAccounts);
  const queue = newQueue(context, 'serviceaccount-controller');
  const enqueue = (namespace: Namespace) => queue.add(keyOf(namespace));
  namespaces.addHandler({ onAdd: enqueue, onUpdate: (_before, namespace) => enqueue(namespace) });
  accounts.addHandler({ onDelete: (account) => queue.add(meta(account).namespace) });
  return queueController(context, {
    name: 'serviceaccount-controller',
    queue,
    informers: [namespaces, accounts],
    workers: context.options.concurrentSyncs.serviceaccount,
    async reconcile(key, signal) {
      const namespace = namespaces.get(key);
      if (namespace === undefined) return;
      if (plan(namespace, accounts.get(joinKey(key, NAME))) === 'none') return;
      const account = { metadata: { name: NAME, namespace: key } };
      try {
        await context.client.create(resources.serviceAccounts, account, signal);
      } catch (error) {
        const settled = ApiError.is(error, 'AlreadyExists') || ApiError.is(error, 'Forbidden');
        if (!settled) throw error; // Forbidden: the namespace is going.
      }
    },
  });
}
