// Pods: what is filled in, what is refused and in which words, what may change.

import { describe, expect, test } from 'vitest';
import { complaint, create, type Loose, update } from './admit.ts';

const gvk = { group: '', version: 'v1', kind: 'Pod' };
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

function pod(spec: Loose = {}, container: Loose = {}, metadata: Loose = {}): Loose {
  return {
    metadata: { name: 'x', ...metadata },
    spec: { containers: [{ name: 'c', image: 'nginx:1', ...container }], ...spec },
  };
}

test('a pod gets upstream’s defaults', () => {
  const body = pod(
    {
      volumes: [
        { name: 'a' },
        { name: 'b', hostPath: { path: '/x' } },
        { name: 'c', secret: { secretName: 's' } },
        { name: 'd', configMap: { name: 'm' } },
        { name: 'e', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
      ],
      serviceAccountName: 'sa',
    },
    {
      image: 'nginx',
      ports: [{ containerPort: 80 }],
      env: [{ name: 'N', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      livenessProbe: { httpGet: { port: 80 } },
      resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } },
    },
  );
  expect(create(gvk, body)).toEqual({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'x', namespace: 'default', generation: 1 },
    spec: {
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      securityContext: {},
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
      serviceAccountName: 'sa',
      serviceAccount: 'sa',
      containers: [
        {
          name: 'c',
          image: 'nginx',
          imagePullPolicy: 'Always',
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          ports: [{ containerPort: 80, protocol: 'TCP' }],
          env: [
            {
              name: 'N',
              valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } },
            },
          ],
          livenessProbe: {
            httpGet: { port: 80, path: '/', scheme: 'HTTP' },
            timeoutSeconds: 1,
            periodSeconds: 10,
            successThreshold: 1,
            failureThreshold: 3,
          },
          resources: {
            limits: { cpu: '1', memory: '1Gi' },
            requests: { cpu: '500m', memory: '1Gi' },
          },
        },
      ],
      volumes: [
        { name: 'a', emptyDir: {} },
        { name: 'b', hostPath: { path: '/x', type: '' } },
        { name: 'c', secret: { secretName: 's', defaultMode: 420 } },
        { name: 'd', configMap: { name: 'm', defaultMode: 420 } },
        {
          name: 'e',
          projected: {
            defaultMode: 420,
            sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 3600 } }],
          },
        },
      ],
    },
    status: { phase: 'Pending', qosClass: 'Burstable' },
  });
});

describe('the pull policy follows the tag', () => {
  test.each([
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.27', 'IfNotPresent'],
    ['localhost:5000/nginx', 'Always'],
    ['localhost:5000/nginx:1', 'IfNotPresent'],
    ['nginx@sha256:0123', 'IfNotPresent'],
  ])('%s: %s', (image, want) => {
    const { spec } = create(gvk, pod({}, { image })) as { spec: { containers: Loose[] } };
    expect(spec.containers[0]!.imagePullPolicy).toBe(want);
  });
});

describe('the quality of service', () => {
  test.each([
    [{}, 'BestEffort'],
    [{ requests: { cpu: '1m' } }, 'Burstable'],
    [{ limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } }, 'Burstable'],
    [
      { limits: { cpu: '1000m', memory: '1Gi' }, requests: { cpu: '1', memory: '1024Mi' } },
      'Guaranteed',
    ],
  ])('%j is %s', (resources, want) => {
    expect(create(gvk, pod({}, { resources })).status).toMatchObject({ qosClass: want });
  });
});

