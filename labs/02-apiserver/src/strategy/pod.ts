// pod: the strategy of pods.
//
// A pod's spec hardly changes once it exists: images, deadlines and more tolerations are all that an update may bring.
// Where it runs is decided by the binding subresource, which is no update, and what became of it is in the status.
//
// Same rules upstream: pkg/registry/core/pod/strategy.go and ValidatePodUpdate. Left out: upstream prints a diff of Go structs
// after the sentence about forbidden changes.

import { nanoOfQuantity } from '../codec/quantity.ts';
import { sameValue } from './equality.ts';
import { type FieldError, forbiddenField, invalidValue } from './field-error.ts';
import { dns1123Subdomain, inclusiveRange } from './name-rules.ts';
import { containersOf, setPodDefaults } from './pod-defaults.ts';
import { validatePodSpec } from './pod-spec.ts';
import { validatePodStatus } from './pod-status.ts';
import type { Container, Pod, PodSpec, Toleration } from './pod-types.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const INT32_MAX = 2 ** 31 - 1;
const MIRROR = 'kubernetes.io/config.mirror';
const MAY_CHANGE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

export const podStrategy: Strategy = defineStrategy<Pod>({
  metadata: { name: dns1123Subdomain },
  setDefaults(pod) {
    if (pod.spec !== undefined) setPodDefaults(pod.spec);
  },
  prepareForCreate(pod) {
    Object.assign(pod, { status: { phase: 'Pending', qosClass: qosClassOf(pod) } });
  },
  // The class follows from the spec; whoever writes a status without it does not take it away.
  prepareForStatusUpdate({ status }, old) {
    const qosClass = old.status?.qosClass;
    if (status !== undefined && qosClass !== undefined) status.qosClass ??= qosClass;
  },
  validate: (pod) => [...validateAny(pod), ...ephemeralErrors(pod)],
  validateOnUpdate: validateAny,
  validateUpdate: validatePodUpdate,
  validateStatus: validatePodStatus,
});

function validateAny(pod: Pod): FieldError[] {
  return [...validatePodSpec(pod.spec, 'spec'), ...imageSpaces(pod), ...mirrorErrors(pod)];
}

/** They come later, through a subresource of their own. */
function ephemeralErrors({ spec }: Pod): FieldError[] {
  if ((spec?.ephemeralContainers ?? []).length === 0) return [];
  return [forbiddenField('spec.ephemeralContainers', 'cannot be set on create')];
}

/** Guaranteed: every container's limits are its requests, for cpu and memory. BestEffort: none asks for anything. */
export function qosClassOf({ spec }: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = spec === undefined ? [] : containersOf(spec);
  const amount = (container: Container, list: 'limits' | 'requests', name: string): bigint =>
    nanoOfQuantity(container.resources?.[list]?.[name] ?? '0');
  const names = ['cpu', 'memory'] as const;
  const guaranteed = containers.every((container) =>
    names.every((name) => {
      const limit = amount(container, 'limits', name);
      return limit > 0n && limit === amount(container, 'requests', name);
    }),
  );
  if (guaranteed && containers.length > 0) return 'Guaranteed';
  const asks = containers.some((container) =>
    names.some(
      (name) => amount(container, 'limits', name) > 0n || amount(container, 'requests', name) > 0n,
    ),
  );
  return asks ? 'Burstable' : 'BestEffort';
}

/** Templates are allowed to have them, for backward compatibility. */
function imageSpaces({ spec }: Pod): FieldError[] {
  const check = (containers: readonly Container[] | undefined, list: string): FieldError[] =>
    (containers ?? []).flatMap(({ image = '' }, index) =>
      image === image.trim()
        ? []
        : [
            invalidValue(
              `spec.${list}[${index}].image`,
              image,
              'must not have leading or trailing whitespace',
            ),
          ],
    );
  return [
    ...check(spec?.containers, 'containers'),
    ...check(spec?.initContainers, 'initContainers'),
  ];
}

function mirrorErrors({ metadata, spec }: Pod): FieldError[] {
  const mirror = metadata?.annotations?.[MIRROR];
  if (mirror === undefined || spec?.nodeName) return [];
  const detail = 'must set spec.nodeName if mirror pod annotation is set';
  return [invalidValue(`metadata.annotations[${MIRROR}]`, mirror, detail)];
}

/** A pod is a mirror from its beginning, of one manifest, or never. */
function mirrorChangeErrors(pod: Pod, old: Pod): FieldError[] {
  const [mark, before] = [pod, old].map(({ metadata }) => metadata?.annotations?.[MIRROR]);
  if (mark === before) return [];
  const change = before === undefined ? 'add' : 'remove or update';
  return [
    forbiddenField(`metadata.annotations[${MIRROR}]`, `may not ${change} mirror pod annotation`),
  ];
}

function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const { spec } = pod;
  const before = old.spec;
  if (spec === undefined || before === undefined) return [];
  for (const list of ['containers', 'initContainers'] as const) {
    if ((spec[list] ?? []).length !== (before[list] ?? []).length) {
      return [forbiddenField(`spec.${list}`, 'pod updates may not add or remove containers')];
    }
  }
  const errors = [
    ...mirrorChangeErrors(pod, old),
    ...deadlineErrors(spec, before),
    ...tolerationErrors(spec, before),
  ];
  if (!sameValue(withAllowedChanges(spec, before), before)) {
    errors.push(forbiddenField('spec', MAY_CHANGE));
  }
  return errors;
}

/** The new spec with everything that may change put back. */
function withAllowedChanges(spec: PodSpec, before: PodSpec): PodSpec {
  const images = (list: 'containers' | 'initContainers'): Container[] =>
    (spec[list] ?? []).map((container, index) => {
      const { image } = before[list]?.[index] ?? {};
      return image === undefined ? container : { ...container, image };
    });
  const { activeDeadlineSeconds, tolerations } = before;
  return {
    ...spec,
    containers: images('containers'),
    initContainers: images('initContainers'),
    ...optional({ activeDeadlineSeconds, tolerations }),
  };
}

/** Absent in the old spec means absent in the result: sameValue() takes undefined for that. */
function optional(fields: object): Partial<PodSpec> {
  return fields as Partial<PodSpec>;
}

function deadlineErrors(spec: PodSpec, before: PodSpec): FieldError[] {
  const field = 'spec.activeDeadlineSeconds';
  const next = spec.activeDeadlineSeconds;
  const previous = before.activeDeadlineSeconds;
  if (next === undefined) {
    const detail = 'must not update from a positive integer to nil value';
    return previous === undefined ? [] : [invalidValue(field, null, detail)];
  }
  if (next < 0 || next > INT32_MAX) {
    return [invalidValue(field, next, inclusiveRange(0, INT32_MAX))];
  }
  return previous !== undefined && previous < next
    ? [invalidValue(field, next, 'must be less than or equal to previous value')]
    : [];
}

function tolerationErrors(spec: PodSpec, before: PodSpec): FieldError[] {
  const next = spec.tolerations ?? [];
  const kept = (toleration: Toleration): boolean =>
    next.some((candidate) =>
      sameValue(
        { ...candidate, tolerationSeconds: undefined },
        { ...toleration, tolerationSeconds: undefined },
      ),
    );
  if ((before.tolerations ?? []).every(kept)) return [];
  const detail = 'existing toleration can not be modified except its tolerationSeconds';
  return [forbiddenField('spec.tolerations', detail)];
}
