// LocalStorage: pods that use more of the node's disk than they may, however much of it is free. Pure.
//
// Three limits: that of an emptyDir, that of a container (its writable layer and logs), and that of the pod, which is the sum
// of its containers'. A pod over one of them goes at once.
//
// Same rule upstream: localStorageEviction in kubernetes, pkg/kubelet/eviction/eviction_manager.go.

import { parseQuantity } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { diskBytesOf, type PodUsage } from './pod-usage.ts';
import { totalOf } from './rank.ts';
import { quantityText } from './thresholds.ts';

export interface Excess {
  /** As metrics name it. */
  readonly signal: 'emptydirfs.limit' | 'ephemeralpodfs.limit' | 'ephemeralcontainerfs.limit';
  readonly message: string;
}

const STORAGE = 'ephemeral-storage';

/** Whether there is anything to exceed; else nobody need measure it. */
export function hasDiskLimit({ spec }: Pod): boolean {
  return (
    (spec?.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined) ||
    (spec?.containers ?? []).some(({ resources }) => resources?.limits?.[STORAGE] !== undefined)
  );
}

/** The first limit that the pod exceeds. The blanks at the ends of the messages are upstream's. */
export function excessOf(pod: Pod, usage: PodUsage): Excess | undefined {
  return emptyDirExcess(pod, usage) ?? podExcess(pod, usage) ?? containerExcess(pod, usage);
}

function emptyDirExcess({ spec }: Pod, { volumes }: PodUsage): Excess | undefined {
  for (const { name, emptyDir } of spec?.volumes ?? []) {
    const limit = parseQuantity(emptyDir?.sizeLimit ?? '0');
    if (limit === 0 || (volumes.get(name)?.usedBytes ?? 0) <= limit) continue;
    const message = `Usage of EmptyDir volume "${name}" exceeds the limit "${quantityText(limit)}". `;
    return { signal: 'emptydirfs.limit', message };
  }
  return undefined;
}

function podExcess(pod: Pod, usage: PodUsage): Excess | undefined {
  const limit = totalOf(pod, STORAGE, 'limits');
  if (limit === undefined || diskBytesOf(pod, usage) <= limit) return undefined;
  const message = `Pod ephemeral local storage usage exceeds the total limit of containers ${quantityText(limit)}. `;
  return { signal: 'ephemeralpodfs.limit', message };
}

function containerExcess({ spec }: Pod, { containers }: PodUsage): Excess | undefined {
  for (const { name, resources } of spec?.containers ?? []) {
    const limit = parseQuantity(resources?.limits?.[STORAGE] ?? '0');
    if (limit === 0 || (containers.get(name)?.diskBytes ?? 0) <= limit) continue;
    const message = `Container ${name} exceeded its local ephemeral storage limit "${quantityText(limit)}". `;
    return { signal: 'ephemeralcontainerfs.limit', message };
  }
  return undefined;
}
