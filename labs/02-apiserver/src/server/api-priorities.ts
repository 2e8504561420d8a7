// api-priorities: which API group comes first, and which of its versions is preferred.
//
// kubectl takes the first group that has a name when several have it (`kubectl get events`), and the first version of a group. The
// server's own groups have upstream's numbers; groups that somebody declares come behind them.
//
// Same numbers upstream: controlplane/apiserver/aggregator.go (DefaultGenericAPIServicePriorities) and
// kube-aggregator, pkg/controllers/autoregister.

import { compareVersions } from '../crd/version-order.ts';

export interface ApiPriority {
  /** Higher comes first. */
  readonly group: number;
  readonly version: number;
}

const GROUPS: ReadonlyMap<string, number> = new Map([
  // Upstream's aggregator puts its own group before all others.
  ['apiregistration.k8s.io', 18_100],
  ['', 18_000],
  ['extensions', 17_900],
  ['apps', 17_800],
  ['events.k8s.io', 17_750],
  ['authentication.k8s.io', 17_700],
  ['authorization.k8s.io', 17_600],
  ['autoscaling', 17_500],
  ['batch', 17_400],
  ['certificates.k8s.io', 17_300],
  ['networking.k8s.io', 17_200],
  ['policy', 17_100],
  ['rbac.authorization.k8s.io', 17_000],
  ['storage.k8s.io', 16_800],
  ['apiextensions.k8s.io', 16_700],
  ['admissionregistration.k8s.io', 16_700],
  ['scheduling.k8s.io', 16_600],
  ['coordination.k8s.io', 16_500],
  ['node.k8s.io', 16_300],
  ['discovery.k8s.io', 16_200],
  ['flowcontrol.apiserver.k8s.io', 16_100],
]);
const VERSIONS: ReadonlyMap<string, number> = new Map([
  ['/v1', 1],
  ['apps/v1', 15],
  ['autoscaling/v2', 30],
  ['flowcontrol.apiserver.k8s.io/v1', 21],
]);
const VERSION_DEFAULT = 15;
const CUSTOM: ApiPriority = { group: 1000, version: 100 };

export function priorityOf(group: string, version: string): ApiPriority {
  const own = GROUPS.get(group);
  if (own === undefined) return CUSTOM;
  return { group: own, version: VERSIONS.get(`${group}/${version}`) ?? VERSION_DEFAULT };
}

/** Whether the group is one of the server's own. */
export function isOwnGroup(group: string): boolean {
  return GROUPS.has(group);
}

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
  /** Of an APIService that somebody registered; the server's own are in the table above. */
  readonly priority?: ApiPriority;
}

/** For sort(): groups by priority, then by name; versions of a group by priority, then as versions are ordered. */
export function compareGroupVersions(a: GroupVersion, b: GroupVersion): number {
  const left = a.priority ?? priorityOf(a.group, a.version);
  const right = b.priority ?? priorityOf(b.group, b.version);
  if (a.group !== b.group) {
    return right.group - left.group || (a.group < b.group ? -1 : 1);
  }
  return right.version - left.version || compareVersions(a.version, b.version);
}
