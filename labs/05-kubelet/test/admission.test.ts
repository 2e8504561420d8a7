// What a node takes and what it turns away, in upstream's words; figures and rules as tables.

import type { Container, Node, Pod, PodSpec, Taint, Toleration } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { admitPod } from '#src/pod/admission.ts';
import { nodeFit } from '#src/pod/node-fit.ts';
import { podRequests } from '#src/pod/pod-requests.ts';

const ALLOCATABLE = {
  cpu: '4',
  memory: '1Ki',
  pods: '3',
  'ephemeral-storage': '1000',
  'example.com/gpu': '1',
};
const NODE: Node = { metadata: { name: 'node-1', labels: { disk: 'ssd', size: '3' } } };

function asking(requests: Record<string, string>, rest: Partial<Container> = {}): Container {
  return { name: 'c', image: 'x', resources: { requests }, ...rest };
}

function pod(spec: Partial<PodSpec> = {}, rest: Partial<Pod> = {}): Pod {
  return { spec: { containers: [{ name: 'c', image: 'x' }], ...spec }, ...rest };
}

const cpu = (amount: string) => pod({ containers: [asking({ cpu: amount })] });
const port = (hostPort: number, rest: { hostIP?: string; protocol?: string } = {}) =>
  pod({ containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, ...rest }] }] });

function admit(one: Pod, { others = [], taints = [] }: { others?: Pod[]; taints?: Taint[] } = {}) {
  const node = () => ({ ...NODE, spec: { taints } });
  const result = admitPod([nodeFit({ node, allocatable: ALLOCATABLE })], one, others);
  return result.admitted ? 'admitted' : `${result.reason}: ${result.message}`;
}

describe('nodeFit() counts', () => {
  test.each<{ name: string; one: Pod; others?: Pod[]; want: string }>([
    { name: 'a pod that fits exactly', one: cpu('1'), others: [cpu('3')], want: 'admitted' },
    {
      name: 'processors, in thousandths',
      one: cpu('2'),
      others: [cpu('1500m'), cpu('1500m')],
      want: "OutOfcpu: Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000",
    },
    {
      name: 'memory, in bytes',
      one: pod({ containers: [asking({ memory: '1Mi' })] }),
      want: "OutOfmemory: Node didn't have enough resource: memory, requested: 1048576, used: 0, capacity: 1024",
    },
    {
      name: 'room on the disk',
      one: pod({ containers: [asking({ 'ephemeral-storage': '2k' })] }),
      want: "OutOfephemeral-storage: Node didn't have enough resource: ephemeral-storage, requested: 2000, used: 0, capacity: 1000",
    },
    {
      name: 'devices that it has',
      one: pod({ containers: [asking({ 'example.com/gpu': '2' })] }),
      want: "OutOfexample.com/gpu: Node didn't have enough resource: example.com/gpu, requested: 2, used: 0, capacity: 1",
    },
    {
      name: 'no devices that it does not know',
      one: pod({ containers: [asking({ 'example.com/fpga': '2' })] }),
      want: 'admitted',
    },
    {
      name: 'huge pages, of which it has none',
      one: pod({ containers: [asking({ 'hugepages-2Mi': '2Mi' })] }),
      want: "OutOfhugepages-2Mi: Node didn't have enough resource: hugepages-2Mi, requested: 2097152, used: 0, capacity: 0",
    },
    {
      name: 'pods',
      one: pod(),
      others: [pod(), pod(), pod()],
      want: "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
    },
    {
      name: 'nothing for who asks for nothing, however full it is',
      one: pod(),
      others: [cpu('400')],
      want: 'admitted',
    },
    {
      name: 'a request for nothing as none',
      one: cpu('0'),
      others: [cpu('400')],
      want: 'admitted',
    },
  ])('$name', ({ one, others = [], want }) => {
    expect(admit(one, { others })).toBe(want);
  });
});

const PORTS =
  "NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";

