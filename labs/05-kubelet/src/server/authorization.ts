// Authorization: may this user ask the kubelet that?
//
// The kubelet has no rules of its own. It asks the API server (SubjectAccessReview) about its own Node object: what
// somebody may do here is what they may do with nodes/proxy, or with a smaller part of the node that the path is about.
//
//   /stats/…    nodes/stats      /pods, /runningpods   nodes/pods, else nodes/proxy
//   /metrics/…  nodes/metrics    /healthz              nodes/healthz, else nodes/proxy
//   /logs/…     nodes/log        /configz              nodes/configz, else nodes/proxy        all others   nodes/proxy
//
// While the API server does not answer, only what it said lately is allowed. So neither a user with a certificate of their
// own nor another node can run a command in a pod of this one, as they could if a certificate were enough.
//
// Same rule upstream: kubernetes, pkg/kubelet/server/auth.go, and BuildAuthz in cmd/kubelet/app/auth.go.

import type { Client, Clock, ResourceType, User } from '@kube-labs/apiserver';
import type { SubjectAccessReview } from 'kubernetes-types/authorization/v1';
import { HttpError } from './http-error.ts';
import { REVIEW_TIMEOUT_MS, ReviewCache } from './review-cache.ts';

export const AUTHORIZATION_MODES = ['AlwaysAllow', 'Webhook'] as const;
export type AuthorizationMode = (typeof AUTHORIZATION_MODES)[number];

export interface AuthorizationOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly nodeName: string;
  readonly mode: AuthorizationMode;
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
}

/** Throws the refusal. */
export type Authorize = (user: User, asked: Asked) => Promise<void>;

export interface Asked {
  readonly method: string;
  readonly path: string;
}

const subjectAccessReviews: ResourceType<SubjectAccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  resource: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
};

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const WHOLE_SUBRESOURCES = { stats: 'stats', metrics: 'metrics', logs: 'log' } as const;
const FINE_SUBRESOURCES = {
  pods: 'pods',
  runningpods: 'pods',
  healthz: 'healthz',
  configz: 'configz',
} as const;

/** One of them is enough. */
export function subresourcesOf(path: string): readonly string[] {
  const [, first = ''] = path.split('/');
  if (Object.hasOwn(WHOLE_SUBRESOURCES, first)) {
    return [WHOLE_SUBRESOURCES[first as keyof typeof WHOLE_SUBRESOURCES]];
  }
  if (Object.hasOwn(FINE_SUBRESOURCES, first)) {
    return [FINE_SUBRESOURCES[first as keyof typeof FINE_SUBRESOURCES], 'proxy'];
  }
  return ['proxy'];
}

export function authorization(options: AuthorizationOptions): Authorize {
  if (options.mode === 'AlwaysAllow') return async () => {};
  const { clock, authorizedTtlMs, unauthorizedTtlMs } = options;
  const answers = new ReviewCache<boolean>(clock, (allowed) =>
    allowed ? authorizedTtlMs : unauthorizedTtlMs,
  );
  return async (user, { method, path }) => {
    const verb = VERBS[method] ?? '';
    const subresources = subresourcesOf(path);
    for (const subresource of subresources) {
      const key = JSON.stringify([user.name, user.uid, user.groups, user.extra, verb, subresource]);
      const ask = () => review(options, user, { verb, subresource });
      const allowed = await answers.get(key, ask).catch(() => {
        const what = `verb=${verb}, resource=nodes, subresource=${subresource}`;
        throw new HttpError(500, `Authorization error (user=${user.name}, ${what})`);
      });
      if (allowed) return;
    }
    const what = `verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}]`;
    throw new HttpError(403, `Forbidden (user=${user.name}, ${what})\n`);
  };
}

async function review(
  { client, nodeName }: AuthorizationOptions,
  user: User,
  { verb, subresource }: { readonly verb: string; readonly subresource: string },
): Promise<boolean> {
  const resourceAttributes = {
    verb,
    version: 'v1',
    resource: 'nodes',
    subresource,
    name: nodeName,
  };
  const { uid, extra } = user;
  const spec = {
    user: user.name,
    groups: [...user.groups],
    ...(uid === undefined ? {} : { uid }),
    ...(extra === undefined ? {} : { extra: copyOf(extra) }),
    resourceAttributes,
  };
  const signal = AbortSignal.timeout(REVIEW_TIMEOUT_MS);
  const { status } = await client.create(subjectAccessReviews, { spec }, signal);
  return status?.allowed === true;
}

function copyOf(extra: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]));
}
