// kubectl, unmodified, against group-versions of another server: it lists them, says when they are away, and `top` reads from them.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCertificateAuthority, issueCertificate } from '#src/server/pki.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { type InstalledTool, installKubectl, type Layer } from '../codec/kubectl.ts';
import {
  apiServiceOf,
  type MetricsServer,
  NAME,
  SERVICE,
  startMetricsServer,
} from './metrics-server.ts';

let server: TestApiServer;
let metrics: MetricsServer;
let folder: string;

beforeAll(async () => {
  const proxyCa = await createCertificateAuthority('front-proxy');
  const commonName = 'front-proxy-client';
  const proxyClient = await issueCertificate(proxyCa, { commonName, client: true });
  metrics = await startMetricsServer(proxyCa.cert);
  server = await startTestApiServer({ proxyClient });
  folder = await mkdtemp(join(tmpdir(), 'kube-labs-aggregator-'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await metrics[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe.each<Layer>(['28', '35'])('kubectl 1.%s', (layer) => {
  let kubectl: InstalledTool;
  let env: NodeJS.ProcessEnv;
  const ask = (args: readonly string[], input = '') =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const child = execFile(kubectl.path, args, { env }, (error, out, err) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, out, err });
      });
      child.stdin?.end(input);
    });

  beforeAll(async () => {
    kubectl = await installKubectl(layer);
    // What it remembers of discovery is its own.
    const HOME = join(folder, layer);
    env = { ...process.env, HOME, KUBECONFIG: await server.kubeconfig() };
  });
  afterAll(() => kubectl[Symbol.asyncDispose]());

  test('registers a server, waits until it answers, and reads from it', async () => {
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-1' },
      status: { allocatable: { cpu: '1', memory: '1Gi' }, capacity: { cpu: '1', memory: '1Gi' } },
    };
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: SERVICE,
      spec: { type: 'ExternalName', externalName: 'localhost' },
    };
    for (const object of [node, service, apiServiceOf(metrics)]) {
      expect(await ask(['apply', '-f', '-'], JSON.stringify(object))).toMatchObject({ code: 0 });
    }
    const wait = ['wait', '--for=condition=available', '--timeout=60s', `apiservice/${NAME}`];
    expect((await ask(wait)).code).toBe(0);
    const listed = await ask(['get', 'apiservice', NAME, '--no-headers']);
    expect(listed.out).toMatch(
      /^v1beta1\.metrics\.k8s\.io +kube-system\/metrics-server +True +\d+/,
    );

    const nodes = await ask(['top', 'nodes']);
    expect(nodes.out.split('\n')[1]).toMatch(/^node-1 +250m +25% +512Mi +50% *$/);
    const pods = await ask(['top', 'pods', '--containers', '--no-headers']);
    expect(pods.out).toMatch(/^web +nginx +250m +512Mi *\n$/);
  });

  test('names what is there', async () => {
    const own = await ask(['get', 'apiservices', 'v1.apps', 'v1.', '--no-headers']);
    expect(own.out).toMatch(/^v1\.apps +Local +True +\d+[ms].*\nv1\. +Local +True +\d+[ms].*\n$/);
    const args = ['api-resources', '--api-group=metrics.k8s.io', '-o', 'name'];
    expect((await ask(args)).out).toBe('nodes.metrics.k8s.io\npods.metrics.k8s.io\n');
    const explained = await ask(['explain', 'nodes', '--api-version=metrics.k8s.io/v1beta1']);
    expect(explained.out).toContain('What a node uses.');
    expect(explained.out).toMatch(/usage\s+<map\[string\]string>/);
  });

  test('hears that the other server is away, and sees it come back', async () => {
    await metrics.stop();
    const away = ['wait', '--for=condition=available=false', '--timeout=60s', `apiservice/${NAME}`];
    // It looks again at once, rather than when its time has come.
    const touch = ['annotate', '-n', 'kube-system', 'service/metrics-server', `at-${layer}=now`];
    expect((await ask(touch)).code).toBe(0);
    expect((await ask(away)).code).toBe(0);
    const refused = await ask(['get', '--raw', '/apis/metrics.k8s.io/v1beta1/nodes']);
    expect(refused.err).toContain('the server is currently unable to handle the request');
    expect((await ask(['get', 'namespace', 'default', '-o', 'name'])).out).toBe(
      'namespace/default\n',
    );
    await metrics.start();
    const wait = ['wait', '--for=condition=available', '--timeout=60s', `apiservice/${NAME}`];
    expect((await ask(wait)).code).toBe(0);
    expect((await ask(['delete', 'apiservice', NAME])).code).toBe(0);
    const gone = async () =>
      (await ask(['get', '--raw', '/apis/metrics.k8s.io/v1beta1/nodes'])).err;
    await expect.poll(gone).toContain('the server could not find the requested resource');
  });
});