describe('a pod is refused', () => {
  test.each([
    {
      body: { metadata: {} },
      says: 'Pod "" is invalid: [metadata.name: Required value: name or generateName is required, spec.containers: Required value]',
    },
    {
      body: pod({}, {}, { name: 'Bad_Name' }),
      says: `Pod "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": ${SUBDOMAIN}`,
    },
    {
      body: pod({}, {}, { labels: { 'a b': 'c' } }),
      says: `Pod "x" is invalid: metadata.labels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
    },
    {
      body: pod({}, {}, { labels: { a: 'b c' } }),
      says: `Pod "x" is invalid: metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
    },
    {
      body: { metadata: { name: 'x' }, spec: { containers: [] } },
      says: 'Pod "x" is invalid: spec.containers: Required value',
    },
    {
      body: { metadata: { name: 'x' }, spec: { containers: [{ image: 'i' }] } },
      says: 'Pod "x" is invalid: spec.containers[0].name: Required value',
    },
    {
      body: { metadata: { name: 'x' }, spec: { containers: [{ name: 'c' }] } },
      says: 'Pod "x" is invalid: spec.containers[0].image: Required value',
    },
    {
      body: pod({}, { name: 'UPPER' }),
      says: `Pod "x" is invalid: spec.containers[0].name: Invalid value: "UPPER": ${LABEL}`,
    },
    {
      body: pod({}, { image: ' nginx' }),
      says: 'Pod "x" is invalid: spec.containers[0].image: Invalid value: " nginx": must not have leading or trailing whitespace',
    },
    {
      body: pod({
        containers: [
          { name: 'a', image: 'i' },
          { name: 'a', image: 'i' },
        ],
      }),
      says: 'Pod "x" is invalid: spec.containers[1].name: Duplicate value: "a"',
    },
    {
      body: pod({ restartPolicy: 'Sometimes' }),
      says: 'Pod "x" is invalid: spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    },
    {
      body: pod({}, { imagePullPolicy: 'never' }),
      says: 'Pod "x" is invalid: spec.containers[0].imagePullPolicy: Unsupported value: "never": supported values: "Always", "IfNotPresent", "Never"',
    },
    {
      body: pod({}, { ports: [{ containerPort: 0 }] }),
      says: 'Pod "x" is invalid: spec.containers[0].ports[0].containerPort: Required value',
    },
    {
      body: pod({}, { ports: [{ containerPort: 70_000 }] }),
      says: 'Pod "x" is invalid: spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    },
    {
      body: pod({}, { ports: [{ containerPort: 1, name: 'a_b' }] }),
      says: 'Pod "x" is invalid: spec.containers[0].ports[0].name: Invalid value: "a_b": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    },
    {
      body: pod(
        {},
        {
          ports: [
            { containerPort: 1, hostPort: 9 },
            { containerPort: 2, hostPort: 9 },
          ],
        },
      ),
      says: 'Pod "x" is invalid: spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//9"',
    },
    {
      body: pod({ hostNetwork: true }, { ports: [{ containerPort: 1, hostPort: 2 }] }),
      says: 'Pod "x" is invalid: spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true',
    },
    {
      body: pod({}, { env: [{ name: '' }, { name: 'a=b' }] }),
      says: 'Pod "x" is invalid: [spec.containers[0].env[0].name: Required value, spec.containers[0].env[1].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than \'=\']',
    },
    {
      body: pod(
        {},
        {
          env: [{ name: 'A', value: 'v', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } }],
        },
      ),
      says: 'Pod "x" is invalid: spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    },
    {
      body: pod(
        {},
        { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'status.phase' } } }] },
      ),
      says: 'Pod "x" is invalid: spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
    },
    {
      body: pod({}, { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.foo' } } }] }),
      says: 'Pod "x" is invalid: spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label not supported: spec.foo',
    },
    {
      body: pod({}, { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      says: 'Pod "x" is invalid: spec.containers[0].volumeMounts[0].name: Not found: "v"',
    },
    {
      body: pod(
        { volumes: [{ name: 'v' }] },
        {
          volumeMounts: [
            { name: 'v', mountPath: '/v' },
            { name: 'v', mountPath: '/v' },
          ],
        },
      ),
      says: 'Pod "x" is invalid: spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/v": must be unique',
    },
    {
      body: pod({ volumes: [{ name: 'v' }, { name: 'v' }] }),
      says: 'Pod "x" is invalid: spec.volumes[1].name: Duplicate value: "v"',
    },
    {
      body: pod({ volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/' } }] }),
      says: 'Pod "x" is invalid: spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
    },
    {
      body: pod({ volumes: [{ name: 'v', hostPath: { path: '/a/../b' } }] }),
      says: 'Pod "x" is invalid: spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain \'..\'',
    },
    {
      body: pod({
        volumes: [{ name: 'v', configMap: { name: 'm', items: [{ key: 'k', path: '/abs' }] } }],
      }),
      says: 'Pod "x" is invalid: spec.volumes[0].configMap.items[0].path: Invalid value: "/abs": must be a relative path',
    },
    {
      body: pod({}, { resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }),
      says: 'Pod "x" is invalid: spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    },
    {
      body: pod({}, { resources: { limits: { cpu: '-1' } } }),
      says: /spec\.containers\[0\]\.resources\.limits\[cpu\]: Invalid value: "-1": must be greater than or equal to 0/,
    },
    {
      body: pod({}, { resources: { requests: { gpu: '1' } } }),
      says: 'Pod "x" is invalid: [spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified, spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers]',
    },
    {
      body: pod({}, { livenessProbe: {} }),
      says: 'Pod "x" is invalid: spec.containers[0].livenessProbe: Required value: must specify a handler type',
    },
    {
      body: pod({}, { livenessProbe: { exec: { command: ['a'] }, tcpSocket: { port: 1 } } }),
      says: 'Pod "x" is invalid: spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
    },
    {
      body: pod({}, { livenessProbe: { tcpSocket: { port: 'http' }, successThreshold: 2 } }),
      says: 'Pod "x" is invalid: spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
    },
    {
      body: pod({
        initContainers: [{ name: 'i', image: 'i', readinessProbe: { exec: { command: ['a'] } } }],
      }),
      says: 'Pod "x" is invalid: spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    },
    {
      body: pod({ tolerations: [{ operator: 'Maybe', key: 'a' }] }),
      says: 'Pod "x" is invalid: spec.tolerations[0].operator: Unsupported value: "Maybe": supported values: "Equal", "Exists"',
    },
    {
      body: pod({ tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 1 }] }),
      says: 'Pod "x" is invalid: spec.tolerations[0].effect: Invalid value: "": effect must be \'NoExecute\' when `tolerationSeconds` is set',
    },
    {
      body: pod({ dnsPolicy: 'None' }),
      says: 'Pod "x" is invalid: spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None',
    },
    {
      body: pod({ dnsConfig: { searches: Array.from({ length: 33 }, () => 'a') } }),
      says: /spec\.dnsConfig\.searches: Invalid value: .*: must not have more than 32 search paths$/,
    },
    {
      body: pod({
        dnsConfig: {
          searches: Array.from({ length: 9 }, () => 'a'.repeat(63).concat('.b'.repeat(90))),
        },
      }),
      says: /spec\.dnsConfig\.searches: Invalid value: .*: must not have more than 2048 characters \(including spaces\) in the search list$/,
    },
    {
      body: pod({ volumes: [{ name: 'v', emptyDir: { sizeLimit: '-1' } }] }),
      says: 'Pod "x" is invalid: spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity',
    },
    {
      body: pod({ securityContext: { runAsUser: 2147483648 } }),
      says: 'Pod "x" is invalid: spec.securityContext.runAsUser: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive',
    },
    {
      body: pod({ nodeName: 'A' }),
      says: /spec\.nodeName: Invalid value: "A": a lowercase RFC 1123 subdomain/,
    },
    {
      body: pod({ activeDeadlineSeconds: 0 }),
      says: 'Pod "x" is invalid: spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
    },
  ])('$says', ({ body, says }) => {
    const message = complaint(() => create(gvk, body));
    if (typeof says === 'string') expect(message).toBe(says);
    else expect(message).toMatch(says);
  });
});

describe('an update of a pod', () => {
  const old = create(gvk, pod({ tolerations: [{ key: 'a', operator: 'Exists' }] }));
  const MAY_CHANGE =
    'Pod "x" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
  const tolerations = [{ key: 'a', operator: 'Exists' }];
  test.each([
    {
      name: 'may change an image',
      body: pod({ tolerations }, { image: 'nginx:2', imagePullPolicy: 'IfNotPresent' }),
      says: '',
    },
    {
      name: 'may add a toleration',
      body: pod({ tolerations: [...tolerations, { key: 'b', operator: 'Exists' }] }),
      says: '',
    },
    { name: 'may change labels', body: pod({ tolerations }, {}, { labels: { a: 'b' } }), says: '' },
    {
      name: 'may not drop a toleration',
      body: pod(),
      says: 'Pod "x" is invalid: spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
    },
    {
      name: 'may not change a command',
      body: pod({ tolerations }, { command: ['x'] }),
      says: MAY_CHANGE,
    },
    { name: 'may not move the pod', body: pod({ tolerations, nodeName: 'n' }), says: MAY_CHANGE },
    {
      name: 'may not add a container',
      body: pod({
        tolerations,
        containers: [
          { name: 'c', image: 'nginx:1' },
          { name: 'd', image: 'x' },
        ],
      }),
      says: 'Pod "x" is invalid: spec.containers: Forbidden: pod updates may not add or remove containers',
    },
  ])('$name', ({ body, says }) => {
    expect(complaint(() => update(gvk, old, body))).toBe(says);
  });

  test.each([
    ['add', undefined, 'h'],
    ['remove or update', 'h', undefined],
    ['remove or update', 'h', 'i'],
  ])('may not %s the mark of a mirror', (change, before, after) => {
    const marked = (mark?: string) =>
      pod(
        { nodeName: 'n' },
        {},
        mark ? { annotations: { 'kubernetes.io/config.mirror': mark } } : {},
      );
    const error = complaint(() => update(gvk, create(gvk, marked(before)), marked(after)));
    expect(error).toBe(
      `Pod "x" is invalid: metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not ${change} mirror pod annotation`,
    );
  });

  test('keeps the status and counts the generation', () => {
    const next = update(gvk, old, {
      ...pod({ tolerations }, { image: 'nginx:2', imagePullPolicy: 'IfNotPresent' }),
      status: { phase: 'Failed' },
    });
    expect(next.status).toEqual(old.status);
    expect(next.metadata).toMatchObject({ generation: 2 });
    expect(update(gvk, old, pod({ tolerations })).metadata).toMatchObject({ generation: 1 });
  });
});
