// Custom resources as people use them: two kubectls and Helm 4, unmodified, against the server.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubernetesObject, ResourceType } from '#src/client/resources.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { type InstalledTool, installHelm, installKubectl, type Layer } from '../codec/kubectl.ts';
import { CRD_NAME, cronTab, cronTabDefinition } from './fixtures.ts';

/** Up to ten programs one after the other, each perhaps from a cold disk. */
const TIMEOUT_MS = 240_000;
const CRON_TABS: ResourceType<KubernetesObject> = {
  group: 'stable.example.com',
  version: 'v1',
  resource: 'crontabs',
  kind: 'CronTab',
  namespaced: true,
};
const AT = '/apis/stable.example.com/v1/namespaces/default/crontabs';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Bench extends AsyncDisposable {
  readonly server: TestApiServer;
  readonly folder: string;
  run(tool: InstalledTool, args: readonly string[], input?: string): Promise<Ran>;
}

/** A server of its own, and a home that holds what tools remember. */
async function startBench(): Promise<Bench> {
  const server = await startTestApiServer();
  const KUBECONFIG = await server.kubeconfig();
  const folder = await mkdtemp(join(tmpdir(), 'kube-labs-crd-'));
  const helm = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder };
  const env = { ...process.env, HOME: folder, ...helm, KUBECONFIG };
  return {
    server,
    folder,
    run: (tool, args, input = '') =>
      new Promise((resolve) => {
        const child = execFile(tool.path, args, { env, cwd: folder }, (error, out, err) => {
          resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, out, err });
        });
        child.stdin?.end(input);
      }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe.each<Layer>(['28', '35'])('kubectl 1.%s', (layer) => {
  let bench: Bench;
  let kubectl: InstalledTool;
  const ask = (...args: string[]) => bench.run(kubectl, args);
  const feed = (input: string, ...args: string[]) => bench.run(kubectl, args, input);
  const field = async (path: string) =>
    (await ask('get', 'ct', 'mine', '-o', `jsonpath={${path}}`)).out;

  beforeAll(async () => {
    [bench, kubectl] = await Promise.all([startBench(), installKubectl(layer)]);
  }, TIMEOUT_MS);
  afterAll(async () => {
    await bench[Symbol.asyncDispose]();
    await kubectl[Symbol.asyncDispose]();
  });

  test(
    'a definition is applied and waited for; its objects can be applied at once',
    async () => {
      expect(await feed(cronTabDefinition(), 'apply', '-f', '-')).toEqual({
        code: 0,
        out: `customresourcedefinition.apiextensions.k8s.io/${CRD_NAME} created\n`,
        err: '',
      });
      const wait = ['--for', 'condition=established', '--timeout=60s'];
      expect((await ask('wait', ...wait, `crd/${CRD_NAME}`)).out).toBe(
        `customresourcedefinition.apiextensions.k8s.io/${CRD_NAME} condition met\n`,
      );
      expect(await feed(cronTab('mine'), 'apply', '-f', '-')).toEqual({
        code: 0,
        out: 'crontab.stable.example.com/mine created\n',
        err: '',
      });
      const list = await ask('api-resources', '--api-group=stable.example.com', '--no-headers');
      expect(list.out).toMatch(/^crontabs +ct +stable\.example\.com\/v1 +true +CronTab\n$/);
    },
    TIMEOUT_MS,
  );

  test(
    'its columns are printed, those of lower priority with -o wide',
    async () => {
      const narrow = (await ask('get', 'ct')).out.split('\n');
      expect(narrow[0]).toMatch(/^NAME +SPEC +REPLICAS +AGE$/);
      expect(narrow[1]).toMatch(/^mine +\*\/5 \* \* \* \* +2 +\d+[ms]\S*$/);
      const wide = (await ask('get', 'crontab', '-o', 'wide')).out.split('\n');
      expect(wide[0]).toMatch(/^NAME +SPEC +REPLICAS +IMAGE +AGE$/);
      expect(wide[1]).toMatch(/^mine +\*\/5 \* \* \* \* +2 +busybox +\d+[ms]\S*$/);
      expect((await ask('get', 'all')).out).toContain('crontab.stable.example.com/mine');
    },
    TIMEOUT_MS,
  );

  test(
    'explain knows its fields',
    async () => {
      const { out } = await ask('explain', 'crontabs.spec', '--recursive');
      expect(out).toContain('What runs, and when.');
      expect(out).toMatch(/cronSpec\s+<string>\s+-required-/);
      expect(out).toMatch(/args\s+<\[\]string>/);
      expect(out).toMatch(/replicas\s+<integer>/);
      expect((await ask('explain', 'ct.spec.cronSpec')).out).toContain('When, as cron writes it.');
    },
    TIMEOUT_MS,
  );

  test(
    'apply again changes what changed; apply --server-side has its own fields',
    async () => {
      expect((await feed(cronTab('mine'), 'apply', '-f', '-')).out).toContain('unchanged');
      const next = cronTab('mine', { args: ['a', 'b'] });
      expect((await feed(next, 'apply', '-f', '-')).out).toContain('configured');
      expect(await field('.spec.args')).toBe('["a","b"]');
      const other = cronTab('mine', { replicas: 4, args: ['a', 'b'] });
      const refused = await feed(other, 'apply', '--server-side', '--field-manager=me', '-f', '-');
      expect(refused.err).toContain('Apply failed with 1 conflict');
      expect(refused.err).toContain('.spec.replicas');
      const forced = [
        'apply',
        '--server-side',
        '--force-conflicts',
        '--field-manager=me',
        '-f',
        '-',
      ];
      expect((await feed(other, ...forced)).code).toBe(0);
      expect(await field('.spec.replicas')).toBe('4');
    },
    TIMEOUT_MS,
  );

  test(
    'patch merges and edits; a strategic one is refused',
    async () => {
      const patch = (type: string, text: string) =>
        ask('patch', 'ct', 'mine', `--type=${type}`, '-p', text);
      expect((await patch('merge', '{"spec":{"replicas":3}}')).code).toBe(0);
      const edit = '[{"op":"add","path":"/spec/args/-","value":"c"}]';
      expect(await patch('json', edit)).toMatchObject({ code: 0, err: '' });
      expect(await field('.spec.replicas')).toBe('3');
      expect(await field('.spec.args')).toBe('["a","b","c"]');
      const refused = await patch('strategic', '{"spec":{"replicas":1}}');
      expect(refused.code).toBe(1);
      expect(refused.err).toContain(
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
      );
    },
    TIMEOUT_MS,
  );

  test(
    'scale goes through the scale subresource',
    async () => {
      expect((await ask('scale', '--replicas=5', 'ct/mine')).out).toBe(
        'crontab.stable.example.com/mine scaled\n',
      );
      expect(await field('.spec.replicas')).toBe('5');
      const scale = JSON.parse((await ask('get', '--raw', `${AT}/mine/scale`)).out);
      expect(scale).toMatchObject({
        kind: 'Scale',
        apiVersion: 'autoscaling/v1',
        spec: { replicas: 5 },
        status: { replicas: 0 },
      });
      expect((await ask('scale', '--replicas=11', 'ct/mine')).err).toContain(
        'spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10',
      );
    },
    TIMEOUT_MS,
  );

  test(
    'status is written by --subresource=status alone',
    async () => {
      const text = '{"status":{"replicas":5}}';
      const patch = (...how: string[]) =>
        ask('patch', 'ct', 'mine', '--type=merge', '-p', text, ...how);
      expect((await patch()).code).toBe(0);
      expect(await field('.status')).toBe('');
      expect((await patch('--subresource=status')).code).toBe(0);
      expect(await field('.status')).toBe('{"replicas":5}');
      const shown = await ask('get', 'ct', 'mine', '--subresource=status', '-o', 'name');
      expect(shown.out).toBe('crontab.stable.example.com/mine\n');
    },
    TIMEOUT_MS,
  );

  test(
    'unknown fields are refused or warned of; bad values always refused',
    async () => {
      const odd = cronTab('odd', { colour: 'red' });
      const strict = await feed(odd, 'create', '-f', '-');
      expect([strict.code, strict.err]).toEqual([
        1,
        expect.stringContaining('strict decoding error: unknown field "spec.colour"'),
      ]);
      const warned = await feed(odd, 'create', '--validate=warn', '-f', '-');
      expect(warned).toEqual({
        code: 0,
        out: 'crontab.stable.example.com/odd created\n',
        err: 'Warning: unknown field "spec.colour"\n',
      });
      const bad = cronTab('bad', { cronSpec: 'never', replicas: 'many' });
      const refused = await feed(bad, 'create', '--validate=ignore', '-f', '-');
      expect(refused.code).toBe(1);
      expect(refused.err).toContain('The CronTab "bad" is invalid');
      expect(refused.err).toContain(
        'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
      );
    },
    TIMEOUT_MS,
  );

  test(
    'the old version shows the same object, with a warning',
    async () => {
      const { out, err } = await ask(
        'get',
        'crontabs.v1beta1.stable.example.com',
        'mine',
        '-o',
        'yaml',
      );
      expect(err).toBe('Warning: stable.example.com/v1beta1 CronTab is old; use v1\n');
      expect(out).toMatch(/^apiVersion: stable\.example\.com\/v1beta1\n/);
      expect(out).toContain('replicas: 5\n');
    },
    TIMEOUT_MS,
  );

  test(
    'a restart of the server keeps definitions and objects',
    async () => {
      await bench.server.restart();
      expect(await field('.spec.image')).toBe('busybox');
      const names = (await ask('get', 'ct', '-o', 'name')).out;
      expect(names).toBe('crontab.stable.example.com/mine\ncrontab.stable.example.com/odd\n');
    },
    TIMEOUT_MS,
  );

  test(
    'deleting the definition deletes its objects, and then it is gone',
    async () => {
      const { out } = await ask('delete', 'crd', CRD_NAME);
      expect(out).toContain(`"${CRD_NAME}" deleted`);
      const away = await ask('get', '--raw', AT);
      expect(away.err).toContain('the server could not find the requested resource');
      await feed(cronTabDefinition(), 'apply', '-f', '-');
      await ask('wait', '--for', 'condition=established', '--timeout=60s', `crd/${CRD_NAME}`);
      expect((await ask('get', 'ct')).err).toBe('No resources found in default namespace.\n');
    },
    TIMEOUT_MS,
  );
});

