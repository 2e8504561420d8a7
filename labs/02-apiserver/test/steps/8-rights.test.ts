// Step 8, who may do what: one rule, one request, yes or no. At the end kubectl asks the learner's server, with RBAC switched on.
import { lesson } from '@kube-labs/docs/lesson';
import type { PolicyRule } from 'kubernetes-types/rbac/v1';
import { expect } from 'vitest';
import type { Attributes } from '#src/authz/authorizer.ts';
import { pathMatches, ruleAllows, rulesAllow } from '#src/authz/rule-matcher.ts';
import { path, resource } from '../authz/asked.ts';
import { expectLines } from './support/lines.ts';
import { startOwnServer } from './support/own-server.ts';
import { randomOf } from './support/random.ts';

const SEED = Number(process.env.SEED ?? 1);

/** Lines of `request: yes` or `request: no`, for one rule. */
function answers(
  rule: PolicyRule,
  requests: readonly string[],
  attributesOf: (request: string) => Attributes = resource,
): string[] {
  return requests.map(
    (asked) => `${asked}: ${ruleAllows(rule, attributesOf(asked)) ? 'yes' : 'no'}`,
  );
}

const READ_PODS = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] };

lesson(
  'A path is matched as a whole; only a star at its end stands for everything that begins so',
  {
    invariant: 5,
    byHand: "kubectl create clusterrole health --verb=get --non-resource-url='/healthz/*'",
    symbols: ['src/authz/rule-matcher.ts#pathMatches'],
  },
  ({ event }) => {
    const cases: [pattern: string, paths: string[]][] = [
      ['/healthz', ['/healthz', '/healthz/ping', '/healthz/', '/health']],
      ['/healthz/*', ['/healthz/ping', '/healthz/ping/more', '/healthz/', '/healthz']],
      ['/logs*', ['/logs', '/logs/kubelet', '/logsearch', '/log']],
      ['/a*b', ['/a*b', '/axb']],
      ['/a**', ['/a', '/ab']],
      ['*', ['/', '/anything/at/all']],
      ['', ['/', '']],
    ];
    const got = cases.flatMap(([pattern, paths]) => {
      event(`pathMatches of ${pattern || '(empty)'}`);
      return paths.map((asked) => `${pattern} ${asked}: ${pathMatches(pattern, asked)}`);
    });
    expectLines(got, [
      ...['/healthz /healthz: true', '/healthz /healthz/ping: false'],
      ...['/healthz /healthz/: false', '/healthz /health: false'],
      ...['/healthz/* /healthz/ping: true', '/healthz/* /healthz/ping/more: true'],
      ...['/healthz/* /healthz/: true', '/healthz/* /healthz: false'],
      ...['/logs* /logs: true', '/logs* /logs/kubelet: true'],
      ...['/logs* /logsearch: true', '/logs* /log: false'],
      ...['/a*b /a*b: true', '/a*b /axb: false', '/a** /a: true', '/a** /ab: true'],
      ...['* /: true', '* /anything/at/all: true', ' /: false', ' : true'],
    ]);
  },
);

lesson(
  'A verb is allowed if the rule names it, or a star; no verb includes another',
  {
    invariant: 2,
    byHand: 'kubectl auth can-i watch pods -n shop --as jane',
    symbols: ['src/authz/rule-matcher.ts#ruleAllows', 'src/authz/rule-matcher.ts#hasOrAll'],
  },
  ({ event }) => {
    const asked = ['get /version', 'post /version', 'get /versions'];
    const of = (verbs: string[]) => {
      event(`a rule for /version with the verbs [${verbs.join(', ')}]`);
      return answers({ verbs, nonResourceURLs: ['/api', '/version'] }, asked, path);
    };
    expectLines(of(['get']), ['get /version: yes', 'post /version: no', 'get /versions: no']);
    expectLines(of(['head', '*']), [
      'get /version: yes',
      'post /version: yes',
      'get /versions: no',
    ]);
    expectLines(of([]), ['get /version: no', 'post /version: no', 'get /versions: no']);
  },
);

lesson(
  'Verb, group and resource must all fit, and each of them may be a star',
  {
    invariant: 1,
    byHand: 'kubectl auth can-i list deployments.apps -n shop --as jane',
    symbols: [
      'src/authz/rule-matcher.ts#resourceAllowed',
      'src/authz/rule-matcher.ts#resourceMatches',
      'src/authz/rule-matcher.ts#nameMatches',
      'src/authz/rule-matcher.ts#ruleAllows',
    ],
  },
  ({ event }) => {
    const asked = ['get pods a', 'list pods', 'watch pods', 'get secrets a', 'get apps/pods a'];
    const of = (more: Partial<PolicyRule>) => {
      event(`a rule for get and list of pods, with ${JSON.stringify(more)}`);
      return answers({ ...READ_PODS, ...more }, asked).filter((line) => line.endsWith('yes'));
    };
    expectLines(of({}), ['get pods a: yes', 'list pods: yes']);
    expectLines(of({ verbs: ['*'] }), ['get pods a: yes', 'list pods: yes', 'watch pods: yes']);
    expectLines(of({ resources: ['*'] }), [
      'get pods a: yes',
      'list pods: yes',
      'get secrets a: yes',
    ]);
    expectLines(of({ apiGroups: ['', 'apps'], verbs: ['get'] }), [
      'get pods a: yes',
      'get apps/pods a: yes',
    ]);
    expectLines(of({ apiGroups: ['*'], verbs: ['get'] }), [
      'get pods a: yes',
      'get apps/pods a: yes',
    ]);
    expectLines(of({ apiGroups: ['apps'] }), ['get apps/pods a: yes']);
  },
);

