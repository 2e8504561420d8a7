// EvictionMessage: why a pod had to go, as its status and its event say it. Pure.
//
// The words, and the blank after each sentence, are upstream's: evictionMessage in kubernetes, pkg/kubelet/eviction/helpers.go.

import { parseQuantity } from '@kube-labs/apiserver';
import { type Measured, resourceOf } from './rank.ts';
import { type Observations, quantityOf, quantityText, type Threshold } from './thresholds.ts';

export function evictionMessage(
  threshold: Threshold,
  observations: Observations,
  { pod, usage }: Measured,
): string {
  const resource = resourceOf(threshold.signal);
  const seen = observations.get(threshold.signal);
  const figures =
    seen === undefined
      ? ''
      : `Threshold quantity: ${quantityText(quantityOf(threshold.amount, seen.capacity))}, available: ${quantityText(seen.available)}. `;
  const large = (pod.spec?.containers ?? []).flatMap(({ name, resources }) => {
    const { memoryBytes, diskBytes } = usage?.containers.get(name) ?? {};
    const used = {
      memory: memoryBytes,
      'ephemeral-storage': diskBytes,
      inodes: undefined,
      pids: undefined,
    };
    const bytes = used[resource];
    const request = parseQuantity(resources?.requests?.[resource] ?? '0');
    if (bytes === undefined || bytes <= request) return [];
    const figure = `${quantityText(bytes)}, request is ${quantityText(request)}`;
    return [`Container ${name} was using ${figure}, has larger consumption of ${resource}. `];
  });
  return `The node was low on resource: ${resource}. ${figures}${large.join('')}`;
}
