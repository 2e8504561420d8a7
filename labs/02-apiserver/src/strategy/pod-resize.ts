// pod-resize: the rules for giving the containers of a pod more or less cpu and memory while they run.
//
// It is the one way to change resources, and changes nothing else. Whether a node can do it shows in its pods: a kubelet that can tells
// the resources of each running container in the pod's status. Where it does not, the wish is refused rather than kept and forgotten.
//
// Same rules upstream: pkg/apis/core/validation (ValidatePodResize), pkg/registry/core/pod/strategy.go (podResizeStrategy).
// Left out: pods with resources of their own, for all containers together.

import { sameValue } from './equality.ts';
import { type FieldError, forbiddenField, invalidValue } from './field-error.ts';
import { podStrategy, qosClassOf } from './pod.ts';
import type { Container, Pod, PodSpec, ResourceRequirements } from './pod-types.ts';
import { validateResourceRequirements } from './resource-requirements.ts';
import type { Strategy } from './strategy.ts';

const MIRROR = 'kubernetes.io/config.mirror';
const LISTS = ['containers', 'initContainers'] as const;
const NOTHING: PodSpec = { containers: [] };

/** For updates through the subresource: of what the client sent only resources and resize policies count. */
export const podResizeStrategy: Strategy = {
  ...podStrategy,
  prepareForUpdate(object, old) {
    const { metadata, spec = NOTHING } = object as Pod;
    const before = (old as Pod).spec ?? NOTHING;
    const managedFields = metadata?.managedFields;
    Object.assign(object, {
      ...old,
      metadata: { ...old.metadata, ...(managedFields === undefined ? {} : { managedFields }) },
      spec: orderErrors(spec, before).length > 0 ? spec : withResourcesOf(spec, before),
    });
    podStrategy.prepareForUpdate(object, old);
  },
  validateUpdate: (object, old) => validateResize(object as Pod, old as Pod),
};

function withResourcesOf(spec: PodSpec, before: PodSpec): PodSpec {
  const merged = { ...before };
  for (const list of LISTS) {
    const wanted = spec[list] ?? [];
    if (before[list] === undefined) continue;
    merged[list] = before[list].map((container, index) => {
      const { resources: _, resizePolicy: __, ...rest } = container;
      const { resources, resizePolicy } = wanted[index] ?? {};
      return {
        ...rest,
        ...(resources === undefined ? {} : { resources }),
        ...(resizePolicy === undefined ? {} : { resizePolicy }),
      };
    });
  }
  return merged;
}

function validateResize(pod: Pod, old: Pod): FieldError[] {
  if (old.metadata?.annotations?.[MIRROR] !== undefined) {
    return [forbiddenField('', 'static pods cannot be resized')];
  }
  if (old.spec?.os?.name === 'windows') {
    return [forbiddenField('', 'windows pods cannot be resized')];
  }
  const [spec, before] = [pod.spec ?? NOTHING, old.spec ?? NOTHING];
  const errors = orderErrors(spec, before);
  if (errors.length > 0) return errors;
  const qosClass = old.status?.qosClass ?? qosClassOf(old);
  if (qosClass !== qosClassOf(pod)) {
    const why = 'Pod QOS Class may not change as a result of resizing';
    errors.push(invalidValue('spec', qosClass, why));
  }
  if (!isSupported(old)) {
    errors.push(forbiddenField('spec', 'Pod running on node without support for resize'));
  }
  for (const list of LISTS) {
    (spec[list] ?? []).forEach((container, index) => {
      const was = before[list]?.[index] ?? container;
      errors.push(...containerErrors(container, was, `spec.${list}[${index}]`));
    });
  }
  return errors;
}

function orderErrors(spec: PodSpec, before: PodSpec): FieldError[] {
  return LISTS.flatMap((list) => {
    const [next, last] = [spec[list] ?? [], before[list] ?? []];
    if (next.length !== last.length) {
      return [forbiddenField(`spec.${list}`, `${list} may not be added or removed on resize`)];
    }
    return next.flatMap(({ name }, index) =>
      name === last[index]?.name
        ? []
        : [
            forbiddenField(
              `spec.${list}[${index}].name`,
              `${list} may not be renamed or reordered on resize`,
            ),
          ],
    );
  });
}

function containerErrors(container: Container, before: Container, path: string): FieldError[] {
  const errors = validateResourceRequirements(container.resources, `${path}.resources`);
  for (const list of ['requests', 'limits'] as const) {
    const names = Object.keys(container.resources?.[list] ?? {});
    const removed = Object.keys(before.resources?.[list] ?? {}).some(
      (name) => !names.includes(name),
    );
    if (!removed) continue;
    errors.push(forbiddenField(`${path}.resources.${list}`, `resource ${list} cannot be removed`));
  }
  const isInit = path.startsWith('spec.init');
  if (isInit && container.restartPolicy !== 'Always') {
    const why = 'resources for non-sidecar init containers are immutable';
    if (!sameValue(container, before)) errors.push(forbiddenField('spec', why));
  } else if (!sameValue(withoutComputing(container), withoutComputing(before))) {
    const which = isInit ? ' for sidecar containers' : '';
    errors.push(forbiddenField('spec', `only cpu and memory resources${which} are mutable`));
  }
  return errors;
}

function withoutComputing({ resources, ...rest }: Container): object {
  const drop = (list: Readonly<Record<string, string>> = {}): object => {
    const { cpu: _, memory: __, ...others } = list;
    return others;
  };
  const { limits, requests, ...others } = (resources ?? {}) as ResourceRequirements;
  return { ...rest, resources: { ...others, limits: drop(limits), requests: drop(requests) } };
}

/** A node that tells what a running container has can change it, too. */
function isSupported({ status }: Pod): boolean {
  const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}
