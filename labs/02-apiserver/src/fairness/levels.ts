// Priority levels: whose requests wait for whom.
//
//   request → level (what kind of caller) → flow (which one of that kind) → width (how many seats it takes)
// Levels share the server's seats by their weights; within a level every flow gets its turn. So a client that floods
// the server makes its own flow longer, and nobody else's.
// Upstream: apiserver, pkg/apis/flowcontrol/bootstrap/default.go (names and shares) and pkg/util/flowcontrol/request (widths).
// Differences: system:masters is not exempt, as on a server of one thread an administrator's loop would stop the nodes' heartbeats;
// FlowSchemas and PriorityLevelConfigurations in the API are kept, but do not change what is here.

/** What a request is judged by. */
export interface FlowAttributes {
  readonly user: { readonly name: string; readonly groups: readonly string[] };
  readonly verb: string;
  readonly namespace: string;
  readonly apiGroup: string;
  readonly resource: string;
  readonly subresource: string;
  readonly isResourceRequest: boolean;
  readonly path: string;
  readonly userAgent: string;
}

export interface Level {
  readonly name: string;
  /** Upstream's nominalConcurrencyShares. */
  readonly shares: number;
}

export const LEVELS = {
  leaderElection: { name: 'leader-election', shares: 10 },
  nodeHigh: { name: 'node-high', shares: 40 },
  system: { name: 'system', shares: 30 },
  workloadHigh: { name: 'workload-high', shares: 40 },
  workloadLow: { name: 'workload-low', shares: 100 },
  globalDefault: { name: 'global-default', shares: 20 },
  catchAll: { name: 'catch-all', shares: 5 },
} as const satisfies Readonly<Record<string, Level>>;

export interface Classified {
  readonly level: Level;
  /** Requests of one flow wait in line; flows take turns. */
  readonly flow: string;
}

const HEALTH = /^\/(healthz|livez|readyz)(\/|$)/;
const COMPONENTS: readonly string[] = [
  'system:kube-controller-manager',
  'system:kube-scheduler',
  'system:kube-proxy',
];
const NODE_HEARTBEATS: readonly string[] = ['nodes', 'leases'];

/** Undefined = exempt: whether the server is well must be seen when it is busy, too. */
export function classify(attributes: FlowAttributes): Classified | undefined {
  const { path, isResourceRequest, userAgent } = attributes;
  const { name, groups } = attributes.user;
  if (!isResourceRequest && HEALTH.test(path)) return undefined;
  const level = levelOf(attributes);
  if (level === LEVELS.catchAll) return { level, flow: '' };
  // Several people and programs are one administrator here: what they call themselves tells them apart.
  const isAdministrator = level === LEVELS.system && groups.includes('system:masters');
  return { level, flow: isAdministrator ? `${name} ${userAgent}` : name };
}

function levelOf({ user: { name, groups }, resource, isResourceRequest }: FlowAttributes): Level {
  if (groups.includes('system:nodes')) {
    return NODE_HEARTBEATS.includes(resource) ? LEVELS.nodeHigh : LEVELS.system;
  }
  if (COMPONENTS.includes(name) || groups.includes('system:serviceaccounts:kube-system')) {
    const isElection = isResourceRequest && resource === 'leases';
    return isElection ? LEVELS.leaderElection : LEVELS.workloadHigh;
  }
  if (groups.includes('system:masters')) return LEVELS.system;
  if (groups.includes('system:serviceaccounts')) return LEVELS.workloadLow;
  if (groups.includes('system:unauthenticated')) return LEVELS.catchAll;
  return LEVELS.globalDefault;
}

const OBJECTS_A_SEAT = 100;
export const WIDTH_MAX = 10;

/** Seats that a request takes: a list of a thousand objects is as much work as many small requests. */
export function widthOf({ verb }: FlowAttributes, objectsToRead: number): number {
  if (verb !== 'list' && verb !== 'watch' && verb !== 'deletecollection') return 1;
  return Math.min(WIDTH_MAX, Math.max(1, Math.ceil(objectsToRead / OBJECTS_A_SEAT)));
}
