// Which requests the audit policy picks, how much of them, and what a bad policy is told.
import { expect, test } from 'vitest';
import {
  type AuditAttributes,
  decide,
  type PolicyRule,
  readAuditPolicy,
} from '#src/audit/policy.ts';

const POD: AuditAttributes = {
  user: { name: 'ada', groups: ['dev', 'system:authenticated'] },
  verb: 'create',
  isResourceRequest: true,
  namespace: 'default',
  apiGroup: '',
  resource: 'pods',
  subresource: '',
  name: 'web',
  path: '/api/v1/namespaces/default/pods/web',
};
const EXEC: AuditAttributes = { ...POD, subresource: 'exec' };
const NODE: AuditAttributes = { ...POD, resource: 'nodes', namespace: '', name: 'n1' };
const SCALE: AuditAttributes = {
  ...POD,
  apiGroup: 'apps',
  resource: 'deployments',
  subresource: 'scale',
};
const HEALTH: AuditAttributes = {
  ...POD,
  verb: 'get',
  isResourceRequest: false,
  namespace: '',
  resource: '',
  name: '',
  path: '/healthz/ping',
};
const ALL = { POD, EXEC, NODE, SCALE, HEALTH };

test.each<[string, Omit<PolicyRule, 'level'>, readonly (keyof typeof ALL)[]]>([
  ['no condition', {}, ['POD', 'EXEC', 'NODE', 'SCALE', 'HEALTH']],
  ['another user', { users: ['bob'] }, []],
  ['the user', { users: ['bob', 'ada'] }, ['POD', 'EXEC', 'NODE', 'SCALE', 'HEALTH']],
  ['one of his groups', { userGroups: ['dev'] }, ['POD', 'EXEC', 'NODE', 'SCALE', 'HEALTH']],
  ['no group of his', { userGroups: ['ops'] }, []],
  ['a verb', { verbs: ['get'] }, ['HEALTH']],
  ['a namespace', { namespaces: ['default'] }, ['POD', 'EXEC', 'SCALE']],
  ['objects without a namespace', { namespaces: [''] }, ['NODE']],
  ['a group', { resources: [{ group: 'apps' }] }, ['SCALE']],
  ['the core group', { resources: [{}] }, ['POD', 'EXEC', 'NODE']],
  ['a resource, not its subresources', { resources: [{ resources: ['pods'] }] }, ['POD']],
  ['a subresource', { resources: [{ resources: ['pods/exec'] }] }, ['EXEC']],
  ['all subresources of one', { resources: [{ resources: ['pods/*'] }] }, ['EXEC']],
  ['one subresource of all', { resources: [{ group: 'apps', resources: ['*/scale'] }] }, ['SCALE']],
  ['everything of a group', { resources: [{ resources: ['*'] }] }, ['POD', 'EXEC', 'NODE']],
  ['a name', { resources: [{ resources: ['nodes'], resourceNames: ['n1'] }] }, ['NODE']],
  ['another name', { resources: [{ resources: ['nodes'], resourceNames: ['n2'] }] }, []],
  ['a path', { nonResourceURLs: ['/healthz'] }, []],
  ['all below a path', { nonResourceURLs: ['/healthz*'] }, ['HEALTH']],
  ['all paths', { nonResourceURLs: ['*'] }, ['HEALTH']],
])('a rule with %s', (_name, rule, expected) => {
  const policy = { rules: [{ level: 'Metadata', ...rule } as PolicyRule] };
  const found = Object.entries(ALL)
    .filter(([, attributes]) => decide(policy, attributes).level === 'Metadata')
    .map(([name]) => name);
  expect(found).toEqual(expected);
});

test('the first rule that matches decides; stages to omit add up; nothing matches = None', () => {
  const policy = readAuditPolicy(
    `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: None
  verbs: [get]
- level: RequestResponse
  resources: [{ group: apps }]
  omitStages: [ResponseStarted]
  omitManagedFields: false
- level: Metadata
  resources: [{ group: '', resources: [pods] }]`,
    'p.yaml',
  );
  const none = { level: 'None', omitStages: ['RequestReceived'], omitManagedFields: true };
  expect(decide(policy, HEALTH)).toEqual(none);
  expect(decide(policy, SCALE)).toEqual({
    level: 'RequestResponse',
    omitStages: ['RequestReceived', 'ResponseStarted'],
    omitManagedFields: false,
  });
  expect(decide(policy, POD)).toEqual({ ...none, level: 'Metadata' });
  expect(decide(policy, NODE)).toEqual({ level: 'None', omitStages: [], omitManagedFields: false });
});

const policyOf = (rules: string) => `apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n${rules}`;
test.each([
  ['', 'it must have apiVersion audit.k8s.io/v1 and kind Policy, it has neither of them'],
  ['a: [', ''],
  [
    'apiVersion: audit.k8s.io/v1\nkind: Policy',
    'rules: Required value: a policy without rules writes nothing down',
  ],
  [
    policyOf('- level: All'),
    'rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse"',
  ],
  [
    policyOf('- level: None\n  nonResourceURLs: ["/x"]\n  namespaces: [a]'),
    'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
  ],
  [
    policyOf('- level: None\n  nonResourceURLs: ["x", "/a*b"]'),
    `rules[0].nonResourceURLs[0]: Invalid value: "x": non-resource URL rules must begin with a '/' character; rules[0].nonResourceURLs[1]: Invalid value: "/a*b": non-resource URL wildcards '*' must be the final character of the rule`,
  ],
  [
    policyOf('- level: None\n  resources: [{ group: apps/v1, resourceNames: [a] }]'),
    'rules[0].resources[0].group: Invalid value: "apps/v1": must be a group without its version; rules[0].resources[0].resourceNames: Invalid value: ["a"]: using resourceNames requires at least one resource',
  ],
  [
    policyOf('- level: None\n  omitStages: [Start]'),
    'rules[0].omitStages[0]: Invalid value: "Start": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic',
  ],
])('a bad policy is refused with its reason (%#)', (text, reason) => {
  expect(() => readAuditPolicy(text, 'p.yaml')).toThrow(
    `cannot read the audit policy p.yaml: ${reason}`,
  );
});
