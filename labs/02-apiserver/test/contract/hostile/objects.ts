// Objects that are nearly right: one of each interesting kind, with something in them replaced, removed, doubled or blown up.
import type { Random } from './random.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Which object a body is to be nearly. */
export interface Wanted {
  readonly resource: string;
  readonly name: string | undefined;
  readonly apiVersion: string;
  readonly kind: string;
}

type JsonObject = { [key: string]: Json };

const LABELS = { app: 'x' };
const POD_SPEC = {
  containers: [
    {
      name: 'c',
      image: 'i',
      ports: [{ containerPort: 80, protocol: 'TCP' }],
      env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      resources: { requests: { cpu: '1', memory: '1Gi' } },
      livenessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 3 },
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
    },
  ],
  volumes: [{ name: 'v', emptyDir: {} }],
  tolerations: [{ operator: 'Exists' }],
};
const TEMPLATE = { metadata: { labels: LABELS }, spec: POD_SPEC };
const SELECTOR = { matchLabels: LABELS, matchExpressions: [{ key: 'app', operator: 'Exists' }] };

/** By the plural's name; what is not here gets kind, name and an empty spec. */
const SPECS: Readonly<Record<string, object>> = {
  pods: { spec: POD_SPEC },
  podtemplates: { template: TEMPLATE },
  deployments: {
    spec: {
      replicas: 1,
      selector: SELECTOR,
      template: TEMPLATE,
      strategy: { type: 'RollingUpdate' },
    },
  },
  replicasets: { spec: { selector: SELECTOR, template: TEMPLATE } },
  statefulsets: { spec: { selector: SELECTOR, serviceName: 's', template: TEMPLATE } },
  daemonsets: { spec: { selector: SELECTOR, template: TEMPLATE } },
  jobs: { spec: { template: { spec: { ...POD_SPEC, restartPolicy: 'Never' } }, completions: 2 } },
  cronjobs: {
    spec: {
      schedule: '*/1 * * * *',
      jobTemplate: { spec: { template: { spec: { ...POD_SPEC, restartPolicy: 'Never' } } } },
    },
  },
  services: {
    spec: {
      selector: LABELS,
      ports: [{ name: 'a', port: 80, targetPort: 'http' }],
      type: 'NodePort',
    },
  },
  endpoints: { subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 80 }] }] },
  endpointslices: {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.2.3'] }],
    ports: [{ port: 80 }],
  },
  configmaps: { data: { a: '1' }, binaryData: { b: 'AAEC' } },
  secrets: { type: 'Opaque', data: { a: 'AAEC' }, stringData: { b: 'x' } },
  events: {
    involvedObject: { kind: 'Pod', name: 'x', namespace: 'default' },
    reason: 'R',
    count: 1,
  },
  leases: {
    spec: {
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      renewTime: '2026-01-01T00:00:00.000000Z',
    },
  },
  resourcequotas: { spec: { hard: { 'count/widgets.example.com': '100' } } },
  limitranges: {
    spec: { limits: [{ type: 'Container', max: { cpu: '100' }, default: { cpu: '1' } }] },
  },
  persistentvolumes: {
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      hostPath: { path: '/x' },
    },
  },
  persistentvolumeclaims: {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  },
  horizontalpodautoscalers: {
    spec: {
      maxReplicas: 3,
      scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' },
    },
  },
  poddisruptionbudgets: { spec: { minAvailable: '50%', selector: SELECTOR } },
  networkpolicies: {
    spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] },
  },
  ingresses: {
    spec: {
      rules: [
        {
          host: 'a.example.com',
          http: {
            paths: [
              {
                path: '/',
                pathType: 'Prefix',
                backend: { service: { name: 's', port: { number: 80 } } },
              },
            ],
          },
        },
      ],
    },
  },
  roles: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
  rolebindings: {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
    subjects: [{ kind: 'User', name: 'ann', apiGroup: 'rbac.authorization.k8s.io' }],
  },
  storageclasses: { provisioner: 'p', volumeBindingMode: 'Immediate' },
  priorityclasses: { value: 5 },
  certificatesigningrequests: { spec: { request: 'AAEC', signerName: 'a.com/b', usages: ['any'] } },
  tokenreviews: { spec: { token: 'x.y.z' } },
  subjectaccessreviews: {
    spec: { user: 'ann', resourceAttributes: { verb: 'get', resource: 'pods' } },
  },
  selfsubjectaccessreviews: { spec: { nonResourceAttributes: { verb: 'get', path: '/x' } } },
  customresourcedefinitions: {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n' },
          },
          additionalPrinterColumns: [{ name: 'N', type: 'integer', jsonPath: '.spec.n' }],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: {
                  type: 'object',
                  properties: {
                    n: { type: 'integer', default: 1, minimum: 0 },
                    words: { type: 'array', items: { type: 'string', pattern: '^(a+)+$' } },
                    any: { 'x-kubernetes-preserve-unknown-fields': true },
                    either: { 'x-kubernetes-int-or-string': true },
                  },
                },
                status: { type: 'object', properties: { n: { type: 'integer' } } },
              },
            },
          },
        },
      ],
    },
  },
  widgets: {
    spec: { n: 2, words: ['aaaaaaaaaaaaaaaaaaaaaaaaaaaa!'], any: { a: [1] }, either: '5' },
  },
};

