// A definition with rules as operators ship them (of the kinds that Gateway API, cert-manager and Karpenter have), through stock kubectls.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ContractServer, startContractServer } from '../support/contract-server.ts';
import type { Layer, Ran } from '../support/tools.ts';

const string = (rest: object = {}) => ({ type: 'string', maxLength: 253, ...rest });

const LISTENER = {
  type: 'object',
  required: ['name', 'port', 'protocol'],
  properties: {
    name: string(),
    hostname: string(),
    port: { type: 'integer', minimum: 1, maximum: 65535 },
    protocol: string(),
    tls: { type: 'object', properties: { mode: string({ default: 'Terminate' }) } },
  },
};
const BACKEND = {
  type: 'object',
  required: ['name'],
  properties: {
    group: string({ default: '' }),
    kind: string({ default: 'Service' }),
    name: string(),
    port: { type: 'integer' },
    weight: { 'x-kubernetes-int-or-string': true },
  },
  'x-kubernetes-validations': [
    {
      message: 'Must have port for Service reference',
      rule: "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true",
    },
    {
      message: 'weight must be a number or a percentage',
      rule: "!has(self.weight) || type(self.weight) == int || self.weight.matches('^[0-9]+%$')",
    },
  ],
};
const SPEC = {
  type: 'object',
  required: ['className', 'listeners'],
  properties: {
    className: string({
      'x-kubernetes-validations': [{ message: 'Value is immutable', rule: 'self == oldSelf' }],
    }),
    listeners: {
      type: 'array',
      maxItems: 16,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: LISTENER,
      'x-kubernetes-validations': [
        {
          message: "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
          rule: "self.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)",
        },
        {
          message: 'Combination of port, protocol and hostname must be unique for each listener',
          rule: 'self.all(l1, self.exists_one(l2, l1.port == l2.port && l1.protocol == l2.protocol && (has(l1.hostname) && has(l2.hostname) ? l1.hostname == l2.hostname : !has(l1.hostname) && !has(l2.hostname))))',
        },
      ],
    },
    timeouts: {
      type: 'object',
      properties: { request: string(), backendRequest: string() },
      'x-kubernetes-validations': [
        {
          message: 'backendRequest timeout cannot be longer than request timeout',
          rule: "!(has(self.request) && has(self.backendRequest) && duration(self.request) != duration('0s') && duration(self.backendRequest) > duration(self.request))",
        },
      ],
    },
    backends: { type: 'array', maxItems: 8, items: BACKEND },
    memory: string({
      'x-kubernetes-validations': [
        {
          rule: "isQuantity(self) && quantity(self).isLessThan(quantity('1Gi'))",
          messageExpression: "'%s is no amount of memory below 1Gi'.format([self])",
        },
      ],
    }),
    ranges: {
      type: 'array',
      maxItems: 8,
      items: string({
        'x-kubernetes-validations': [{ rule: 'isCIDR(self)', reason: 'FieldValueInvalid' }],
      }),
    },
    replicas: { type: 'integer' },
    maxReplicas: { type: 'integer' },
  },
  'x-kubernetes-validations': [
    {
      rule: '!has(self.replicas) || !has(self.maxReplicas) || self.replicas <= self.maxReplicas',
      messageExpression:
        "'replicas (%d) must not exceed maxReplicas (%d)'.format([self.replicas, self.maxReplicas])",
      reason: 'FieldValueForbidden',
      fieldPath: '.replicas',
    },
  ],
};

function definition(spec: object): object {
  const schema = {
    type: 'object',
    properties: {
      spec,
      status: {
        type: 'object',
        properties: { ready: { type: 'integer' } },
        'x-kubernetes-validations': [{ rule: 'self.ready >= 0', message: 'ready counts up' }],
      },
    },
    'x-kubernetes-validations': [
      { rule: 'self.metadata.name.size() <= 20', message: 'name must be no longer than 20' },
    ],
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'entrances.net.example.com' },
    spec: {
      group: 'net.example.com',
      scope: 'Namespaced',
      names: { plural: 'entrances', kind: 'Entrance' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: { status: {} },
        },
      ],
    },
  };
}

const HTTP = { name: 'http', port: 80, protocol: 'HTTP' };
const entrance = (name: string, spec: object = {}) => ({
  apiVersion: 'net.example.com/v1',
  kind: 'Entrance',
  metadata: { name },
  spec: { className: 'c', listeners: [HTTP], ...spec },
});