describe('nodeFit() keeps ports apart', () => {
  test.each<{ name: string; one: Pod; other: Pod; want: string }>([
    { name: 'the same port', one: port(80), other: port(80), want: PORTS },
    { name: 'another port', one: port(80), other: port(81), want: 'admitted' },
    { name: 'no port of the node', one: port(0), other: port(0), want: 'admitted' },
    {
      name: 'another protocol',
      one: port(80),
      other: port(80, { protocol: 'UDP' }),
      want: 'admitted',
    },
    {
      name: 'one address of all',
      one: port(80, { hostIP: '10.0.0.1' }),
      other: port(80),
      want: PORTS,
    },
    {
      name: 'two addresses',
      one: port(80, { hostIP: '10.0.0.1' }),
      other: port(80, { hostIP: '10.0.0.2' }),
      want: 'admitted',
    },
    {
      name: 'a sidecar’s',
      one: port(80),
      other: pod({
        initContainers: [
          { name: 's', restartPolicy: 'Always', ports: [{ containerPort: 1, hostPort: 80 }] },
        ],
      }),
      want: PORTS,
    },
    {
      name: 'not those of who has ended by then',
      one: port(80),
      other: pod({ initContainers: [{ name: 'i', ports: [{ containerPort: 1, hostPort: 80 }] }] }),
      want: 'admitted',
    },
  ])('$name', ({ one, other, want }) => {
    expect(admit(one, { others: [other] })).toBe(want);
  });
});

const AFFINITY =
  "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";