describe('Helm 4', () => {
  let bench: Bench;
  let helm: InstalledTool;
  let chart: string;

  beforeAll(async () => {
    [bench, helm] = await Promise.all([startBench(), installHelm('35')]);
    chart = join(bench.folder, 'cron');
    await mkdir(join(chart, 'crds'), { recursive: true });
    await mkdir(join(chart, 'templates'));
    await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: cron\nversion: 0.1.0\n');
    await writeFile(join(chart, 'values.yaml'), 'replicas: 2\n');
    await writeFile(join(chart, 'crds', 'crontab.yaml'), cronTabDefinition());
    const template = cronTab('of-chart').replace('replicas: 2', 'replicas: {{ .Values.replicas }}');
    await writeFile(join(chart, 'templates', 'crontab.yaml'), template);
  }, TIMEOUT_MS);
  afterAll(async () => {
    await bench[Symbol.asyncDispose]();
    await helm[Symbol.asyncDispose]();
  });

  test(
    'a chart brings its definition, and objects of it, in one install',
    async () => {
      const installed = await bench.run(helm, ['install', 'demo', chart, '--wait']);
      expect([installed.code, installed.err]).toEqual([0, expect.not.stringContaining('Error')]);
      const upgraded = await bench.run(helm, ['upgrade', 'demo', chart, '--set', 'replicas=7']);
      expect(upgraded.code).toBe(0);
      const client = bench.server.client();
      const read = () => client.get(CRON_TABS, { namespace: 'default', name: 'of-chart' });
      expect(await read()).toMatchObject({ spec: { replicas: 7, image: 'busybox' } });
      expect((await bench.run(helm, ['uninstall', 'demo', '--wait'])).code).toBe(0);
      await expect(read()).rejects.toMatchObject({ reason: 'NotFound' });
    },
    TIMEOUT_MS,
  );
});
