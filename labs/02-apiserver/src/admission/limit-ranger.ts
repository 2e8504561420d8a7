// LimitRanger: a pod asks for what its namespace says when it says nothing, and never for too little or too much.
//
// What a container asks for is written into the pod when it is made; the LimitRanges of the namespace judge it after all others have
// changed it. Claims are judged only.
//
// Same rule upstream: plugin/pkg/admission/limitranger.

import type { LimitRange, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { Container } from '../strategy/pod-types.ts';
import { type AdmissionPlugin, type AdmissionRequest, denied } from './admission.ts';
import type { Amounts } from './amounts.ts';
import { claimViolations, podViolations } from './limit-checks.ts';
import { cachedObjects, type Lookup } from './lookup.ts';

const ANNOTATION = 'kubernetes.io/limit-ranger';

export function limitRanger({ table }: Lookup): AdmissionPlugin {
  const rangesOf = async ({ namespace }: AdmissionRequest): Promise<readonly LimitRange[]> => {
    const found = await cachedObjects(table.registry('', 'limitranges'), namespace);
    return found as readonly LimitRange[];
  };
  return {
    name: 'LimitRanger',
    async mutate(request) {
      if (!concerns(request) || request.definition.kind !== 'Pod') return;
      if (request.operation !== 'CREATE') return;
      for (const range of await rangesOf(request)) setDefaults(request.object as Pod, range);
    },
    async validate(request) {
      if (!concerns(request)) return;
      const isPod = request.definition.kind === 'Pod';
      for (const range of await rangesOf(request)) {
        const broken = isPod
          ? podViolations(range, (request.object as Pod).spec ?? { containers: [] })
          : claimViolations(range, request.object as PersistentVolumeClaim);
        const sentences = [...new Set(broken)];
        if (sentences.length === 0) continue;
        const all = sentences.join(', ');
        throw denied(request, sentences.length === 1 ? all : `[${all}]`);
      }
    },
  };
}

/** A pod's resources change only by a resize once it is there; a claim may grow. */
function concerns({ operation, definition, subresource, namespace, old }: AdmissionRequest) {
  if (namespace === undefined || definition.group !== '') return false;
  if (definition.kind === 'Pod' && subresource === 'resize') return operation === 'UPDATE';
  if (subresource !== undefined) return false;
  if (definition.kind === 'Pod') return operation === 'CREATE';
  const isClaim = definition.kind === 'PersistentVolumeClaim';
  const isGoing = old?.metadata.deletionTimestamp !== undefined;
  return isClaim && !isGoing && (operation === 'CREATE' || operation === 'UPDATE');
}

/** Says in an annotation what it has set, as people wonder. */
function setDefaults(pod: Pod, range: LimitRange): void {
  const items = (range.spec?.limits ?? []).filter(({ type }) => type === 'Container');
  const requests: Amounts = Object.assign({}, ...items.map((item) => item.defaultRequest ?? {}));
  const limits: Amounts = Object.assign({}, ...items.map((item) => item.default ?? {}));
  const told: string[] = [];
  const fill = (container: Container, kind: string): void => {
    const lists = [
      ['request', 'requests', requests],
      ['limit', 'limits', limits],
    ] as const;
    for (const [word, list, defaults] of lists) {
      const set = addMissing(container, list, defaults);
      if (set.length > 0) told.push(`${set.join(', ')} ${word} for ${kind} ${container.name}`);
    }
  };
  for (const container of pod.spec?.containers ?? []) fill(container, 'container');
  for (const container of pod.spec?.initContainers ?? []) fill(container, 'init container');
  if (told.length === 0) return;
  const text = `LimitRanger plugin set: ${told.join('; ')}`;
  pod.metadata = {
    ...pod.metadata,
    annotations: { ...pod.metadata?.annotations, [ANNOTATION]: text },
  };
}

function addMissing(
  container: Container,
  list: 'requests' | 'limits',
  defaults: Amounts,
): string[] {
  const given = container.resources?.[list] ?? {};
  const missing = Object.keys(defaults).filter((name) => given[name] === undefined);
  if (missing.length === 0) return [];
  const added = Object.fromEntries(missing.map((name) => [name, defaults[name] ?? '0']));
  container.resources = { ...container.resources, [list]: { ...given, ...added } };
  return missing.sort();
}
