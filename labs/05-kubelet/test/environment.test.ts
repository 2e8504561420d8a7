// Variables of a container: who wins, what is expanded, what is missing.

import type { Container, Service } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { type EnvironmentSources, makeEnvironment } from '#src/container/environment.ts';
import { expand } from '#src/container/expansion.ts';
import { container, pod } from './objects.ts';

const bytes = (text: string) => Buffer.from(text);
const redis: Service = {
  metadata: { name: 'redis-master', namespace: 'default' },
  spec: { clusterIP: '10.96.0.11', ports: [{ port: 6379, name: 'db' }] },
};
const api: Service = {
  metadata: { name: 'kubernetes', namespace: 'default' },
  spec: { clusterIP: '10.96.0.1', ports: [{ port: 443, name: 'https' }] },
};

const sources: EnvironmentSources = {
  reader: {
    configMap: async (_, name) =>
      name === 'cm'
        ? new Map([
            ['color', bytes('blue')],
            ['bad name', bytes('x')],
          ])
        : undefined,
    secret: async (_, name) => (name === 'key' ? new Map([['password', bytes('s3')]]) : undefined),
  },
  services: [redis, api],
  surroundings: {
    podAddress: '10.244.1.5',
    hostAddress: '172.30.0.11',
    allocatable: { cpu: '2', memory: '1048576Ki' },
  },
};

const environmentOf = (spec: Partial<Container>, from = pod()) =>
  makeEnvironment(from, container('c', spec), sources);

async function variablesOf(spec: Partial<Container>, from = pod()) {
  const result = await environmentOf(spec, from);
  if (result.kind !== 'ok') throw new Error(result.message);
  return Object.fromEntries(result.variables);
}

describe('makeEnvironment()', () => {
  test('tells of keys that cannot be names', async () => {
    const result = await environmentOf({ envFrom: [{ configMapRef: { name: 'cm' }, prefix: '' }] });
    expect(result.kind === 'ok' && result.warnings).toEqual([
      'Keys [bad name] from the EnvFrom configMap default/cm were skipped since they are considered invalid environment variable names.',
    ]);
    const prefixed = await environmentOf({
      envFrom: [{ secretRef: { name: 'key' }, prefix: '1' }],
    });
    expect(prefixed.kind === 'ok' && prefixed.warnings).toEqual([
      'Keys [1password] from the EnvFrom secret default/key were skipped since they are considered invalid environment variable names.',
    ]);
  });

  test('takes a thousand variables, each made of the one before', async () => {
    const env = [...Array(1_000).keys()].map((index) => ({
      name: `V${index}`,
      value: index === 0 ? '0' : `$(V${index - 1})+${index}`.slice(-200),
    }));
    const variables = await variablesOf({ env });
    expect(Object.keys(variables).filter((name) => /^V\d+$/.test(name))).toHaveLength(1_000);
    expect(variables.V3).toBe('0+1+2+3');
  });

  test('gives service variables as 1.0 and Docker links named them', async () => {
    expect(await variablesOf({})).toMatchObject({
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      REDIS_MASTER_SERVICE_HOST: '10.96.0.11',
      REDIS_MASTER_SERVICE_PORT: '6379',
      REDIS_MASTER_SERVICE_PORT_DB: '6379',
      REDIS_MASTER_PORT: 'tcp://10.96.0.11:6379',
      REDIS_MASTER_PORT_6379_TCP: 'tcp://10.96.0.11:6379',
      REDIS_MASTER_PORT_6379_TCP_PROTO: 'tcp',
      REDIS_MASTER_PORT_6379_TCP_PORT: '6379',
      REDIS_MASTER_PORT_6379_TCP_ADDR: '10.96.0.11',
    });
  });

  test('gives only the API server without service links', async () => {
    const variables = await variablesOf({}, pod({ enableServiceLinks: false }));
    expect(Object.keys(variables).filter((name) => name.startsWith('REDIS'))).toEqual([]);
    expect(variables.KUBERNETES_SERVICE_PORT).toBe('443');
  });

  test('lets env win over envFrom, and envFrom over services', async () => {
    const variables = await variablesOf({
      envFrom: [{ configMapRef: { name: 'cm' } }, { prefix: 'S_', secretRef: { name: 'key' } }],
      env: [
        { name: 'S_password', value: 'mine' },
        { name: 'REDIS_MASTER_SERVICE_HOST', value: 'other' },
      ],
    });
    expect(variables).toMatchObject({
      color: 'blue',
      S_password: 'mine',
      REDIS_MASTER_SERVICE_HOST: 'other',
    });
    expect(variables).not.toHaveProperty('bad name');
  });

  test('expands what comes before it', async () => {
    const variables = await variablesOf({
      env: [
        { name: 'A', value: 'a' },
        { name: 'B', value: '$(A)-$(LATER)-$$(A)-$(REDIS_MASTER_SERVICE_PORT)' },
        { name: 'LATER', value: 'x' },
      ],
    });
    expect(variables.B).toBe('a-$(LATER)-$(A)-6379');
  });

  test('reads fields, resources, secrets and config maps', async () => {
    const from = (valueFrom: object) => ({ valueFrom });
    const variables = await variablesOf(
      {
        resources: { limits: { cpu: '1500m', memory: '64Mi' } },
        env: [
          { name: 'NAME', ...from({ fieldRef: { fieldPath: 'metadata.name' } }) },
          { name: 'APP', ...from({ fieldRef: { fieldPath: "metadata.labels['app']" } }) },
          { name: 'POD_IP', ...from({ fieldRef: { fieldPath: 'status.podIP' } }) },
          { name: 'CPU', ...from({ resourceFieldRef: { resource: 'limits.cpu' } }) },
          {
            name: 'MEM',
            ...from({ resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } }),
          },
          { name: 'PASS', ...from({ secretKeyRef: { name: 'key', key: 'password' } }) },
          { name: 'COLOR', ...from({ configMapKeyRef: { name: 'cm', key: 'color' } }) },
          {
            name: 'NONE',
            ...from({ configMapKeyRef: { name: 'gone', key: 'x', optional: true } }),
          },
        ],
      },
      pod({}, { metadata: { name: 'web', namespace: 'default', labels: { app: 'shop' } } }),
    );
    expect(variables).toMatchObject({
      NAME: 'web',
      APP: 'shop',
      POD_IP: '10.244.1.5',
      CPU: '2',
      MEM: '64',
      PASS: 's3',
      COLOR: 'blue',
    });
    expect(variables).not.toHaveProperty('NONE');
  });

  test.each([
    { valueFrom: { secretKeyRef: { name: 'gone', key: 'x' } }, want: 'secret "gone" not found' },
    {
      valueFrom: { configMapKeyRef: { name: 'cm', key: 'size' } },
      want: "couldn't find key size in ConfigMap default/cm",
    },
  ])('says what is missing: $want', async ({ valueFrom, want }) => {
    const result = await environmentOf({ env: [{ name: 'X', valueFrom }] });
    expect(result).toEqual({ kind: 'missing', message: want });
  });
});

test.each([
  ['$(A)', '1'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$1'],
  ['$(B)', '$(B)'],
  ['$(A', '$(A'],
  ['$A $', '$A $'],
])('expand(%j) is %j', (text, want) => {
  expect(expand(text, (name) => (name === 'A' ? '1' : undefined))).toBe(want);
});