describe('nodeFit() looks at labels', () => {
  const terms = (...nodeSelectorTerms: object[]): Partial<PodSpec> => ({
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
    },
  });
  const label = (key: string, operator: string, ...values: string[]) => ({
    matchExpressions: [{ key, operator, values }],
  });
  test.each<{ name: string; spec: Partial<PodSpec>; want: string }>([
    { name: 'a selector that holds', spec: { nodeSelector: { disk: 'ssd' } }, want: 'admitted' },
    { name: 'a selector that does not', spec: { nodeSelector: { disk: 'hdd' } }, want: AFFINITY },
    { name: 'a label that is not there', spec: { nodeSelector: { zone: 'a' } }, want: AFFINITY },
    { name: 'In', spec: terms(label('disk', 'In', 'hdd', 'ssd')), want: 'admitted' },
    { name: 'NotIn', spec: terms(label('disk', 'NotIn', 'ssd')), want: AFFINITY },
    { name: 'Exists', spec: terms(label('disk', 'Exists')), want: 'admitted' },
    { name: 'DoesNotExist', spec: terms(label('disk', 'DoesNotExist')), want: AFFINITY },
    { name: 'Gt', spec: terms(label('size', 'Gt', '2')), want: 'admitted' },
    { name: 'Lt', spec: terms(label('size', 'Lt', '3')), want: AFFINITY },
    {
      name: 'one of two alternatives',
      spec: terms(label('disk', 'In', 'hdd'), label('size', 'Exists')),
      want: 'admitted',
    },
    { name: 'an empty alternative', spec: terms({}), want: AFFINITY },
    {
      name: 'the node’s name',
      spec: terms({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-2'] }] }),
      want: AFFINITY,
    },
    {
      name: 'all of one alternative',
      spec: terms({
        ...label('disk', 'Exists'),
        matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-2'] }],
      }),
      want: AFFINITY,
    },
    {
      name: 'a selector besides an affinity',
      spec: { nodeSelector: { zone: 'a' }, ...terms(label('disk', 'Exists')) },
      want: AFFINITY,
    },
  ])('$name', ({ spec, want }) => {
    expect(admit(pod(spec))).toBe(want);
  });
});

const TAINTED =
  "TaintToleration: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate";

describe('nodeFit() looks at taints that nobody may run with', () => {
  const taint: Taint = { key: 'k', value: 'v', effect: 'NoExecute' };
  const soft: Taint = { key: 'k', effect: 'NoSchedule' };
  test.each<{ name: string; toleration?: Toleration; taints?: Taint[]; want: string }>([
    { name: 'not tolerated', want: TAINTED },
    { name: 'of scheduling only', taints: [soft], want: 'admitted' },
    { name: 'by key and value', toleration: { key: 'k', value: 'v' }, want: 'admitted' },
    { name: 'another value', toleration: { key: 'k', value: 'w' }, want: TAINTED },
    { name: 'by key', toleration: { key: 'k', operator: 'Exists' }, want: 'admitted' },
    { name: 'another key', toleration: { key: 'l', operator: 'Exists' }, want: TAINTED },
    { name: 'all', toleration: { operator: 'Exists' }, want: 'admitted' },
    {
      name: 'another effect',
      toleration: { operator: 'Exists', effect: 'NoSchedule' },
      want: TAINTED,
    },
    { name: 'no key and no operator', toleration: { value: 'v' }, want: TAINTED },
    {
      name: 'one of two',
      toleration: { key: 'k', operator: 'Exists' },
      taints: [taint, { ...taint, key: 'l' }],
      want: TAINTED,
    },
  ])('$name', ({ toleration, taints = [taint], want }) => {
    const tolerations = toleration === undefined ? [] : [toleration];
    expect(admit(pod({ tolerations }), { taints })).toBe(want);
  });
  test('a static pod runs whatever they say', () => {
    const annotations = { 'kubernetes.io/config.source': 'file' };
    expect(admit(pod({}, { metadata: { annotations } }), { taints: [taint] })).toBe('admitted');
  });
});

test.each([
  {
    name: 'a label for another system',
    one: pod({}, { metadata: { labels: { 'kubernetes.io/os': 'windows' } } }),
    want: "PodOSSelectorNodeLabelDoesNotMatch: Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
  },
  {
    name: 'another system',
    one: pod({ os: { name: 'windows' } }),
    want: "PodOSNotSupported: Failed to admit pod as the OS field doesn't match node OS",
  },
  {
    name: 'this system',
    one: pod({ os: { name: 'linux' } }, { metadata: { labels: { 'kubernetes.io/os': 'linux' } } }),
    want: 'admitted',
  },
])('a pod that asks for $name: $want', ({ one, want }) => {
  expect(admit(one)).toBe(want);
});

test('admitPod() asks the handlers in order, and the first no decides', () => {
  const asked: string[] = [];
  const handler = (name: string, admitted: boolean) => ({
    admit() {
      asked.push(name);
      return admitted ? { admitted } : { admitted, reason: name, message: 'no' };
    },
  });
  const handlers = [handler('a', true), handler('b', false), handler('c', false)];
  expect(admitPod(handlers as Parameters<typeof admitPod>[0], pod(), [])).toMatchObject({
    reason: 'b',
  });
  expect(asked).toEqual(['a', 'b']);
});

describe('podRequests()', () => {
  const once = (name: string, requests: Record<string, string>) => asking(requests, { name });
  const sidecar = (requests: Record<string, string>) =>
    asking(requests, { restartPolicy: 'Always' });
  test.each<{ name: string; spec: Partial<PodSpec>; want: Record<string, number> }>([
    {
      name: 'adds up what runs together',
      spec: { containers: [asking({ cpu: '1' }), asking({ cpu: '500m', memory: '1Ki' })] },
      want: { cpu: 1500, memory: 1024 },
    },
    {
      name: 'takes the greatest of what runs one after the other',
      spec: {
        containers: [asking({ cpu: '1' })],
        initContainers: [once('a', { cpu: '3' }), once('b', { cpu: '2', memory: '5' })],
      },
      want: { cpu: 3000, memory: 5 },
    },
    {
      name: 'adds sidecars to what runs beside them',
      spec: {
        containers: [asking({ cpu: '1' })],
        initContainers: [sidecar({ cpu: '1' }), once('a', { cpu: '3' }), sidecar({ cpu: '1' })],
      },
      want: { cpu: 4000 },
    },
    {
      name: 'adds what the pod itself costs',
      spec: { containers: [asking({ cpu: '1' })], overhead: { cpu: '100m' } },
      want: { cpu: 1100 },
    },
    { name: 'is nothing for who asks for nothing', spec: {}, want: {} },
  ])('$name', ({ spec, want }) => {
    expect(Object.fromEntries(podRequests(pod(spec)))).toEqual(want);
  });
});
