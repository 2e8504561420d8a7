// Quotas, limits and pod security as stock kubectls of several versions show them.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ContractServer, startContractServer } from '../support/contract-server.ts';
import type { Layer, Ran } from '../support/tools.ts';

describe.each<Layer>(['28', '35'])('kubectl 1.%s', (layer) => {
  let server: ContractServer;
  const kubectl = (...args: string[]): Promise<Ran> => server.run('kubectl', layer, args);
  const apply = (manifest: object): Promise<Ran> =>
    server.run('kubectl', layer, ['apply', '-f', '-'], { input: JSON.stringify(manifest) });

  beforeAll(async () => {
    server = await startContractServer('our store');
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('create quota, and what it refuses', async () => {
    await kubectl('create', 'namespace', 'team');
    const made = await kubectl(
      '-n',
      'team',
      'create',
      'quota',
      'compute',
      '--hard=pods=2,count/configmaps=1',
    );
    expect(made.stdout, made.stderr).toBe('resourcequota/compute created\n');
    for (const name of ['a', 'b']) await kubectl('-n', 'team', 'run', name, '--image=i');
    const refused = await kubectl('-n', 'team', 'run', 'c', '--image=i');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toBe(
      'Error from server (Forbidden): pods "c" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=2, limited: pods=2\n',
    );
    const described = await kubectl('-n', 'team', 'describe', 'quota', 'compute');
    expect(described.stdout.replace(/ +/g, ' ')).toBe(
      'Name: compute\nNamespace: team\nResource Used Hard\n-------- ---- ----\ncount/configmaps 0 1\npods 2 2\n',
    );
    const ofNamespace = await kubectl('describe', 'namespace', 'team');
    expect(ofNamespace.stdout.replace(/ +/g, ' ')).toContain('Resource Quotas\n Name: compute\n');
  });

  test('limits are filled in, shown and enforced', async () => {
    await kubectl('create', 'namespace', 'limited');
    const limits = [{ type: 'Container', default: { cpu: '500m' }, max: { cpu: '1' } }];
    const metadata = { name: 'limits', namespace: 'limited' };
    await apply({ apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits } });
    const described = await kubectl('-n', 'limited', 'describe', 'limits', 'limits');
    expect(described.stdout.replace(/ +/g, ' ')).toContain('Container cpu - 1 500m 500m -');
    const container = { name: 'c', image: 'i', resources: { limits: { cpu: '2' } } };
    const refused = await apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'limited' },
      spec: { containers: [container] },
    });
    expect(refused.stderr).toContain(
      'pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
    );
  });

  test('pod security: what is refused, warned of, and told when a namespace becomes stricter', async () => {
    await kubectl('create', 'namespace', 'secure');
    await kubectl('-n', 'secure', 'run', 'plain', '--image=i');
    const { cache } = server.api.table.registry('', 'pods').storage;
    await vi.waitFor(() => expect(cache.get('/registry/pods/secure/plain')).toBeDefined());
    const labelled = await kubectl(
      'label',
      'ns',
      'secure',
      'pod-security.kubernetes.io/enforce=restricted',
    );
    expect(labelled.stdout).toBe('namespace/secure labeled\n');
    expect(labelled.stderr).toBe(
      'Warning: existing pods in namespace "secure" violate the new PodSecurity enforce level "restricted:latest"\n' +
        'Warning: plain: allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile\n',
    );
    const refused = await kubectl('-n', 'secure', 'run', 'p', '--image=i');
    expect(refused.stderr).toBe(
      'Error from server (Forbidden): pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "p" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "p" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "p" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "p" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")\n',
    );
    await kubectl('label', 'ns', 'secure', 'pod-security.kubernetes.io/warn=baseline');
    const spec = { containers: [{ name: 'c', image: 'i', securityContext: { privileged: true } }] };
    const labels = { app: 'x' };
    const deployed = await apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'x', namespace: 'secure' },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    });
    expect(deployed.stdout).toBe('deployment.apps/x created\n');
    expect(deployed.stderr).toBe(
      'Warning: would violate PodSecurity "baseline:latest": privileged (container "c" must not set securityContext.privileged=true)\n',
    );
    const wrong = await kubectl('label', 'ns', 'secure', 'pod-security.kubernetes.io/audit=none');
    expect(wrong.stderr).toContain('must be one of privileged, baseline, restricted');
  });

  test('a priority class', async () => {
    const made = await kubectl('create', 'priorityclass', 'high', '--value=1000');
    expect(made.stdout, made.stderr).toBe('priorityclass.scheduling.k8s.io/high created\n');
    const overrides = JSON.stringify({ spec: { priorityClassName: 'high' } });
    await kubectl('run', 'important', '--image=i', `--overrides=${overrides}`);
    const { stdout } = await kubectl('describe', 'pod', 'important');
    expect(stdout).toMatch(/Priority: +1000\nPriority Class Name: +high\n/);
  });
});
