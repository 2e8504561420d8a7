// The kinds of Kubernetes 1.1: what they become, and what they look like again.

import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../../src/client/resources.ts';
import {
  autoscalerFromOld,
  autoscalerToOld,
  ingressFromOld,
  ingressToOld,
} from '../../src/convert/old-traffic.ts';
import {
  daemonSetFromOld,
  daemonSetToOld,
  deploymentFromOld,
  deploymentToOld,
  jobFromOld,
  jobToOld,
} from '../../src/convert/old-workloads.ts';
import type { ReadonlyApiObject } from '../../src/registry/api-object.ts';

const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [] } };
const labels = { app: 'a' };
const old = (spec: object) => ({ metadata: { name: 'x' }, spec }) as unknown as KubernetesObject;
const again = (object: KubernetesObject) => object as unknown as ReadonlyApiObject;

test('a deployment', () => {
  const rollingUpdate = { maxUnavailable: 2, minReadySeconds: 5 };
  const today = deploymentFromOld(
    old({ replicas: 3, template, strategy: { rollingUpdate }, uniqueLabelKey: 'k' }),
  );
  expect(today).toEqual({
    metadata: { name: 'x', labels },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template,
      minReadySeconds: 5,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2, maxSurge: 1 } },
    },
  });
  expect(deploymentToOld(again(today))).toEqual({
    metadata: { name: 'x', labels },
    spec: {
      replicas: 3,
      selector: labels,
      template,
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: 2, maxSurge: 1, minReadySeconds: 5 },
      },
    },
    status: {},
  });
  expect(deploymentFromOld(old({ template, strategy: { type: 'Recreate' } }))).toMatchObject({
    spec: { strategy: { type: 'Recreate' } },
  });
});

test('a daemon set', () => {
  const today = daemonSetFromOld(old({ template, selector: { app: 'b' } }));
  expect(today.metadata).toEqual({ name: 'x', labels });
  expect(today).toMatchObject({
    spec: { selector: { matchLabels: { app: 'b' } }, updateStrategy: { type: 'OnDelete' } },
  });
  expect(daemonSetToOld(again(today))).toMatchObject({
    spec: { selector: { app: 'b' }, template },
    status: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0 },
  });
});

test('a job', () => {
  const today = jobFromOld(old({ template, completions: 3 }));
  expect(today).toMatchObject({
    metadata: { labels },
    spec: {
      completions: 3,
      parallelism: 3,
      manualSelector: true,
      selector: { matchLabels: labels },
    },
  });
  expect(jobToOld(again(today))).toMatchObject({
    spec: { completions: 3, parallelism: 3, selector: { matchLabels: labels }, template },
  });
});

describe('an ingress', () => {
  const backend = { serviceName: 'web', servicePort: 80 };
  const named = { serviceName: 'web', servicePort: 'http' };
  const path = { path: '/x', backend: named };
  const spec = { backend, rules: [{ host: 'a.b', http: { paths: [path] } }] };

  test('names services in objects, with typed paths', () => {
    const today = ingressFromOld(old(spec));
    expect(today).toEqual({
      metadata: { name: 'x' },
      spec: {
        defaultBackend: { service: { name: 'web', port: { number: 80 } } },
        rules: [
          {
            host: 'a.b',
            http: {
              paths: [
                {
                  path: '/x',
                  pathType: 'ImplementationSpecific',
                  backend: { service: { name: 'web', port: { name: 'http' } } },
                },
              ],
            },
          },
        ],
      },
    });
    expect(ingressToOld(again(today))).toEqual({ metadata: { name: 'x' }, spec, status: {} });
  });
});

test('an autoscaler', () => {
  const scaleRef = {
    kind: 'Deployment',
    name: 'web',
    apiVersion: 'extensions/v1beta1',
    subresource: 'scale',
  };
  const spec = {
    scaleRef,
    minReplicas: 2,
    maxReplicas: 5,
    cpuUtilization: { targetPercentage: 60 },
  };
  const today = autoscalerFromOld(old(spec));
  const target = { type: 'Utilization', averageUtilization: 60 };
  expect(today).toEqual({
    metadata: { name: 'x' },
    spec: {
      minReplicas: 2,
      maxReplicas: 5,
      scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' },
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }],
    },
  });
  expect(autoscalerToOld(again(today))).toEqual({ metadata: { name: 'x' }, spec, status: {} });
});
