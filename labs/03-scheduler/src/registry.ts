// The registry: which plugins are asked, in which order, and how much each score weighs.
//
// Filters are asked in this order and the first rejection counts, so the cheap and final ones come first. Weights are
// upstream's defaults. To add a plugin, write its file and add one line here.
// Same idea upstream: kubernetes, pkg/scheduler/apis/config/v1/default_plugins.go and framework/plugins/registry.go.
// Left out: profiles and weights from a file (--config), extenders, preemption.

import type { Client } from '@kube-labs/apiserver';
import type { ClusterEvent, Plugin, WeightedPlugin } from './framework.ts';
import { defaultBinder } from './plugins/default-binder.ts';
import { nodeAffinity } from './plugins/node-affinity.ts';
import { nodeName } from './plugins/node-name.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { nodeResourcesBalancedAllocation } from './plugins/node-resources-balanced-allocation.ts';
import { nodeResourcesFit } from './plugins/node-resources-fit.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { type SpreadListers, selectorSpread } from './plugins/selector-spread.ts';
import { taintToleration } from './plugins/taint-toleration.ts';

export function defaultPlugins(client: Client, listers: SpreadListers): readonly WeightedPlugin[] {
  return [
    weighted(nodeUnschedulable, 0),
    weighted(nodeName, 0),
    weighted(taintToleration, 3),
    weighted(nodeAffinity, 2),
    weighted(nodePorts, 0),
    weighted(nodeResourcesFit, 1),
    weighted(nodeResourcesBalancedAllocation, 1),
    weighted(selectorSpread(listers), 2),
    weighted(defaultBinder(client), 0),
  ];
}

/** Whether what happened could make a pod fit that these plugins rejected. */
export function couldHelp(
  plugins: readonly WeightedPlugin[],
  event: ClusterEvent,
  rejectedBy: ReadonlySet<string>,
): boolean {
  if (rejectedBy.size === 0) return true; // Nobody rejected it: there were no nodes at all.
  return plugins.some(
    ({ plugin }) => rejectedBy.has(plugin.name) && plugin.helpedBy?.includes(event) === true,
  );
}

/** Methods are bivariant: what a plugin's preFilter returns is given to that plugin only. */
function weighted<State>(plugin: Plugin<State>, weight: number): WeightedPlugin {
  return { plugin: plugin as Plugin, weight };
}
