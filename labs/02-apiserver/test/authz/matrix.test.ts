// Every endpoint × every kind of caller. What each may do is written here once more, by hand, from upstream's documentation of the
// default roles, so that a slip in the table of roles or in the matching of rules shows.
import { Agent } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ResourceDefinition } from '#src/registry/resource-definition.ts';
import { RESOURCES } from '#src/registry/resources.ts';
import { type SecuredServer, startSecuredServer } from './server.ts';

/** What the role view may get, list and watch; no secrets, no roles, nothing of the cluster but namespaces. */
const VIEWED: ReadonlySet<string> = new Set([
  'configmaps',
  'endpoints',
  'persistentvolumeclaims',
  'persistentvolumeclaims/status',
  'pods',
  'pods/log',
  'pods/status',
  'replicationcontrollers',
  'replicationcontrollers/scale',
  'replicationcontrollers/status',
  'serviceaccounts',
  'services',
  'services/status',
  'bindings',
  'events',
  'limitranges',
  'namespaces',
  'namespaces/status',
  'resourcequotas',
  'resourcequotas/status',
  'endpointslices.discovery.k8s.io',
  'controllerrevisions.apps',
  'daemonsets.apps',
  'daemonsets.apps/status',
  'deployments.apps',
  'deployments.apps/scale',
  'deployments.apps/status',
  'replicasets.apps',
  'replicasets.apps/scale',
  'replicasets.apps/status',
  'statefulsets.apps',
  'statefulsets.apps/scale',
  'statefulsets.apps/status',
  'horizontalpodautoscalers.autoscaling',
  'horizontalpodautoscalers.autoscaling/status',
  'cronjobs.batch',
  'cronjobs.batch/status',
  'jobs.batch',
  'jobs.batch/status',
  'poddisruptionbudgets.policy',
  'poddisruptionbudgets.policy/status',
  'ingresses.networking.k8s.io',
  'ingresses.networking.k8s.io/status',
  'networkpolicies.networking.k8s.io',
]);

/** What everybody may do who is somebody. */
const OWN_REVIEWS: ReadonlySet<string> = new Set([
  'selfsubjectaccessreviews.authorization.k8s.io',
  'selfsubjectrulesreviews.authorization.k8s.io',
  'selfsubjectreviews.authentication.k8s.io',
]);

/** What a node without pods may do at the objects that the matrix asks for: `verb resource`, in the namespace default. */
const NODE_MAY: ReadonlySet<string> = new Set([
  'create nodes',
  'update nodes',
  'patch nodes',
  'update nodes/status',
  'patch nodes/status',
  'create pods',
  'delete pods',
  'update pods/status',
  'patch pods/status',
  'create pods/eviction',
  'get services',
  'list services',
  'create events',
  'update events',
  'patch events',
  'get endpoints',
  'create certificatesigningrequests.certificates.k8s.io',
  'get certificatesigningrequests.certificates.k8s.io',
  'list certificatesigningrequests.certificates.k8s.io',
  'create tokenreviews.authentication.k8s.io',
  'create subjectaccessreviews.authorization.k8s.io',
  'create localsubjectaccessreviews.authorization.k8s.io',
  'get csidrivers.storage.k8s.io',
  'list csidrivers.storage.k8s.io',
  'create csinodes.storage.k8s.io',
  'get runtimeclasses.node.k8s.io',
  'list runtimeclasses.node.k8s.io',
]);

interface Endpoint {
  readonly verb: string;
  /** `pods/log`, `deployments.apps/scale` */
  readonly resource: string;
  readonly asked: string;
}

const METHODS: Readonly<Record<string, string>> = {
  get: 'get',
  list: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
};

