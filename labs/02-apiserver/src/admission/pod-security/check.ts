// check: what one check of pod security is, and the words that all checks share.
//
// Same idea upstream: pod-security-admission, policy/checks.go and helpers.go.

import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { Container, PodSpec } from '../../strategy/pod-types.ts';

export interface CheckedPod {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  /** Of all kinds, in the order init, ordinary, ephemeral. */
  readonly containers: readonly Container[];
}

export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export type Check = (pod: CheckedPod) => Violation | undefined;

/** A check as it was in each version of Kubernetes. */
export interface CheckHistory {
  /** Each holds until the next. */
  readonly versions: readonly { readonly sinceMinor: number; readonly check: Check }[];
  /** Of baseline: since when the level restricted has a stricter one instead. */
  readonly strictSinceMinor?: number;
}

export function checkedPod(metadata: ObjectMeta | undefined, spec: PodSpec): CheckedPod {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = spec;
  const all = [...initContainers, ...containers, ...(ephemeralContainers as Container[])];
  return { annotations: metadata?.annotations ?? {}, spec, containers: all };
}

/** `container "a"`, `containers "a", "b"` */
export function named(what: string, names: readonly string[]): string {
  return `${names.length === 1 ? what : `${what}s`} ${quoted(names)}`;
}

export function quoted(texts: readonly string[]): string {
  return `"${texts.join('", "')}"`;
}

/** Each once, in order. */
export function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}

export function namesOf(containers: readonly Container[]): string[] {
  return containers.map(({ name }) => name);
}

/** `pod and containers "a", "b"`: all who set something; undefined when nobody does. */
export function setters(isPod: boolean, containers: readonly Container[]): string | undefined {
  const parts = [
    ...(isPod ? ['pod'] : []),
    ...(containers.length > 0 ? [named('container', namesOf(containers))] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(' and ');
}

/** Since 1.25 what makes no sense on Windows is not asked of a pod that says that it runs there. */
export function isWindows({ spec }: CheckedPod): boolean {
  return spec.os?.name === 'windows';
}
