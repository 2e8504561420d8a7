// What kubectl's own commands about rights say and do, with an old and a new one.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Kubectl, unpackKubectl } from './kubectl.ts';
import { type SecuredServer, startSecuredServer } from './server.ts';

describe.each([28, 35])('kubectl 1.%i', (minor) => {
  let secured: SecuredServer;
  let kubectl: Kubectl;
  beforeAll(async () => {
    [secured, kubectl] = await Promise.all([startSecuredServer(), unpackKubectl(minor)]);
  });
  afterAll(async () => {
    await secured[Symbol.asyncDispose]();
    await kubectl[Symbol.asyncDispose]();
  });

  const as = async (user: string, command: string, input?: string) =>
    kubectl.run(await secured.kubeconfigOf(user), command.split(' '), input);

  test('auth can-i says yes with 0 and no with 1', async () => {
    expect(await as('admin', 'auth can-i create deployments.apps')).toMatchObject({
      code: 0,
      stdout: 'yes\n',
    });
    expect(await as('jane', 'auth can-i create deployments.apps')).toMatchObject({
      code: 1,
      stdout: 'no\n',
    });
    expect(await as('jane', 'auth can-i get /api')).toMatchObject({ code: 0, stdout: 'yes\n' });
    expect(await as('jane', 'auth can-i get /metrics')).toMatchObject({ code: 1, stdout: 'no\n' });
    const quiet = await as('jane', 'auth can-i get pods --subresource=log -q');
    expect(quiet).toMatchObject({ code: 1, stdout: '' });
    const scheduler = await as(
      'system:kube-scheduler',
      'auth can-i create pods --subresource=binding',
    );
    expect(scheduler).toMatchObject({ code: 0, stdout: 'yes\n' });
  });

  test('auth whoami says who asks, and --as asks for somebody else', async () => {
    const { code, stdout } = await as('system:kube-scheduler', 'auth whoami');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Username +system:kube-scheduler\n/);
    expect(stdout).toMatch(/Groups +\[system:authenticated\]\n/);
    expect((await as('admin', 'auth can-i list secrets --as=jane')).stdout).toBe('no\n');
    expect((await as('admin', 'auth can-i list nodes --as=system:kube-scheduler')).stdout).toBe(
      'yes\n',
    );
    const refused = await as('jane', 'get nodes --as=system:kube-scheduler');
    expect(refused.stderr).toContain(
      'users "system:kube-scheduler" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster scope',
    );
  });

  test('auth can-i --list shows the rules', async () => {
    const { code, stdout } = await as('system:kube-scheduler', 'auth can-i --list');
    expect(code).toBe(0);
    const line = (resource: string) =>
      stdout
        .split('\n')
        .find((text) => text.startsWith(`${resource} `))
        ?.replace(/ +/g, ' ')
        .trim();
    expect(stdout).toMatch(/^Resources +Non-Resource URLs +Resource Names +Verbs/);
    expect(line('pods/binding')).toBe('pods/binding [] [] [create]');
    expect(line('leases.coordination.k8s.io')).toMatch(
      /^leases\.coordination\.k8s\.io \[\] \[(kube-scheduler)?\] \[/,
    );
    expect(stdout).toContain('[/healthz]');
  });

  test('create role, rolebinding, clusterrole and clusterrolebinding', async () => {
    const create = async (command: string) => {
      const { code, stdout, stderr } = await as('admin', `create ${command}`);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      return stdout.trim();
    };
    expect(await create('role pod-reader --verb=get,list --resource=pods,pods/log')).toBe(
      'role.rbac.authorization.k8s.io/pod-reader created',
    );
    expect(await create('rolebinding jane-reads --role=pod-reader --user=jane')).toBe(
      'rolebinding.rbac.authorization.k8s.io/jane-reads created',
    );
    expect(await create('clusterrole metrics --verb=get --non-resource-url=/metrics')).toBe(
      'clusterrole.rbac.authorization.k8s.io/metrics created',
    );
    expect(await create('clusterrole sum --aggregation-rule=rbac.example.com/part=true')).toBe(
      'clusterrole.rbac.authorization.k8s.io/sum created',
    );
    expect(await create('clusterrolebinding jane-metrics --clusterrole=metrics --user=jane')).toBe(
      'clusterrolebinding.rbac.authorization.k8s.io/jane-metrics created',
    );
    await vi.waitFor(
      async () => {
        const answers = [
          await as('jane', 'auth can-i list pods'),
          await as('jane', 'auth can-i get pods --subresource=log'),
          await as('jane', 'auth can-i get /metrics'),
        ];
        expect(answers.map(({ stdout }) => stdout)).toEqual(['yes\n', 'yes\n', 'yes\n']);
      },
      { timeout: 60_000 },
    );
    expect((await as('jane', 'auth can-i list pods -n kube-system')).stdout).toBe('no\n');
    expect((await as('jane', 'get pods')).stderr).toBe(
      'No resources found in default namespace.\n',
    );
    const refused = await as('jane', 'get pods -n kube-system');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toBe(
      'Error from server (Forbidden): pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "kube-system"\n',
    );
  });

  test('get and describe roles', async () => {
    const roles = await as('admin', 'get clusterroles view');
    expect(roles.stdout).toMatch(/^NAME +CREATED AT\nview +\d{4}-\d\d-\d\dT/);
    const bindings = await as('admin', 'get clusterrolebindings system:kube-dns -o wide');
    expect(bindings.stdout.replace(/ +/g, ' ')).toMatch(
      /^NAME ROLE AGE USERS GROUPS SERVICEACCOUNTS\nsystem:kube-dns ClusterRole\/system:kube-dns \S+ kube-system\/kube-dns/,
    );
    const described = await as('admin', 'describe clusterrole system:kube-dns');
    expect(described.stdout).toContain('rbac-defaults');
    expect(described.stdout.replace(/ +/g, ' ')).toContain('endpoints [] [] [list watch]');
    const subject = await as('admin', 'describe clusterrolebinding system:public-info-viewer');
    expect(subject.stdout).toContain('system:unauthenticated');
  });

  test('auth reconcile adds what is missing', async () => {
    const manifest = (verbs: string) => `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reconciled}
rules:
- apiGroups: [""]
  resources: [nodes]
  verbs: [${verbs}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reconciled}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reconciled}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: reader}]
`;
    const first = await as('admin', 'auth reconcile -f -', manifest('get'));
    expect(first.stderr).toContain('reconciliation required create');
    expect(first.stdout).toContain('clusterrole.rbac.authorization.k8s.io/reconciled reconciled');
    const second = await as('admin', 'auth reconcile -f -', manifest('list'));
    expect(second.stderr).toContain('missing rules added');
    expect(second.stderr).toContain('{Verbs:[list] APIGroups:[] Resources:[nodes]');
    await vi.waitFor(
      async () => {
        const verbs = ['get', 'list'].map((verb) => as('reader', `auth can-i ${verb} nodes`));
        const answers = await Promise.all(verbs);
        expect(answers.map(({ stdout }) => stdout)).toEqual(['yes\n', 'yes\n']);
      },
      { timeout: 60_000 },
    );
  });

  test('what may not be granted is listed', async () => {
    await as('admin', 'create rolebinding reader-admin --clusterrole=admin --user=reader');
    await vi.waitFor(
      async () => expect((await as('reader', 'auth can-i create roles')).stdout).toBe('yes\n'),
      { timeout: 60_000 },
    );
    const { code, stderr } = await as(
      'reader',
      'create role too-much --verb=get --resource=pods,persistentvolumes',
    );
    expect(code).toBe(1);
    expect(stderr).toContain(
      'is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["persistentvolumes"], Verbs:["get"]}',
    );
  });
});
