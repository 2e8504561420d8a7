// PodSecurity: pods keep to the level that the labels of their namespace demand; who breaks it is refused, noted down or warned.
//
//   pods         refused by enforce, at their creation and when their images change
//   workloads    their pods would be refused later: whoever writes the template is warned now (warn), or it is noted down (audit)
//   namespaces   wrong labels are refused; whoever tightens enforce hears which pods break it already
//
// Same rules and sentences upstream: pod-security-admission, admission/admission.go.
// Left out: exemptions, and defaults for namespaces without labels (a configuration file there): they are privileged.

import type { Pod, PodSpec, PodTemplateSpec } from 'kubernetes-types/core/v1';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { ReadonlyApiObject } from '../../registry/api-object.ts';
import type { ResourceTable } from '../../registry/resource-table.ts';
import { sameValue } from '../../strategy/equality.ts';
import { invalid } from '../../strategy/field-error.ts';
import { type AdmissionPlugin, type AdmissionRequest, denied } from '../admission.ts';
import { cachedObjects, type Lookup, labelsOfNamespace } from '../lookup.ts';
import { checkedPod } from './check.ts';
import { formatViolations, violationsOf } from './evaluate.ts';
import {
  formatLevel,
  isSameLevel,
  isStricter,
  type LevelVersion,
  type ParsedPolicy,
  PREFIX,
  policyOf,
} from './policy.ts';

const PODS_CHECKED_MAX = 3000;
/** Of pods: those that bring nothing that could break a policy. */
const HARMLESS: readonly string[] = [
  'attach',
  'binding',
  'eviction',
  'exec',
  'log',
  'portforward',
  'proxy',
  'status',
];
/** Kinds with a pod template inside. Custom ones nobody can know: their pods are judged when they are made. */
const WORKLOADS: readonly string[] = [
  'apps/daemonsets',
  'apps/deployments',
  'apps/replicasets',
  'apps/statefulsets',
  'batch/cronjobs',
  'batch/jobs',
  '/podtemplates',
  '/replicationcontrollers',
];

interface PodLike {
  readonly metadata: ObjectMeta | undefined;
  readonly spec: PodSpec;
}

export function podSecurity({ table }: Lookup): AdmissionPlugin {
  return {
    name: 'PodSecurity',
    async validate(request) {
      const { operation, definition, subresource = '', namespace } = request;
      if (operation !== 'CREATE' && operation !== 'UPDATE') return;
      const { group, resource } = definition;
      if (group === '' && resource === 'namespaces') {
        if (subresource === '') await validateNamespace(request, table);
        return;
      }
      const isPod = group === '' && resource === 'pods';
      const isWorkload = WORKLOADS.includes(`${group}/${resource}`) && subresource === '';
      if (namespace === undefined || !(isWorkload || (isPod && !HARMLESS.includes(subresource)))) {
        return;
      }
      if (isPod && operation === 'UPDATE' && !changesMuch(request)) return;
      // A namespace that is not there is somebody else's matter.
      const labels = await labelsOfNamespace({ table }, namespace);
      if (labels === undefined || !hasPolicy(labels)) return;
      const pod = isPod ? podOf(request.object as Pod) : templateOf(request);
      if (pod !== undefined) judge(request, policyOf(labels), pod, isPod);
    },
  };
}

/** Nearly all namespaces have none: nothing is evaluated then. */
function hasPolicy(labels: Readonly<Record<string, string>>): boolean {
  return Object.keys(labels).some((label) => label.startsWith(PREFIX));
}

function podOf({ metadata, spec }: Pod | PodTemplateSpec): PodLike | undefined {
  return spec === undefined ? undefined : { metadata, spec };
}

/** Undefined where there is none: a replication controller can do without. */
function templateOf({ definition, object }: AdmissionRequest): PodLike | undefined {
  interface Templated {
    readonly template?: PodTemplateSpec;
    readonly spec?: {
      readonly template?: PodTemplateSpec;
      readonly jobTemplate?: { readonly spec?: { readonly template?: PodTemplateSpec } };
    };
  }
  const { template, spec } = object as Templated;
  const found =
    definition.resource === 'podtemplates'
      ? template
      : definition.resource === 'cronjobs'
        ? spec?.jobTemplate?.spec?.template
        : spec?.template;
  return found === undefined ? undefined : podOf(found);
}

