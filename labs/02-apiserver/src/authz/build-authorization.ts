// Authorization: the authorizers of one server, as its flags want them, and what keeps them in step with the cluster.
//
//   system:masters → always allowed paths → the modes, in the order of --authorization-mode
//
// The index of roles and the graph of nodes belong to the server and follow its watch caches. Until those are full nobody but the masters
// may do anything; the server is not ready before.
//
// With RBAC the server also makes the default roles. Without it they would be of no use: upstream makes them all the same, here a server
// that allows everything starts without those 127 writes. Aggregated roles are kept up to date in any case.
//
// Same idea upstream: kubeapiserver/authorizer/config.go. Left out: the modes Webhook and ABAC.

import type { Node, PersistentVolume, Pod } from 'kubernetes-types/core/v1';
import type { VolumeAttachment } from 'kubernetes-types/storage/v1';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { PostStartHook } from '../server/post-start-hooks.ts';
import type { ServerEnv } from '../server/server-env.ts';
import type { AuthorizerAndRules } from './authorizer.ts';
import { bootstrapRoles } from './bootstrap-roles.ts';
import { type Follower, followCache } from './follow-cache.ts';
import { NodeAuthorizer } from './node-authorizer.ts';
import { NodeGraph } from './node-graph.ts';
import { RbacAuthorizer } from './rbac-authorizer.ts';
import { NODE_RULES } from './rbac-data/node-rules.ts';
import { RBAC_GROUP, RbacIndex, type RbacObject } from './rbac-index.ts';
import { roleAggregation } from './role-aggregation.ts';
import { alwaysAllow, alwaysDeny, masters, pathAuthorizer, unionAuthorizer } from './union.ts';

export const AUTHORIZATION_MODES = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC'] as const;
export type AuthorizationMode = (typeof AUTHORIZATION_MODES)[number];

export const DEFAULT_ALWAYS_ALLOW_PATHS: readonly string[] = ['/healthz', '/readyz', '/livez'];

export interface AuthorizationOptions {
  /** In the order in which they are asked. Default: AlwaysAllow. */
  readonly modes?: readonly AuthorizationMode[];
  /** Default: health. */
  readonly alwaysAllowPaths?: readonly string[];
  /** Of the caller's own, asked before the modes. */
  readonly authorizers?: readonly AuthorizerAndRules[];
}

type Env = Pick<ServerEnv, 'table' | 'signal'>;

export class Authorization {
  /** For escalation checks, whatever the modes are. */
  readonly index = new RbacIndex();
  readonly authorizer: AuthorizerAndRules;
  readonly #graph = new NodeGraph();
  readonly #modes: readonly AuthorizationMode[];

  constructor(options: AuthorizationOptions = {}) {
    const { modes = ['AlwaysAllow'], alwaysAllowPaths, authorizers = [] } = options;
    this.#modes = modes;
    this.authorizer = unionAuthorizer([
      masters,
      pathAuthorizer(alwaysAllowPaths ?? DEFAULT_ALWAYS_ALLOW_PATHS),
      ...authorizers,
      ...modes.map((mode) => this.#authorizerOf(mode)),
    ]);
  }

  /** What the server does for it once it runs. */
  get hooks(): readonly PostStartHook[] {
    return this.#modes.includes('RBAC')
      ? [bootstrapRoles(), roleAggregation()]
      : [roleAggregation()];
  }

  /** Keeps index and graph in step with the caches until the signal aborts. Nothing is read before the caches run. */
  follow({ table, signal }: Env): void {
    const follow = (group: string, resource: string, follower: Follower): void => {
      void followCache(table.registry(group, resource).storage.cache, follower, signal);
    };
    // Where everything is allowed nobody asks the index, not even for escalations.
    if (this.#modes.some((mode) => mode !== 'AlwaysAllow')) {
      for (const resource of ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings']) {
        follow(RBAC_GROUP, resource, indexFollower(this.index));
      }
    }
    if (this.#modes.includes('Node')) this.#followNodes(table, follow);
  }

  /** Volumes only where the server has them. */
  #followNodes(
    table: Env['table'],
    follow: (group: string, resource: string, follower: Follower) => void,
  ): void {
    follow('', 'pods', podFollower(this.#graph));
    const stored = (group: string, resource: string) =>
      table.definitions().some((known) => known.group === group && known.resource === resource);
    if (stored('', 'persistentvolumes')) {
      follow('', 'persistentvolumes', volumeFollower(this.#graph));
    }
    if (stored('storage.k8s.io', 'volumeattachments')) {
      follow('storage.k8s.io', 'volumeattachments', attachmentFollower(this.#graph));
    }
  }

  #authorizerOf(mode: AuthorizationMode): AuthorizerAndRules {
    switch (mode) {
      case 'AlwaysAllow':
        return alwaysAllow;
      case 'AlwaysDeny':
        return alwaysDeny;
      case 'Node':
        return new NodeAuthorizer(this.#graph, NODE_RULES);
      case 'RBAC':
        return new RbacAuthorizer(this.index);
    }
  }
}

/** What NodeRestriction looks up. */
export function nodeLookups({ table }: Pick<Env, 'table'>) {
  const find = <T>(resource: string, key: string): T | undefined => {
    const { storage, definition } = table.registry('', resource);
    return storage.cache.get(definition.storagePrefix + key)?.object as T | undefined;
  };
  return {
    pod: (namespace: string, name: string) => find<Pod>('pods', `${namespace}/${name}`),
    node: (name: string) => find<Node>('nodes', name),
  };
}

function indexFollower(index: RbacIndex): Follower {
  return {
    set: (object) => index.set(object as RbacObject),
    delete: (object) => index.delete(object as RbacObject),
  };
}

function podFollower(graph: NodeGraph): Follower {
  return {
    set: (object) => graph.setPod(object as Pod),
    delete: ({ metadata }: ReadonlyApiObject) =>
      graph.deletePod(metadata.namespace ?? '', metadata.name ?? ''),
  };
}

function volumeFollower(graph: NodeGraph): Follower {
  return {
    set: (object) => graph.setVolume(object as PersistentVolume),
    delete: ({ metadata }) => graph.deleteVolume(metadata.name ?? ''),
  };
}

function attachmentFollower(graph: NodeGraph): Follower {
  return {
    set(object) {
      const { spec, metadata } = object as VolumeAttachment;
      graph.setAttachment(metadata?.name ?? '', spec.nodeName);
    },
    delete: ({ metadata }) => graph.setAttachment(metadata.name ?? '', undefined),
  };
}
