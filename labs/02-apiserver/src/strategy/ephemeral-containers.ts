// ephemeral-containers: the rules for the containers that somebody puts into a running pod to look around.
//
// They come through a subresource of their own, only ever more of them, and can do less than other containers: nothing
// restarts them, nothing waits for them, no port leads to them.
//
// Same rules upstream: pkg/apis/core/validation (validateEphemeralContainers, ValidatePodEphemeralContainersUpdate),
// pkg/registry/core/pod/strategy.go (podEphemeralContainersStrategy).

import type { EphemeralContainer } from 'kubernetes-types/core/v1';
import { validateContainer } from './containers.ts';
import { sameValue } from './equality.ts';
import { duplicate, type FieldError, forbiddenField, notFoundValue } from './field-error.ts';
import { podStrategy } from './pod.ts';
import { setContainerDefaults } from './pod-defaults.ts';
import type { Pod, PodSpec } from './pod-types.ts';
import type { Strategy } from './strategy.ts';

const AT = 'spec.ephemeralContainers';
const MIRROR = 'kubernetes.io/config.mirror';
const REFUSED = [
  'lifecycle',
  'livenessProbe',
  'ports',
  'readinessProbe',
  'resizePolicy',
  'resources',
  'restartPolicy',
  'startupProbe',
] as const;

/** For updates through the subresource: of what the client sent only the list of these containers counts. */
export const ephemeralContainersStrategy: Strategy = {
  ...podStrategy,
  prepareForUpdate(object, old) {
    const { ephemeralContainers } = (object as Pod).spec ?? {};
    const before = old as Pod;
    const metadata = { ...before.metadata };
    const spec: PodSpec = { ...(before.spec ?? { containers: [] }) };
    for (const container of ephemeralContainers ?? []) setContainerDefaults(container);
    if (ephemeralContainers === undefined) delete spec.ephemeralContainers;
    else spec.ephemeralContainers = ephemeralContainers;
    Object.assign(object, before, { metadata, spec });
  },
  validateUpdate: (object, old) => validateAdditions(object as Pod, old as Pod),
};

function validateAdditions(pod: Pod, old: Pod): FieldError[] {
  if (old.metadata?.annotations?.[MIRROR] !== undefined) {
    return [forbiddenField('', 'static pods do not support ephemeral containers')];
  }
  const containers = pod.spec?.ephemeralContainers ?? [];
  return [
    ...validateEphemeralContainers(containers, pod.spec ?? { containers: [] }),
    ...(old.spec?.ephemeralContainers ?? []).flatMap((before) => {
      const found = containers.find(({ name }) => name === before.name);
      if (found !== undefined && sameValue(found, before)) return [];
      const what = found === undefined ? 'removed' : 'changed';
      const detail = `existing ephemeral containers "${before.name}" may not be ${what}\n`;
      return [forbiddenField(AT, detail)];
    }),
  ];
}

function validateEphemeralContainers(
  containers: readonly EphemeralContainer[],
  spec: PodSpec,
): FieldError[] {
  const others = [...spec.containers, ...(spec.initContainers ?? [])].map(({ name }) => name);
  const names = new Set(others);
  return containers.flatMap((container, index) => {
    const field = `${AT}[${index}]`;
    const { targetContainerName: target } = container;
    const errors = validateContainer(container, spec, field);
    if (names.has(container.name)) errors.push(duplicate(`${field}.name`, container.name));
    names.add(container.name);
    if (target !== undefined && target !== '' && !others.includes(target)) {
      errors.push(notFoundValue(`${field}.targetContainerName`, target));
    }
    for (const name of REFUSED) {
      if (sameValue(container[name], undefined)) continue;
      errors.push(forbiddenField(`${field}.${name}`, 'cannot be set for an Ephemeral Container'));
    }
    (container.volumeMounts ?? []).forEach(({ subPath, subPathExpr }, position) => {
      const at = `${field}.volumeMounts[${position}]`;
      const detail = 'cannot be set for an Ephemeral Container';
      if (subPath) errors.push(forbiddenField(`${at}.subPath`, detail));
      if (subPathExpr) errors.push(forbiddenField(`${at}.subPathExpr`, detail));
    });
    return errors;
  });
}
