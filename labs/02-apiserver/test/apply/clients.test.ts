// Server-side apply as people use it: kubectl of three versions and Helm 4, unmodified, against the server.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { type InstalledTool, installHelm, installKubectl, type Layer } from '../codec/kubectl.ts';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

let server: TestApiServer;
let kubeconfig: string;
let folder: string;

beforeAll(async () => {
  server = await startTestApiServer();
  kubeconfig = await server.kubeconfig();
  folder = await mkdtemp(join(tmpdir(), 'kube-labs-apply-'));
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function run(tool: InstalledTool, args: readonly string[]): Promise<Ran> {
  const home = { HOME: folder, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder };
  const env = { ...process.env, ...home, HELM_DATA_HOME: folder, KUBECONFIG: kubeconfig };
  return new Promise((resolve) => {
    execFile(tool.path, args, { env, cwd: folder }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, out, err });
    });
  });
}

function deployment(name: string, replicas: number, image = 'nginx'): object {
  const labels = { app: name };
  const container = { name: 'nginx', image, ports: [{ containerPort: 80 }] };
  const template = { metadata: { labels }, spec: { containers: [container] } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default', labels },
    spec: { replicas, selector: { matchLabels: labels }, template },
  };
}

async function manifest(name: string, content: object): Promise<string> {
  const path = join(folder, `${name}.json`);
  await writeFile(path, JSON.stringify(content));
  return path;
}

const OWNERS =
  'jsonpath={range .metadata.managedFields[*]}{.manager} {.operation} {.subresource};{end}';

