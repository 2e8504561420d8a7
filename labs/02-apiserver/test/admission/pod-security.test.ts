// Pod security: every check in upstream's words, versions of the rules, and what is refused, noted down or told over the wire.
import type { PodSpec } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { checkedPod } from '#src/admission/pod-security/check.ts';
import { formatViolations, violationsOf } from '#src/admission/pod-security/evaluate.ts';
import { namespaceWarnings } from '#src/admission/pod-security/plugin.ts';
import { type Level, policyOf } from '#src/admission/pod-security/policy.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { namespace, ownNamespace, pod, type Scene, sceneOf } from './scene.ts';

const LATEST = Number.POSITIVE_INFINITY;
const GOOD = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

function said(
  level: Level,
  spec: object,
  {
    minor = LATEST,
    annotations = {},
  }: { minor?: number; annotations?: Record<string, string> } = {},
): string {
  const checked = checkedPod({ annotations }, spec as PodSpec);
  return formatViolations(violationsOf({ level, minor }, checked));
}

function containers(...contexts: object[]): object {
  const names = ['a', 'b', 'c'];
  return {
    containers: contexts.map((securityContext, index) => ({ name: names[index], securityContext })),
  };
}

describe('baseline', () => {
  test.each<{ name: string; spec: object; want: string; annotations?: Record<string, string> }>([
    { name: 'an ordinary pod', spec: containers({}), want: '' },
    {
      name: 'privileged',
      spec: containers({ privileged: true }),
      want: 'privileged (container "a" must not set securityContext.privileged=true)',
    },
    {
      name: 'privileged twice',
      spec: containers({ privileged: true }, {}, { privileged: true }),
      want: 'privileged (containers "a", "c" must not set securityContext.privileged=true)',
    },
    {
      name: 'host namespaces',
      spec: { ...containers({}), hostNetwork: true, hostIPC: true, hostPID: true },
      want: 'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
    },
    {
      name: 'host ports',
      spec: {
        containers: [
          { name: 'a', ports: [{ containerPort: 1, hostPort: 8080 }] },
          { name: 'b', ports: [{ containerPort: 1, hostPort: 8081 }] },
        ],
      },
      want: 'hostPort (containers "a", "b" use hostPorts 8080, 8081)',
    },
    {
      name: 'one host port',
      spec: { containers: [{ name: 'a', ports: [{ containerPort: 1, hostPort: 80 }] }] },
      want: 'hostPort (container "a" uses hostPort 80)',
    },
    {
      name: 'capabilities',
      spec: containers({ capabilities: { add: ['NET_ADMIN', 'CHOWN', 'BPF'] } }),
      want: 'non-default capabilities (container "a" must not include "BPF", "NET_ADMIN" in securityContext.capabilities.add)',
    },
    {
      name: 'host paths',
      spec: {
        ...containers({}),
        volumes: [
          { name: 'v', hostPath: { path: '/' } },
          { name: 'w', hostPath: { path: '/' } },
        ],
      },
      want: 'hostPath volumes (volumes "v", "w")',
    },
    {
      name: 'procMount',
      spec: containers({ procMount: 'Unmasked' }),
      want: 'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    },
    {
      name: 'SELinux',
      spec: {
        ...containers({ seLinuxOptions: { type: 'bad', user: 'u' } }),
        securityContext: { seLinuxOptions: { role: 'r' } },
      },
      want: 'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: type "bad"; user may not be set; role may not be set)',
    },
    {
      name: 'seccomp',
      spec: {
        ...containers({ seccompProfile: { type: 'Unconfined' } }),
        securityContext: { seccompProfile: { type: 'Unconfined' } },
      },
      want: 'seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    },
    {
      name: 'sysctls',
      spec: {
        ...containers({}),
        securityContext: {
          sysctls: [
            { name: 'a', value: '' },
            { name: 'b', value: '' },
            { name: 'net.ipv4.tcp_syncookies', value: '1' },
          ],
        },
      },
      want: 'forbidden sysctls (a, b)',
    },
    {
      name: 'Windows host processes',
      spec: {
        ...containers({ windowsOptions: { hostProcess: true } }),
        securityContext: { windowsOptions: { hostProcess: true } },
      },
      want: 'hostProcess (pod and container "a" must not set securityContext.windowsOptions.hostProcess=true)',
    },
    {
      name: 'AppArmor',
      spec: containers({ appArmorProfile: { type: 'Unconfined' } }),
      annotations: { 'container.apparmor.security.beta.kubernetes.io/a': 'unconfined' },
      want: 'forbidden AppArmor profiles (container "a" and annotation must not set AppArmor profile type to "Unconfined", "container.apparmor.security.beta.kubernetes.io/a="unconfined"")',
    },
    {
      name: 'an init and an ephemeral container',
      spec: {
        containers: [{ name: 'a' }],
        initContainers: [{ name: 'i', securityContext: { privileged: true } }],
        ephemeralContainers: [{ name: 'e', securityContext: { privileged: true } }],
      },
      want: 'privileged (containers "i", "e" must not set securityContext.privileged=true)',
    },
  ])('$name', ({ spec, want, annotations = {} }) => {
    expect(said('baseline', spec, { annotations })).toBe(want);
    expect(said('privileged', spec, { annotations })).toBe('');
  });
});

describe('restricted', () => {
  test.each([
    { name: 'a pod that says all that it must', spec: containers(GOOD), want: '' },
    {
      name: 'a pod that says nothing',
      spec: containers({}),
      want: 'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    },
    {
      name: 'capabilities that are added',
      spec: containers({
        ...GOOD,
        capabilities: { drop: ['ALL'], add: ['CHOWN', 'NET_BIND_SERVICE'] },
      }),
      want: 'unrestricted capabilities (container "a" must not include "CHOWN" in securityContext.capabilities.add)',
    },
    {
      name: 'root',
      spec: {
        ...containers({ ...GOOD, runAsNonRoot: false, runAsUser: 0 }),
        securityContext: { runAsUser: 0 },
      },
      want: 'runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false), runAsUser=0 (pod and container "a" must not set runAsUser=0)',
    },
    {
      name: 'volumes, instead of host paths',
      spec: {
        ...containers(GOOD),
        volumes: [
          { name: 'n', nfs: { server: 's', path: '/' } },
          { name: 'h', hostPath: { path: '/' } },
          { name: 'e', emptyDir: {} },
        ],
      },
      want: 'restricted volume types (volumes "h", "n" use restricted volume types "hostPath", "nfs")',
    },
    {
      name: 'what baseline forbids',
      spec: { ...containers(GOOD), hostNetwork: true },
      want: 'host namespaces (hostNetwork=true)',
    },
    {
      name: 'on Windows some things make no sense',
      spec: { ...containers({ runAsNonRoot: true }), os: { name: 'windows' } },
      want: '',
    },
  ])('$name', ({ spec, want }) => {
    expect(said('restricted', spec)).toBe(want);
  });
});

test('a version has the rules of its time', () => {
  const sysctl = (name: string) => ({
    ...containers({}),
    securityContext: { sysctls: [{ name, value: '1' }] },
  });
  expect(said('baseline', sysctl('net.ipv4.tcp_rmem'), { minor: 31 })).toBe(
    'forbidden sysctls (net.ipv4.tcp_rmem)',
  );
  expect(said('baseline', sysctl('net.ipv4.tcp_rmem'), { minor: 32 })).toBe('');
  expect(said('restricted', containers({}), { minor: 7 })).toBe(
    'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
  );
  const adding = containers({
    capabilities: { add: ['BPF'] },
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
    seccompProfile: { type: 'Localhost' },
  });
  expect(said('restricted', adding, { minor: 21 })).toContain('non-default capabilities');
  expect(said('restricted', adding, { minor: 22 })).not.toContain('non-default capabilities');
});

test('policyOf() says what is wrong with labels, and errs on the strict side', () => {
  const { policy, errors } = policyOf({
    'pod-security.kubernetes.io/enforce': 'basline',
    'pod-security.kubernetes.io/warn': 'x',
    'pod-security.kubernetes.io/warn-version': '1.25',
  });
  expect(policy.enforce.level).toBe('restricted');
  expect(policy.warn.level).toBe('privileged');
  expect(errors.map(({ field, detail }) => `${field}: ${detail}`)).toEqual([
    'metadata.labels[pod-security.kubernetes.io/enforce]: must be one of privileged, baseline, restricted',
    'metadata.labels[pod-security.kubernetes.io/warn]: must be one of privileged, baseline, restricted',
    'metadata.labels[pod-security.kubernetes.io/warn-version]: must be "latest" or "v1.x"',
  ]);
});

test('namespaceWarnings() speaks of pods that break the level alike together', () => {
  const bad = (name: string, spec: object) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec,
  });
  const level = { level: 'baseline', minor: 25 } as const;
  const pods = [
    bad('b', { ...containers({}), hostNetwork: true }),
    bad('a', { ...containers({}), hostNetwork: true }),
    bad('c', { ...containers({}), hostNetwork: true }),
    bad('d', containers({ privileged: true })),
    bad('e', containers({})),
  ];
  expect(namespaceWarnings('ns', level, pods)).toEqual([
    'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:v1.25"',
    'a (and 2 other pods): host namespaces',
    'd: privileged',
  ]);
});

describe('on a server', () => {
  let server: TestApiServer;
  let scene: Scene;
  beforeAll(async () => {
    server = await startTestApiServer();
    scene = sceneOf(server);
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const label = (mode: string, level: string) => ({
    [`pod-security.kubernetes.io/${mode}`]: level,
  });
  const privilegedPod = (name: string) => pod(name, { securityContext: { privileged: true } });

  test('enforce refuses pods, warn tells, and a namespace without labels takes all', async () => {
    const at = await ownNamespace(scene, 'enforced', label('enforce', 'baseline'));
    expect((await scene.post(`${at}/pods`, privilegedPod('p'))).json).toMatchObject({
      code: 403,
      message:
        'pods "p" is forbidden: violates PodSecurity "baseline:latest": privileged (container "c" must not set securityContext.privileged=true)',
    });
    expect((await scene.post(`${at}/pods`, pod('fine'))).status).toBe(201);
    const warned = await ownNamespace(scene, 'warned', label('warn', 'baseline'));
    const answer = await scene.post(`${warned}/pods`, privilegedPod('p'));
    expect(answer.status).toBe(201);
    expect(answer.headers.warning).toBe(
      '299 - "would violate PodSecurity \\"baseline:latest\\": privileged (container \\"c\\" must not set securityContext.privileged=true)"',
    );
    const free = await ownNamespace(scene, 'free');
    expect((await scene.post(`${free}/pods`, privilegedPod('p'))).headers.warning).toBeUndefined();
  });

  test('a workload is not refused, but its writer warned', async () => {
    await ownNamespace(scene, 'workloads', {
      ...label('enforce', 'baseline'),
      ...label('warn', 'baseline'),
    });
    const labels = { app: 'x' };
    const spec = { containers: [{ name: 'c', image: 'i', securityContext: { privileged: true } }] };
    const template = { metadata: { labels }, spec };
    const answer = await scene.post('/apis/apps/v1/namespaces/workloads/deployments', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'x' },
      spec: { selector: { matchLabels: labels }, template },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.warning).toContain('would violate PodSecurity');
  });

  test('a namespace that becomes stricter tells which pods break it; wrong labels are refused', async () => {
    const at = await ownNamespace(scene, 'stricter');
    await scene.post(`${at}/pods`, privilegedPod('p'));
    const { cache } = server.table.registry('', 'pods').storage;
    await vi.waitFor(() => expect(cache.get('/registry/pods/stricter/p')).toBeDefined());
    const answer = await scene.patch(at, { metadata: { labels: label('enforce', 'baseline') } });
    expect(answer.status).toBe(200);
    expect(answer.headers.warning).toContain(
      '299 - "existing pods in namespace \\"stricter\\" violate the new PodSecurity enforce level \\"baseline:latest\\""',
    );
    expect(answer.headers.warning).toContain('299 - "p: privileged"');
    const wrong = await scene.post(
      '/api/v1/namespaces',
      namespace('wrong', label('enforce', 'strict')),
    );
    expect(wrong.json).toMatchObject({
      code: 422,
      message:
        'Namespace "wrong" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
    });
  });
});
