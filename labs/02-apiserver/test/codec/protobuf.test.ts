// Protobuf bodies as kubectl itself sends them: a small server takes what `kubectl create …` posts, and it is decoded.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeObject } from '../../src/codec/decode.ts';
import { installKubectl } from './kubectl.ts';

const run = promisify(execFile);
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

interface Posted {
  readonly body: Buffer;
  readonly contentType: string | undefined;
}
let kubectl: Awaited<ReturnType<typeof installKubectl>>;
let cache: string;
let server: Server;
let posted: Posted[] = [];

beforeAll(async () => {
  kubectl = await installKubectl();
  cache = await mkdtemp(join(tmpdir(), 'kube-labs-protobuf-'));
  server = createServer((request, response) => {
    void readBody(request).then((body) => {
      posted.push({ body, contentType: request.headers['content-type'] });
      response.setHeader('content-type', 'application/json');
      response.statusCode = 201;
      response.end('{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x"}}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  server.close();
  await rm(cache, { recursive: true });
  await kubectl[Symbol.asyncDispose]();
});

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function bodyOf(...args: readonly string[]): Promise<Posted> {
  posted = [];
  const { port } = server.address() as AddressInfo;
  const common = ['--server', `http://127.0.0.1:${port}`, '--cache-dir', cache, '--validate=false'];
  // What kubectl makes of our answer does not matter here.
  await run(kubectl.path, [...common, 'create', ...args]).catch(() => undefined);
  const found = posted.find(({ contentType }) => contentType === PROTOBUF);
  expect(found, `kubectl create ${args.join(' ')} posts protobuf`).toBeDefined();
  return found!;
}

describe('decodeObject() of what kubectl create posts', () => {
  test.each([
    {
      args: ['namespace', 'n1'],
      gvk: { group: '', version: 'v1', kind: 'Namespace' },
      want: { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'n1' }, spec: {}, status: {} },
    },
    {
      args: ['configmap', 'c1', '--from-literal=a=1', '--from-literal=empty='],
      gvk: { group: '', version: 'v1', kind: 'ConfigMap' },
      want: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { name: 'c1' },
        data: { a: '1', empty: '' },
      },
    },
    {
      args: ['secret', 'generic', 's1', '--from-literal=password=größe'],
      gvk: { group: '', version: 'v1', kind: 'Secret' },
      want: {
        kind: 'Secret',
        apiVersion: 'v1',
        metadata: { name: 's1' },
        data: { password: Buffer.from('größe').toString('base64') },
      },
    },
    {
      args: ['service', 'nodeport', 'web', '--tcp=80:http', '--node-port=30080'],
      gvk: { group: '', version: 'v1', kind: 'Service' },
      want: {
        kind: 'Service',
        apiVersion: 'v1',
        metadata: { name: 'web', labels: { app: 'web' } },
        spec: {
          type: 'NodePort',
          selector: { app: 'web' },
          ports: [
            { name: '80-http', protocol: 'TCP', port: 80, targetPort: 'http', nodePort: 30080 },
          ],
        },
        status: { loadBalancer: {} },
      },
    },
    {
      args: [
        'deployment',
        'd1',
        '--image=nginx:1.27',
        '--replicas=0',
        '--port=8080',
        '--',
        'run',
        'me',
      ],
      gvk: { group: 'apps', version: 'v1', kind: 'Deployment' },
      want: {
        kind: 'Deployment',
        apiVersion: 'apps/v1',
        metadata: { name: 'd1', labels: { app: 'd1' } },
        spec: {
          replicas: 0,
          selector: { matchLabels: { app: 'd1' } },
          template: {
            metadata: { labels: { app: 'd1' } },
            spec: {
              containers: [
                {
                  name: 'nginx',
                  image: 'nginx:1.27',
                  command: ['run', 'me'],
                  ports: [{ containerPort: 8080 }],
                  resources: {},
                },
              ],
            },
          },
          strategy: {},
        },
        status: {},
      },
    },
    {
      args: ['quota', 'q1', '--hard=cpu=1500m,memory=1024Mi,pods=2'],
      gvk: { group: '', version: 'v1', kind: 'ResourceQuota' },
      want: {
        kind: 'ResourceQuota',
        apiVersion: 'v1',
        metadata: { name: 'q1' },
        spec: { hard: { cpu: '1500m', memory: '1Gi', pods: '2' } },
        status: {},
      },
    },
    {
      args: ['cronjob', 'j1', '--image=busybox', '--schedule=*/5 * * * *', '--restart=Never'],
      gvk: { group: 'batch', version: 'v1', kind: 'CronJob' },
      want: {
        kind: 'CronJob',
        apiVersion: 'batch/v1',
        metadata: { name: 'j1' },
        spec: {
          schedule: '*/5 * * * *',
          jobTemplate: {
            metadata: { name: 'j1' },
            spec: {
              template: {
                metadata: {},
                spec: {
                  containers: [{ name: 'j1', image: 'busybox', resources: {} }],
                  restartPolicy: 'Never',
                },
              },
            },
          },
        },
        status: {},
      },
    },
    {
      args: ['pdb', 'p1', '--selector=app=web', '--max-unavailable=30%'],
      gvk: { group: 'policy', version: 'v1', kind: 'PodDisruptionBudget' },
      want: {
        kind: 'PodDisruptionBudget',
        apiVersion: 'policy/v1',
        metadata: { name: 'p1' },
        spec: { maxUnavailable: '30%', selector: { matchLabels: { app: 'web' } } },
        status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
      },
    },
  ])('$args', async ({ args, gvk, want }) => {
    const { body, contentType } = await bodyOf(...args);
    const { object, warnings } = decodeObject(body, contentType, gvk, 'Strict');
    expect(object).toEqual(want);
    expect(warnings).toEqual([]);
  });

  test('damage of any kind is a BadRequest', async () => {
    const { body } = await bodyOf('configmap', 'c1', '--from-literal=a=1');
    const gvk = { group: '', version: 'v1', kind: 'ConfigMap' };
    for (let length = 0; length < body.length; length += 1) {
      try {
        decodeObject(body.subarray(0, length), PROTOBUF, gvk, 'Strict');
      } catch (error) {
        expect(error).toMatchObject({ name: 'ApiError', code: 400 });
      }
    }
  });
});