describe.each<Layer>(['28', '33', '35'])('kubectl 1.%s', (layer) => {
  let kubectl: InstalledTool;
  const name = `web-${layer}`;
  const ask = (...args: string[]) => run(kubectl, args);
  const owners = async (): Promise<string[]> => {
    const { out } = await ask('get', 'deployment', name, '-o', OWNERS);
    return out
      .split(';')
      .filter(Boolean)
      .map((entry) => entry.trim());
  };

  beforeAll(async () => {
    kubectl = await installKubectl(layer);
  });
  afterAll(() => kubectl[Symbol.asyncDispose]());

  test('apply --server-side creates, shows its fields, and says the same twice', async () => {
    const file = await manifest('two', deployment(name, 2));
    const first = await ask('apply', '--server-side', '-f', file);
    expect(first).toMatchObject({
      code: 0,
      out: `deployment.apps/${name} serverside-applied\n`,
    });
    const shown = await ask('get', 'deployment', name, '-o', 'yaml', '--show-managed-fields');
    for (const line of [
      '    fieldsType: FieldsV1\n',
      '              k:{"name":"nginx"}:\n                .: {}\n                f:image: {}\n',
      '                  k:{"containerPort":80,"protocol":"TCP"}:\n                    .: {}\n                    f:containerPort: {}\n',
      '    manager: kubectl\n    operation: Apply\n',
    ]) {
      expect(shown.out).toContain(line);
    }
    const hidden = await ask('get', 'deployment', name, '-o', 'yaml');
    expect(hidden.out).not.toContain('managedFields');
    const before = await ask(
      'get',
      'deployment',
      name,
      '-o',
      'jsonpath={.metadata.resourceVersion}',
    );
    expect((await ask('apply', '--server-side', '-f', file)).code).toBe(0);
    const after = await ask(
      'get',
      'deployment',
      name,
      '-o',
      'jsonpath={.metadata.resourceVersion}',
    );
    expect(after.out).toBe(before.out);
  });

  test('a conflict names the field and its manager; --force-conflicts takes it', async () => {
    expect((await ask('scale', 'deployment', name, '--replicas=5')).code).toBe(0);
    expect(await owners()).toEqual(['kubectl Apply', 'kubectl Update scale']);
    const file = await manifest('three', deployment(name, 3));
    const refused = await ask('apply', '--server-side', '-f', file);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(
      'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas\n' +
        'Please review the fields above--they currently have other managers.',
    );
    const forced = await ask('apply', '--server-side', '--force-conflicts', '-f', file);
    expect(forced.code).toBe(0);
    expect(await owners()).toEqual(['kubectl Apply']);
  });

  test('another --field-manager conflicts with all that it would change', async () => {
    const other = deployment(name, 4, 'nginx:2');
    const file = await manifest('other', other);
    const refused = await ask('apply', '--server-side', '--field-manager=other', '-f', file);
    expect(refused.err).toContain(
      'Apply failed with 2 conflicts: conflicts with "kubectl":\n- .spec.replicas\n- .spec.template.spec.containers[name="nginx"].image\n',
    );
    const same = await manifest('same', deployment(name, 3));
    const shared = await ask('apply', '--server-side', '--field-manager=other', '-f', same);
    expect(shared.code).toBe(0);
    expect((await owners()).sort()).toEqual(['kubectl Apply', 'other Apply']);
    const nothing = await manifest('nothing', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: 'default' },
    });
    expect((await ask('apply', '--server-side', '--field-manager=other', '-f', nothing)).code).toBe(
      0,
    );
    expect(await owners()).toEqual(['kubectl Apply']);
  });

  test('diff --server-side shows what would change, and changes nothing', async () => {
    const file = await manifest('seven', deployment(name, 7));
    const diff = await ask('diff', '--server-side', '-f', file);
    expect(diff.code).toBe(1);
    expect(diff.out).toMatch(/^-\s+replicas: 3$/m);
    expect(diff.out).toMatch(/^\+\s+replicas: 7$/m);
    const same = await manifest('unchanged', deployment(name, 3));
    expect((await ask('diff', '--server-side', '-f', same)).code).toBe(0);
  });

  test('an object that was applied by the client goes over to the server, and back', async () => {
    const moved = `moved-${layer}`;
    const applied = (replicas: number) => manifest('moved', deployment(moved, replicas));
    const list = async () => (await ask('get', 'deployment', moved, '-o', OWNERS)).out;
    expect((await ask('apply', '-f', await applied(1))).code).toBe(0);
    expect(await list()).toBe('kubectl-client-side-apply Update ;');
    const over = await ask('apply', '--server-side', '-f', await applied(2));
    expect(over).toMatchObject({ code: 0, err: '' });
    expect(await list()).not.toContain('kubectl-client-side-apply');
    expect(await list()).toContain('kubectl Apply ;');
    const replicas = ['get', 'deployment', moved, '-o', 'jsonpath={.spec.replicas}'] as const;
    expect((await ask(...replicas)).out).toBe('2');
    const back = await ask('apply', '-f', await applied(3));
    expect(back).toMatchObject({
      code: 0,
      err: '',
      out: `deployment.apps/${moved} configured\n`,
    });
    expect(await list()).toContain('kubectl-client-side-apply Update ;');
  });

  test('who writes by other means owns what they wrote', async () => {
    const changed = `changed-${layer}`;
    await ask('apply', '--server-side', '-f', await manifest('changed', deployment(changed, 1)));
    await ask('label', 'deployment', changed, 'tier=front');
    await ask('set', 'image', `deployment/${changed}`, 'nginx=nginx:2');
    const { out } = await ask('get', 'deployment', changed, '-o', OWNERS);
    expect(
      out
        .split(';')
        .map((entry) => entry.trim())
        .sort(),
    ).toEqual(['', 'kubectl Apply', 'kubectl-label Update', 'kubectl-set Update']);
    const list = '{.metadata.managedFields[?(@.manager=="kubectl-set")].fieldsV1}';
    const set = await ask('get', 'deployment', changed, '-o', `jsonpath=${list}`);
    expect(set.out).toBe(
      '{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\\"name\\":\\"nginx\\"}":{"f:image":{}}}}}}}',
    );
  });
});

describe('Helm 4', () => {
  let helm: InstalledTool;
  let kubectl: InstalledTool;

  beforeAll(async () => {
    [helm, kubectl] = await Promise.all([installHelm('35'), installKubectl('35')]);
  });
  afterAll(() => Promise.all([helm[Symbol.asyncDispose](), kubectl[Symbol.asyncDispose]()]));

  test('installs, upgrades, rolls back and removes a chart by server-side apply', async () => {
    expect((await run(helm, ['create', 'chart'])).code).toBe(0);
    expect(await run(helm, ['install', 'r', 'chart'])).toMatchObject({ code: 0, err: '' });
    const owners = ['get', 'deployment', 'r-chart', '-o', OWNERS];
    expect((await run(kubectl, owners)).out).toBe('helm Apply ;');
    const replicas = ['get', 'deployment', 'r-chart', '-o', 'jsonpath={.spec.replicas}'];
    expect((await run(helm, ['upgrade', 'r', 'chart', '--set', 'replicaCount=3'])).code).toBe(0);
    expect((await run(kubectl, replicas)).out).toBe('3');
    expect((await run(helm, ['rollback', 'r', '1'])).code).toBe(0);
    expect((await run(kubectl, replicas)).out).toBe('1');
    expect((await run(helm, ['uninstall', 'r'])).code).toBe(0);
    expect((await run(kubectl, replicas)).err).toContain('not found');
  });
});