lesson(
  'A subresource is a resource of its own: who may read pods may neither read their logs nor open a shell in them',
  {
    invariant: 3,
    byHand: 'kubectl auth can-i create pods --subresource=exec -n shop --as jane',
    symbols: ['src/authz/rule-matcher.ts#resourceMatches'],
  },
  ({ event }) => {
    const asked = ['get pods a', 'get pods/log a', 'get pods/exec a', 'get nodes/log a'];
    const of = (...resources: string[]) => {
      event(`a rule for ${resources.join(', ')}`);
      return answers({ ...READ_PODS, resources }, asked).filter((line) => line.endsWith('yes'));
    };
    expectLines(of('pods'), ['get pods a: yes']);
    expectLines(of('pods/log'), ['get pods/log a: yes']);
    expectLines(of('pods', 'pods/log'), ['get pods a: yes', 'get pods/log a: yes']);
    expectLines(of('*/log'), ['get pods/log a: yes', 'get nodes/log a: yes']);
    expectLines(of('pods/*'), []);
    expectLines(
      of('*'),
      asked.map((each) => `${each}: yes`),
    );
  },
);

lesson(
  'A rule with names fits a request that says one of them, and never one without a name',
  {
    invariant: 4,
    byHand: 'kubectl auth can-i list secrets -n shop --as jane   # no, but get secret/db: yes',
    symbols: ['src/authz/rule-matcher.ts#nameMatches'],
  },
  ({ event }) => {
    const asked = [
      'get secrets db',
      'get secrets web',
      'list secrets',
      'list secrets db',
      'create secrets',
    ];
    const of = (resourceNames?: string[]) => {
      event(`a rule for secrets with the names ${JSON.stringify(resourceNames) ?? '(absent)'}`);
      const rule = { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'create'] };
      const named = resourceNames === undefined ? rule : { ...rule, resourceNames };
      return answers(named, asked).filter((line) => line.endsWith('yes'));
    };
    event('"list secrets db" is a list whose field selector asks for the name db');
    expectLines(of(['db', 'cache']), ['get secrets db: yes', 'list secrets db: yes']);
    expectLines(of(['*']), []);
    const everything = asked.map((each) => `${each}: yes`);
    expectLines(of(), everything);
    expectLines(of([]), everything);
  },
);

lesson(
  'What a rule does not say, it does not allow: a list that is missing, a path for a resource, a resource for a path',
  {
    invariant: 1,
    byHand: 'kubectl auth can-i get /metrics --as jane',
    symbols: [
      'src/authz/rule-matcher.ts#ruleAllows',
      'src/authz/rule-matcher.ts#hasOrAll',
      'src/authz/rule-matcher.ts#resourceMatches',
    ],
  },
  ({ event }) => {
    const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], nonResourceURLs: ['*'] };
    const { apiGroups: _groups, ...withoutGroups } = all;
    const { resources: _resources, ...withoutResources } = all;
    const { nonResourceURLs: _urls, ...withoutPaths } = all;
    const rules: Record<string, PolicyRule> = {
      everything: all,
      'without apiGroups': withoutGroups,
      'without resources': withoutResources,
      'without nonResourceURLs': withoutPaths,
      'without verbs': { ...all, verbs: [] },
      'with only two patterns of paths': { ...all, nonResourceURLs: ['/api', '/met*'] },
    };
    const got = Object.entries(rules).map(([name, rule]) => {
      event(`a rule of stars, ${name}`);
      const [onResource, onPath] = [resource('get pods a'), path('get /metrics')];
      return `${name}: ${ruleAllows(rule, onResource)}, ${ruleAllows(rule, onPath)}`;
    });
    expectLines(got, [
      'everything: true, true',
      'without apiGroups: false, true',
      'without resources: false, true',
      'without nonResourceURLs: true, false',
      'without verbs: false, false',
      'with only two patterns of paths: true, true',
    ]);
  },
);

