// bootstrap-priority-classes: the two priority classes that every cluster has: system-node-critical and system-cluster-critical.
//
// Made once, at the start, where they are missing. Nobody can change their values, and whoever deletes one finds it again after the next
// start.
//
// Same idea upstream: registry/scheduling/rest/storage_scheduling.go (AddSystemPriorityClasses).

import { ApiError } from '../api-error.ts';
import { SYSTEM_USER } from '../auth/user.ts';
import { mutableCopy } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import { SYSTEM_PRIORITY_CLASSES } from '../strategy/priority-class.ts';
import type { PostStartHook } from './post-start-hooks.ts';

const OPTIONS = { user: SYSTEM_USER, dryRun: false };

export function systemPriorityClasses(): PostStartHook {
  return {
    name: 'scheduling/bootstrap-system-priority-classes',
    async start({ table }) {
      const registry = table.registry('scheduling.k8s.io', 'priorityclasses');
      for (const template of SYSTEM_PRIORITY_CLASSES) await ensure(registry, template);
    },
  };
}

async function ensure(registry: Registry, template: object): Promise<void> {
  const priorityClass = mutableCopy({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    ...template,
  });
  registry.strategy.setDefaults(priorityClass);
  try {
    await registry.create(priorityClass, undefined, OPTIONS);
  } catch (error) {
    if (!ApiError.is(error, 'AlreadyExists')) throw error;
  }
}
