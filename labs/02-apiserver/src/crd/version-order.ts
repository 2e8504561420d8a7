// version-order: which of a group's versions is the one to prefer: v2, v1, v1beta2, v1beta1, v1alpha1, then the rest by name.
//
// Same order upstream: apimachinery, pkg/version (CompareKubeAwareVersionStrings).

const PATTERN = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/;
const STABILITY: Readonly<Record<string, number>> = { alpha: 0, beta: 1 };
const STABLE = 2;

/** For sort(): the preferred version first. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [rankOf(a), rankOf(b)];
  if (left === undefined || right === undefined) {
    if (left === right) return a < b ? -1 : a === b ? 0 : 1;
    return left === undefined ? 1 : -1;
  }
  const index = left.findIndex((part, at) => part !== right[at]);
  return index < 0 ? 0 : (right[index] ?? 0) - (left[index] ?? 0);
}

function rankOf(version: string): readonly number[] | undefined {
  const [, major, stability = '', minor = '0'] = PATTERN.exec(version) ?? [];
  if (major === undefined) return undefined;
  return [STABILITY[stability] ?? STABLE, Number(major), Number(minor)];
}