function judge(
  request: AdmissionRequest,
  { policy, errors }: ParsedPolicy,
  { metadata, spec }: PodLike,
  isPod: boolean,
): void {
  const pod = checkedPod(metadata, spec);
  const breaks = (level: LevelVersion): string | undefined => {
    const violations = violationsOf(level, pod);
    if (violations.length === 0) return undefined;
    return `violate PodSecurity "${formatLevel(level)}": ${formatViolations(violations)}`;
  };
  const note = (key: string, value: string) => request.annotate?.(PREFIX + key, value);
  const [error] = errors;
  if (error !== undefined) note('error', `Failed to parse policy: ${error.field}: ${error.detail}`);
  if (isPod) note('enforce-policy', formatLevel(policy.enforce));
  const audited = breaks(policy.audit);
  if (audited !== undefined) note('audit-violations', `would ${audited}`);
  // Who is refused hears that alone; warnings are for what goes through.
  const refused = isPod ? breaks(policy.enforce) : undefined;
  if (refused !== undefined) throw denied(request, refused.replace('violate ', 'violates '));
  const warned = breaks(policy.warn);
  if (warned !== undefined) request.warn?.(`would ${warned}`);
}

/** Most of a pod cannot change, and what the rest is does not matter here. */
function changesMuch({ object, old, subresource }: AdmissionRequest): boolean {
  if (subresource === 'ephemeralcontainers' || subresource === 'resize') return true;
  const images = ({ spec }: Pod) =>
    [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ image }) => image);
  const notes = ({ metadata }: Pod) =>
    Object.entries(metadata?.annotations ?? {})
      .filter(([key]) => key.includes('seccomp') || key.includes('apparmor'))
      .sort();
  const [after, before] = [object as Pod, old as unknown as Pod];
  return !sameValue([images(after), notes(after)], [images(before), notes(before)]);
}

/** Labels that were wrong already may stay: others must be able to change the rest of the namespace. */
async function validateNamespace(request: AdmissionRequest, table: ResourceTable): Promise<void> {
  const { operation, object, old, name, definition } = request;
  const next = policyOf(object?.metadata?.labels);
  const before = policyOf(old?.metadata.labels);
  const isNew = operation === 'CREATE' || !sameValue(next.errors, before.errors);
  if (next.errors.length > 0 && isNew) throw invalid(definition, name, next.errors);
  if (operation === 'CREATE') return;
  const [enforce, former] = [next.policy.enforce, before.policy.enforce];
  if (enforce.level === 'privileged' || isSameLevel(enforce, former)) return;
  // Loosened: what was fine stays fine.
  if (enforce.minor === former.minor && !isStricter(enforce.level, former.level)) return;
  const pods = await cachedObjects(table.registry('', 'pods'), name);
  for (const warning of namespaceWarnings(name, enforce, pods)) request.warn?.(warning);
}

/** Exported for its table of cases: pods that break the new level, together where they break it in the same way. */
export function namespaceWarnings(
  namespace: string,
  level: LevelVersion,
  pods: readonly ReadonlyApiObject[],
): string[] {
  const checked = pods.slice(0, PODS_CHECKED_MAX);
  const namesByReasons = new Map<string, string[]>();
  for (const pod of checked) {
    const { metadata, spec } = pod as unknown as Pod;
    if (spec === undefined) continue;
    const violations = violationsOf(level, checkedPod(metadata, spec));
    if (violations.length === 0) continue;
    const reasons = violations.map(({ reason }) => reason).join(', ');
    const names = namesByReasons.get(reasons) ?? [];
    namesByReasons.set(reasons, [...names, metadata?.name ?? '']);
  }
  const warnings: string[] = [];
  if (checked.length < pods.length) {
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${checked.length} of ${pods.length} existing pods`,
    );
  }
  if (namesByReasons.size > 0) {
    warnings.push(
      `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level "${formatLevel(level)}"`,
    );
  }
  const lines = [...namesByReasons].map(([reasons, names]) => `${sayNames(names)}: ${reasons}`);
  return [...warnings, ...lines.sort()];
}

function sayNames(names: readonly string[]): string {
  const [first = ''] = [...names].sort();
  if (names.length === 1) return first;
  const others = names.length - 1;
  return `${first} (and ${others} other ${others === 1 ? 'pod' : 'pods'})`;
}
