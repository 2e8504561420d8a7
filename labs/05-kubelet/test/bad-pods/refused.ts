// Refused: pods that the API server does not take, and in which words. They cost a node nothing.

import type { Container, Pod, PodSpec, Volume, VolumeMount } from 'kubernetes-types/core/v1';
import { script } from '../lab.ts';
import { WAIT } from './row.ts';

export interface Refused {
  readonly name: string;
  readonly pod: Pod;
  /** Part of the answer. */
  readonly says: string;
}

function refused(
  name: string,
  spec: Partial<PodSpec>,
  says: string,
  metadata: Pod['metadata'] = {},
): Refused {
  const whole = { nodeName: 'node-1', containers: [script('c', WAIT)], ...spec };
  return {
    name,
    says,
    pod: { metadata: { name, namespace: 'default', ...metadata }, spec: whole },
  };
}

const contained = (name: string, container: Partial<Container>, says: string) =>
  refused(name, { containers: [script('c', WAIT, container)] }, says);

function mounted(
  name: string,
  source: Partial<Volume>,
  says: string,
  mount: Partial<VolumeMount> = {},
): Refused {
  const volumeMounts = [{ name: 'v', mountPath: '/v', ...mount }];
  return refused(
    name,
    { volumes: [{ name: 'v', ...source }], containers: [script('c', WAIT, { volumeMounts })] },
    says,
  );
}

const items = (path: string) => ({ items: [{ key: 'a', path }] });
const port = (containerPort: number, rest = {}) => ({ containerPort, ...rest });
const UP = `must not contain '..'`;
const c = 'spec.containers[0]';