describe.each<Layer>(['28', '35'])('kubectl 1.%s and a definition with rules', (layer) => {
  let server: ContractServer;
  const kubectl = (...args: string[]): Promise<Ran> => server.run('kubectl', layer, args);
  const apply = (manifest: object, ...args: string[]): Promise<Ran> =>
    server.run('kubectl', layer, ['apply', ...args, '-f', '-'], {
      input: JSON.stringify(manifest),
    });

  beforeAll(async () => {
    server = await startContractServer('our store');
    const made = await apply(definition(SPEC));
    expect(made.stdout, made.stderr).toContain('entrances.net.example.com created');
    await kubectl(
      'wait',
      '--for=condition=established',
      '--timeout=60s',
      'crd/entrances.net.example.com',
    );
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('a definition whose rules are wrong is refused, with the place in the rule', async () => {
    const bad = definition({
      type: 'object',
      properties: { replicas: { type: 'integer' } },
      'x-kubernetes-validations': [{ rule: "self.replicas > 'one' && self.nothing" }],
    });
    const refused = await apply({ ...bad, metadata: { name: 'entrances.net.example.com' } });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      'The CustomResourceDefinition "entrances.net.example.com" is invalid: spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: ',
    );
    expect(refused.stderr).toContain(
      "compilation failed: ERROR: <input>:1:15: found no matching overload for '_>_' applied to '(int, string)'\n | self.replicas > 'one' && self.nothing\n | ..............^",
    );
  });

  test('a good object is taken, by create, apply and server-side apply', async () => {
    const spec = {
      listeners: [HTTP, { name: 'https', port: 443, protocol: 'HTTPS', tls: {} }],
      timeouts: { request: '10s', backendRequest: '2s' },
      backends: [
        { name: 'a', port: 80, weight: '10%' },
        { name: 'b', kind: 'Other', weight: 3 },
      ],
      memory: '512Mi',
      ranges: ['10.0.0.0/8', '::/0'],
      replicas: 2,
      maxReplicas: 3,
    };
    for (const [name, ...args] of [['plain'], ['server', '--server-side']] as const) {
      const made = await apply(entrance(name, spec), ...args);
      expect(made.code, made.stderr).toBe(0);
    }
    const again = await apply(entrance('plain', { ...spec, replicas: 3 }));
    expect(again.stdout).toBe('entrance.net.example.com/plain configured\n');
  });

  test('a bad one is refused with all complaints, in the words of the rules', async () => {
    const refused = await apply(
      entrance('bad', {
        listeners: [
          { ...HTTP, tls: {} },
          { ...HTTP, name: 'again' },
        ],
        timeouts: { request: '1s', backendRequest: '1m' },
        backends: [{ name: 'a' }, { name: 'b', port: 1, weight: 'heavy' }],
        memory: '2Gi',
        ranges: ['10.0.0.0/8', 'all'],
        replicas: 4,
        maxReplicas: 3,
      }),
    );
    expect(refused.code).toBe(1);
    const lines = refused.stderr.trimEnd().split('\n');
    expect(lines[0]).toBe('The Entrance "bad" is invalid: ');
    expect(lines.slice(1).sort()).toEqual(
      [
        '* spec.replicas: Forbidden: replicas (4) must not exceed maxReplicas (3)',
        "* spec.listeners: Invalid value: \"array\": tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
        '* spec.listeners: Invalid value: "array": Combination of port, protocol and hostname must be unique for each listener',
        '* spec.timeouts: Invalid value: "object": backendRequest timeout cannot be longer than request timeout',
        '* spec.backends[0]: Invalid value: "object": Must have port for Service reference',
        '* spec.backends[1]: Invalid value: "object": weight must be a number or a percentage',
        '* spec.memory: Invalid value: "string": 2Gi is no amount of memory below 1Gi',
        '* spec.ranges[1]: Invalid value: "string": failed rule: isCIDR(self)',
      ].sort(),
    );
    const long = await apply(entrance('a-name-that-is-too-long'));
    expect(long.stderr).toBe(
      'The Entrance "a-name-that-is-too-long" is invalid: <nil>: Invalid value: "object": name must be no longer than 20\n',
    );
  });

  test('what must not change does not, by whichever verb', async () => {
    await apply(entrance('fixed'));
    const words = 'spec.className: Invalid value: "string": Value is immutable';
    const patch = ['patch', 'entrance', 'fixed', '--type=merge', '-p'];
    expect((await kubectl(...patch, '{"spec":{"className":"d"}}')).stderr).toContain(words);
    const serverSide = await apply(
      entrance('fixed', { className: 'd' }),
      '--server-side',
      '--force-conflicts',
    );
    expect(serverSide.stderr).toContain(words);
    const status = [...patch, '{"status":{"ready":-1}}', '--subresource=status'];
    expect((await kubectl(...status)).stderr).toContain(
      'status: Invalid value: "object": ready counts up',
    );
    const good = [...patch, '{"status":{"ready":1}}', '--subresource=status'];
    expect((await kubectl(...good)).stdout).toContain('patched');
  });

  test('objects that were there before a rule can still be changed', async () => {
    await apply(entrance('older', { replicas: 9 }));
    const replicas = {
      type: 'integer',
      'x-kubernetes-validations': [{ rule: 'self < 5', message: 'too many' }],
    };
    const stricter = definition({ ...SPEC, properties: { ...SPEC.properties, replicas } });
    expect((await apply(stricter)).stdout).toContain('configured');
    await expect
      .poll(
        async () => (await apply(entrance('newer', { replicas: 9 }), '--dry-run=server')).stderr,
        { timeout: 60_000 },
      )
      .toContain('spec.replicas: Invalid value: "integer": too many');
    expect((await kubectl('label', 'entrance', 'older', 'a=b')).stdout).toContain('labeled');
    const patch = ['patch', 'entrance', 'older', '--type=merge', '-p'];
    expect((await kubectl(...patch, '{"spec":{"memory":"1Mi"}}')).stdout).toContain('patched');
    expect((await kubectl(...patch, '{"spec":{"replicas":8}}')).stderr).toContain('too many');
    expect((await kubectl(...patch, '{"spec":{"replicas":4}}')).stdout).toContain('patched');
  });
});