lesson(
  'Rules only add: of random rules exactly those requests are allowed that one of them lists',
  {
    invariant: 1,
    byHand: 'kubectl auth can-i --list -n shop --as jane',
    symbols: ['src/authz/rule-matcher.ts#ruleAllows', 'src/authz/rule-matcher.ts#resourceMatches'],
  },
  ({ event, figure }) => {
    const random = randomOf(SEED);
    const some = (values: readonly string[]) => values.filter(() => random(3) === 0);
    let allowed = 0;
    let asked = 0;
    for (let round = 0; round < 60; round += 1) {
      const rules = Array.from({ length: random(4) }, () => ({
        verbs: some([...VERBS, '*']),
        apiGroups: some([...GROUPS, '*']),
        resources: some([...RESOURCES, '*', '*/log', 'pods/*']),
        ...(random(2) === 0 ? {} : { resourceNames: some(NAMES.filter((name) => name !== '')) }),
      }));
      event(`round ${round}, seed ${SEED}: ${JSON.stringify(rules)}`);
      const listed = new Set(rules.flatMap(requestsOf));
      for (const request of EVERYTHING) {
        asked += 1;
        const isAllowed = rulesAllow(rules, resource(request));
        if (isAllowed) allowed += 1;
        expect(`${request}: ${isAllowed}`).toBe(`${request}: ${listed.has(request)}`);
      }
    }
    figure('requests', asked);
    figure('allowed', allowed);
  },
);

const VERBS = ['get', 'list'];
const GROUPS = ['', 'apps'];
const RESOURCES = ['pods', 'pods/log', 'pods/exec', 'nodes', 'nodes/log'];
const NAMES = ['', 'a', 'b'];

/** `get pods/log a`, `list apps/nodes`. */
const request = (verb: string, group: string, of: string, name: string): string =>
  `${verb} ${group === '' ? of : `${group}/${of}`}${name === '' ? '' : ` ${name}`}`;

const EVERYTHING = VERBS.flatMap((verb) =>
  GROUPS.flatMap((group) =>
    RESOURCES.flatMap((of) => NAMES.map((name) => request(verb, group, of, name))),
  ),
);

/** The requests of this small world that a rule lists, each written out. */
function requestsOf({
  verbs,
  apiGroups,
  resources,
  resourceNames = [],
}: {
  verbs: string[];
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
}): string[] {
  const all = (values: string[], world: readonly string[]) =>
    values.includes('*') ? world : values;
  const names = resourceNames.length === 0 ? NAMES : resourceNames;
  const written = all(resources, RESOURCES).flatMap((each) =>
    each === '*/log' ? ['pods/log', 'nodes/log'] : [each],
  );
  return all(verbs, VERBS).flatMap((verb) =>
    all(apiGroups, GROUPS).flatMap((group) =>
      written.flatMap((of) => names.map((name) => request(verb, group, of, name))),
    ),
  );
}

lesson(
  'Your own server with RBAC: jane may read pods in shop, and one secret, and hears a clear no to everything else',
  {
    invariant: 1,
    byHand: 'kubectl auth can-i --list -n shop --as jane',
    symbols: ['src/authz/rule-matcher.ts#ruleAllows'],
    timeoutMs: 60_000,
  },
  async ({ event, signal }) => {
    await using server = await startOwnServer(event, signal, ['--authorization-mode=RBAC']);
    const { kubectl } = server;
    await kubectl('apply -f -', JSON.stringify(POLICY));
    const got: string[] = [];
    for (const question of [
      'list pods -n shop',
      'create pods --subresource=exec -n shop',
      'get secret/db -n shop',
      'list secrets -n shop',
      'get /metrics',
    ]) {
      const { stdout, stderr } = await server.run(`auth can-i ${question} --as jane`);
      got.push(`${question}: ${stdout.trim() || stderr.trim()}`);
    }
    expectLines(got, [
      'list pods -n shop: yes',
      'create pods --subresource=exec -n shop: no',
      'get secret/db -n shop: yes',
      'list secrets -n shop: no',
      'get /metrics: no',
    ]);
    const list = 'get secrets -n shop -o name --as jane';
    expect(await kubectl(`${list} --field-selector metadata.name=db`)).toBe('secret/db');
    expect((await server.run(list)).stderr.trim()).toBe(
      'Error from server (Forbidden): secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the namespace "shop"',
    );
  },
);

const RBAC = 'rbac.authorization.k8s.io';
const META = { apiVersion: `${RBAC}/v1` };
const subjects = [{ kind: 'User', name: 'jane', apiGroup: RBAC }];

const POLICY = {
  kind: 'List',
  apiVersion: 'v1',
  items: [
    { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'shop' } },
    { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'db', namespace: 'shop' } },
    {
      ...META,
      kind: 'Role',
      metadata: { name: 'jane', namespace: 'shop' },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['secrets'], resourceNames: ['db'], verbs: ['get', 'list'] },
      ],
    },
    {
      ...META,
      kind: 'RoleBinding',
      metadata: { name: 'jane', namespace: 'shop' },
      subjects,
      roleRef: { apiGroup: RBAC, kind: 'Role', name: 'jane' },
    },
    {
      ...META,
      kind: 'ClusterRole',
      metadata: { name: 'health' },
      rules: [{ nonResourceURLs: ['/healthz/*'], verbs: ['get'] }],
    },
    {
      ...META,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'health' },
      subjects,
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'health' },
    },
  ],
};