function endpointsOf(definition: ResourceDefinition): Endpoint[] {
  const { group, version, resource, namespaced, verbs, subresources } = definition;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const collection = `${root}${namespaced ? '/namespaces/default' : ''}/${resource}`;
  const name = group === '' ? resource : `${resource}.${group}`;
  const ask = (verb: string, path: string) =>
    `${METHODS[verb]} ${path}${verb === 'get' || verb === 'list' ? '' : '?dryRun=All'}`;
  return [
    ...verbs.flatMap((verb) => {
      if (METHODS[verb] === undefined) return [];
      const isCollection = ['list', 'create', 'deletecollection'].includes(verb);
      const path = isCollection ? collection : `${collection}/no-such`;
      return [{ verb, resource: name, asked: ask(verb, path) }];
    }),
    ...subresources.flatMap(({ name: subresource, verbs: own }) =>
      own.flatMap((verb) =>
        METHODS[verb] === undefined
          ? []
          : [
              {
                verb,
                resource: `${name}/${subresource}`,
                asked: ask(verb, `${collection}/no-such/${subresource}`),
              },
            ],
      ),
    ),
  ];
}

const ENDPOINTS = RESOURCES.filter(({ group }) => group !== 'extensions').flatMap(endpointsOf);

const HAS_BODY: ReadonlySet<string> = new Set(['create', 'update', 'patch']);
const isRead = (verb: string) => verb === 'get' || verb === 'list';

describe('every endpoint', () => {
  let secured: SecuredServer;
  const agent = new Agent({ keepAlive: true });
  beforeAll(async () => {
    // Requests without credentials come from system:anonymous here, so that they get as far as authorization.
    secured = await startSecuredServer(undefined, { authentication: { anonymous: true } });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
    const { status } = await secured.as(
      'admin',
      'post /apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
      { metadata: { name: 'reader' }, roleRef, subjects: [{ kind: 'User', name: 'reader' }] },
    );
    expect(status).toBe(201);
    const until = Date.now() + 30_000;
    const allowed = async () => (await secured.as('reader', 'get /api/v1/pods')).status === 200;
    while (!(await allowed())) expect(Date.now()).toBeLessThan(until);
  });
  afterAll(async () => {
    agent.destroy();
    await secured[Symbol.asyncDispose]();
  });

  /** `verb resource` of all endpoints that answer the user with anything but 403. */
  async function allowedFor(user: string): Promise<string[]> {
    const allowed: string[] = [];
    for (const { verb, resource, asked } of ENDPOINTS) {
      const body = HAS_BODY.has(verb) ? {} : undefined;
      const { status, json } = await secured.as(user, asked, body, agent);
      // A binding or a namespace that does not exist is also refused with 403, but not by the authorizer.
      const isRefused = status === 403 && String(json?.message).includes(' cannot ');
      expect(status, `${user}: ${asked}`).not.toBe(401);
      expect(status, `${user}: ${asked}`).toBeLessThan(500);
      if (!isRefused) allowed.push(`${verb} ${resource}`);
    }
    return allowed.sort();
  }

  const names = (wanted: (endpoint: Endpoint) => boolean) =>
    ENDPOINTS.filter(wanted)
      .map(({ verb, resource }) => `${verb} ${resource}`)
      .sort();

  test('there are many', () => {
    expect(ENDPOINTS.length).toBeGreaterThan(300);
  });

  test('the administrator may use them all', async () => {
    expect(await allowedFor('admin')).toEqual(names(() => true));
  });

  test('nobody without credentials may use any', async () => {
    expect(await allowedFor('')).toEqual([]);
  });

  test('a service account without roles may ask what it may do', async () => {
    const mine = names(({ resource }) => OWN_REVIEWS.has(resource));
    expect(await allowedFor('system:serviceaccount:default:robot')).toEqual(mine);
  });

  test('a reader may read what the role view shows', async () => {
    const mine = names(
      ({ verb, resource }) => OWN_REVIEWS.has(resource) || (isRead(verb) && VIEWED.has(resource)),
    );
    expect(await allowedFor('reader')).toEqual(mine);
  });

  test('a node may do what kubelets do, and see nothing of others', async () => {
    const mine = names(
      ({ verb, resource }) => OWN_REVIEWS.has(resource) || NODE_MAY.has(`${verb} ${resource}`),
    );
    expect(await allowedFor('system:node:a')).toEqual(mine);
  });
});