const STRINGS: readonly string[] = [
  '',
  ' ',
  '..',
  '/',
  '\0',
  '\ud800',
  'ÿ\u202e',
  '-',
  'a'.repeat(254),
  'x'.repeat(70_000),
  '__proto__',
  'constructor',
  '$(A)$(A)',
  '1e999999999',
  '999999999999999999999Ei',
  '-0',
  '0x10',
  '{"a":1}',
  '9999-99-99T99:99:99Z',
  '2026-01-01T00:00:00Z',
  '*/0 * * * *',
  '(a+)+$',
  '%s%n',
];
const NUMBERS: readonly number[] = [0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 65_536];

/** As it should be: what a server takes. */
export function rightObject({ resource, name = 'x', ...gvk }: Wanted): Json {
  const metadata = { name, labels: LABELS, annotations: { note: 'x' } };
  return structuredClone({ ...gvk, metadata, ...SPECS[resource] }) as JsonObject;
}

/** The same, with up to three changes. `name` as in the path, or one of a few when it has none. */
export function nearlyRight(random: Random, { name, ...wanted }: Wanted): Json {
  const called = name ?? random.pick(['x', 'y', 'z', 'default', `n${random.below(50)}`]);
  let result = rightObject({ ...wanted, name: called });
  for (let n = random.chance(50) ? 0 : random.below(4); n > 0; n -= 1) {
    result = changed(random, result);
  }
  return result;
}

/** Something at a random place is replaced, removed or added to. */
function changed(random: Random, value: Json): Json {
  const keys = value !== null && typeof value === 'object' ? Object.keys(value) : [];
  if (keys.length === 0 || random.chance(15)) return anything(random, 3);
  const key = random.pick(keys);
  if (Array.isArray(value)) {
    const copy = [...value];
    if (random.chance(20)) return random.chance(50) ? [...copy, ...copy] : copy.slice(1);
    copy[Number(key)] = changed(random, copy[Number(key)] ?? null);
    return copy;
  }
  const object = value as JsonObject;
  if (random.chance(12)) {
    const { [key]: _removed, ...rest } = object;
    return rest;
  }
  if (random.chance(12))
    return withKey(
      object,
      random.pick([...STRINGS, 'metadata', 'managedFields']),
      anything(random, 2),
    );
  return withKey(object, key, changed(random, object[key] ?? null));
}

/** As JSON.parse does it: `__proto__` is a key like any other. */
function withKey(object: JsonObject, key: string, value: Json): JsonObject {
  return Object.fromEntries([...Object.entries(object), [key, value]]);
}

export function anything(random: Random, depth: number): Json {
  const kinds = depth <= 0 ? 5 : 8;
  switch (random.below(kinds)) {
    case 0:
      return null;
    case 1:
      return random.chance(50);
    case 2:
      return random.pick(NUMBERS);
    case 3:
    case 4:
      return random.pick(STRINGS);
    case 5:
      return random.times(4, () => anything(random, depth - 1));
    case 6:
      return nested(random.below(2000));
    default:
      return Object.fromEntries(
        random.times(4, () => [
          random.pick([...STRINGS, 'a', 'name', 'key', 'ip']),
          anything(random, depth - 1),
        ]),
      );
  }
}

function nested(depth: number): Json {
  let value: Json = {};
  for (let n = 0; n < depth; n += 1) value = n % 2 === 0 ? { a: value } : [value];
  return value;
}

export function manyLabels(count: number): Json {
  const entries = Array.from({ length: count }, (_, n) => [`l${n}`, String(n)]);
  return { metadata: { name: 'x', labels: Object.fromEntries(entries) as JsonObject } };
}
