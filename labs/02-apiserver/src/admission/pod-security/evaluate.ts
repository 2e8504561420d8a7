// evaluate: what a level, as it was in a version, has against a pod. Pure.
//
// The level restricted is baseline and more; where it asks for the same more strictly, only the stricter check speaks.
// Same idea upstream: pod-security-admission, policy/registry.go.

import { BASELINE_CHECKS } from './baseline.ts';
import type { Check, CheckedPod, CheckHistory, Violation } from './check.ts';
import type { LevelVersion } from './policy.ts';
import { RESTRICTED_CHECKS } from './restricted.ts';

export function violationsOf({ level, minor }: LevelVersion, pod: CheckedPod): Violation[] {
  if (level === 'privileged') return [];
  const isReplaced = ({ strictSinceMinor }: CheckHistory): boolean =>
    level === 'restricted' && strictSinceMinor !== undefined && minor >= strictSinceMinor;
  const histories = [
    ...BASELINE_CHECKS.filter((history) => !isReplaced(history)),
    ...(level === 'restricted' ? RESTRICTED_CHECKS : []),
  ];
  return histories.flatMap((history) => checkAt(history, minor)?.(pod) ?? []);
}

function checkAt({ versions }: CheckHistory, minor: number): Check | undefined {
  return versions.filter(({ sinceMinor }) => sinceMinor <= minor).at(-1)?.check;
}

/** `privileged (container "c" must not set …), hostPort (…)` */
export function formatViolations(violations: readonly Violation[]): string {
  return violations.map(({ reason, detail }) => `${reason} (${detail})`).join(', ');
}