export const REFUSED: readonly Refused[] = [
  refused('Upper', {}, 'metadata.name: Invalid value: "Upper": a lowercase RFC 1123 subdomain'),
  refused('../escape', {}, 'metadata.name: Invalid value: "../escape"'),
  refused('n'.repeat(254), {}, 'metadata.name: Invalid value: '),
  refused('no-containers', { containers: [] }, 'spec.containers: Required value'),
  refused(
    'same-name',
    { containers: [script('c', WAIT), script('c', WAIT)] },
    'spec.containers[1].name: Duplicate value: "c"',
  ),
  refused(
    'same-init-name',
    { initContainers: [script('c', WAIT)] },
    'spec.initContainers[0].name: Duplicate value: "c"',
  ),
  contained('container-path', { name: '../c' }, `${c}.name: Invalid value: "../c"`),
  contained('no-image', { image: '' }, `${c}.image: Required value`),
  contained('image-blank', { image: ' a:v1' }, 'must not have leading or trailing whitespace'),
  contained(
    'policy',
    { imagePullPolicy: 'Sometimes' },
    `${c}.imagePullPolicy: Unsupported value: "Sometimes"`,
  ),
  refused(
    'restart',
    { restartPolicy: 'Perhaps' },
    'spec.restartPolicy: Unsupported value: "Perhaps"',
  ),
  refused(
    'grace',
    { terminationGracePeriodSeconds: -5 },
    'spec.terminationGracePeriodSeconds: Invalid value: -5: must be greater than or equal to 0',
  ),
  refused(
    'deadline',
    { activeDeadlineSeconds: 0 },
    'spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
  ),
  refused('hostname', { hostname: 'h'.repeat(64) }, 'spec.hostname: Invalid value: '),
  refused('hostname-path', { hostname: '../etc' }, 'spec.hostname: Invalid value: "../etc"'),
  refused(
    'alias',
    { hostAliases: [{ ip: '192.0.2.1', hostnames: ['a\n127.0.0.1 b'] }] },
    'spec.hostAliases[0].hostnames[0]: Invalid value: ',
  ),
  refused(
    'alias-ip',
    { hostAliases: [{ ip: '1.2.3.4\n6.6.6.6', hostnames: ['a'] }] },
    'spec.hostAliases[0].ip: Invalid value: ',
  ),
  refused(
    'dns-servers',
    { dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] } },
    'spec.dnsConfig.nameservers: Invalid value: ',
  ),
  refused(
    'dns-none',
    { dnsPolicy: 'None' },
    'spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None',
  ),
  refused(
    'dns-search',
    { dnsConfig: { searches: ['a\nnameserver 6.6.6.6'] } },
    'spec.dnsConfig.searches[0]: Invalid value: ',
  ),
  contained(
    'port-twice',
    { ports: [port(80, { name: 'web' }), port(81, { name: 'web' })] },
    `${c}.ports[1].name: Duplicate value: "web"`,
  ),
  contained(
    'host-port-twice',
    { ports: [port(80, { hostPort: 42246 }), port(81, { hostPort: 42246 })] },
    `${c}.ports[1].hostPort: Duplicate value: "TCP//42246"`,
  ),
  contained(
    'port-large',
    { ports: [port(65_536)] },
    `${c}.ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive`,
  ),
  contained(
    'cpu-negative',
    { resources: { requests: { cpu: '-1' } } },
    'must be greater than or equal to 0',
  ),
  contained(
    'cpu-words',
    { resources: { requests: { cpu: 'some' } } },
    'quantities must match the regular expression',
  ),
  contained(
    'request-above-limit',
    { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } },
    `${c}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`,
  ),
  contained(
    'env-name',
    { env: [{ name: 'A=B', value: '' }] },
    `${c}.env[0].name: Invalid value: "A=B"`,
  ),
  contained('env-empty', { env: [{ name: '', value: 'a' }] }, `${c}.env[0].name: Required value`),
  contained(
    'env-field',
    { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.secrets' } } }] },
    `${c}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.secrets"`,
  ),
  contained(
    'env-key',
    { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'm', key: '../a' } } }] },
    `${c}.env[0].valueFrom.configMapKeyRef.key: Invalid value: "../a"`,
  ),
  contained(
    'user-large',
    { securityContext: { runAsUser: 2 ** 32 } },
    `${c}.securityContext.runAsUser: Invalid value: 4294967296: must be between 0 and `,
  ),
  contained(
    'user-negative',
    { securityContext: { runAsUser: -1 } },
    `${c}.securityContext.runAsUser: Invalid value: -1: must be between 0 and `,
  ),
  contained(
    'probe-two',
    { livenessProbe: { exec: { command: ['true'] }, tcpSocket: { port: 1 } } },
    `${c}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`,
  ),
  contained(
    'probe-period',
    { livenessProbe: { exec: { command: ['true'] }, periodSeconds: -1 } },
    `${c}.livenessProbe.periodSeconds: Invalid value: -1`,
  ),
  contained(
    'probe-liveness-success',
    { livenessProbe: { exec: { command: ['true'] }, successThreshold: 2 } },
    `${c}.livenessProbe.successThreshold: Invalid value: 2: must be 1`,
  ),
  refused(
    'init-probe',
    { initContainers: [script('i', WAIT, { livenessProbe: { exec: { command: ['true'] } } })] },
    'spec.initContainers[0].livenessProbe: Forbidden',
  ),
  mounted('sub-path-up', { emptyDir: {} }, `.subPath: Invalid value: "../../etc": ${UP}`, {
    subPath: '../../etc',
  }),
  mounted('sub-path-root', { emptyDir: {} }, `must be a relative path`, { subPath: '/etc' }),
  mounted('sub-path-both', { emptyDir: {} }, `subPathExpr and subPath are mutually exclusive`, {
    subPath: 'a',
    subPathExpr: 'b',
  }),
  mounted('map-path-up', { configMap: { name: 'm', ...items('../../../etc/passwd') } }, UP),
  mounted(
    'map-path-root',
    { configMap: { name: 'm', ...items('/etc/passwd') } },
    'must be a relative path',
  ),
  mounted('secret-path-up', { secret: { secretName: 's', ...items('a/../../b') } }, UP),
  mounted(
    'projected-path-up',
    { projected: { sources: [{ secret: { name: 's', ...items('..data') } }] } },
    `must not start with '..'`,
  ),
  mounted(
    'downward-path',
    { downwardAPI: { items: [{ path: '../a', fieldRef: { fieldPath: 'metadata.name' } }] } },
    UP,
  ),
  mounted('host-path-up', { hostPath: { path: '/tmp/../etc' } }, UP),
  mounted(
    'mode-large',
    { secret: { secretName: 's', defaultMode: 0o10000 } },
    'must be a number between 0 and 0777 (octal), both inclusive',
  ),
  mounted(
    'two-sources',
    { emptyDir: {}, hostPath: { path: '/' } },
    'may not specify more than 1 volume type',
  ),
  contained(
    'mount-nothing',
    { volumeMounts: [{ name: 'none', mountPath: '/v' }] },
    `${c}.volumeMounts[0].name: Not found: "none"`,
  ),
  mounted('mount-nowhere', { emptyDir: {} }, `${c}.volumeMounts[0].mountPath: Required value`, {
    mountPath: '',
  }),
  refused(
    'mount-twice',
    {
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        script('c', WAIT, {
          volumeMounts: [
            { name: 'v', mountPath: '/v' },
            { name: 'v', mountPath: '/v' },
          ],
        }),
      ],
    },
    'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/v": must be unique',
  ),
  refused(
    'volume-twice',
    {
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'v', emptyDir: {} },
      ],
    },
    'spec.volumes[1].name: Duplicate value: "v"',
  ),
  refused('annotations', {}, 'metadata.annotations: Too long: may not be more than 262144 bytes', {
    annotations: { a: 'x'.repeat(262_145) },
  }),
  refused('label', {}, 'metadata.labels: Invalid value: "a b"', { labels: { a: 'a b' } }),
  refused('priority', { priorityClassName: 'none' }, 'no PriorityClass with name none was found'),
  refused('runtime', { runtimeClassName: 'none' }, 'RuntimeClass "none" not found'),
  refused(
    'enormous',
    { containers: [script('c', WAIT, { args: ['x'.repeat(4 * 1024 ** 2)] })] },
    'Request entity too large: limit is 3145728',
  ),
];
