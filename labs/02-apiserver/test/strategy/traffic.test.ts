// Ingresses, their classes, network policies.

import { describe, expect, test } from 'vitest';
import { create, faults, type Loose, update, updateStatus } from './admit.ts';

const networking = (kind: string) => ({ group: 'networking.k8s.io', version: 'v1', kind });
const ingress = networking('Ingress');
const ingressClass = networking('IngressClass');
const policy = networking('NetworkPolicy');
const named = (spec: Loose): Loose => ({ metadata: { name: 'x' }, spec });
const web = { service: { name: 'web', port: { number: 80 } } };
const at = (path: Loose): Loose => ({
  rules: [{ host: 'a.example', http: { paths: [{ backend: web, pathType: 'Prefix', ...path }] } }],
});

describe('an ingress', () => {
  const PATH = 'spec.rules[0].http.paths[0]';

  test.each([
    [{ defaultBackend: web }, ''],
    [at({ path: '/' }), ''],
    [at({ pathType: 'ImplementationSpecific' }), ''],
    [{ rules: [{ host: '*.example.com' }] }, ''],
    [{}, 'spec: Invalid value: []: either `defaultBackend` or `rules` must be specified'],
    [at({ path: 'x' }), `${PATH}.path: Invalid value: "x": must be an absolute path`],
    [at({ path: '/a//b' }), `${PATH}.path: Invalid value: "/a//b": must not contain '//'`],
    [at({ path: '/a/..' }), `${PATH}.path: Invalid value: "/a/..": cannot end with '/..'`],
    [
      at({ path: '/', pathType: undefined }),
      `${PATH}.pathType: Required value: pathType must be specified`,
    ],
    [
      at({ path: '/', pathType: 'Regex' }),
      `${PATH}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
    ],
    [
      at({ path: '/', backend: { service: { name: 'web' } } }),
      `${PATH}.backend: Required value: port name or number is required`,
    ],
    [
      at({ path: '/', backend: { service: { name: 'web', port: { name: 'http', number: 80 } } } }),
      `${PATH}.backend: Invalid value: "": cannot set both port name & port number`,
    ],
    [
      at({ path: '/', backend: {} }),
      `${PATH}.backend: Invalid value: "": resource or service backend is required`,
    ],
    [
      { rules: [{ host: '1.2.3.4' }] },
      'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
    ],
    [{ rules: [{ http: { paths: [] } }] }, 'spec.rules[0].http.paths: Required value'],
  ])('of %j: %s', (spec, says) => {
    expect(faults(() => create(ingress, named(spec)))).toBe(says);
  });

  test('names its class once, when it is made', () => {
    const annotations = { 'kubernetes.io/ingress.class': 'a' };
    const metadata = { name: 'x', annotations };
    const body = { metadata, spec: { defaultBackend: web, ingressClassName: 'a' } };
    expect(faults(() => create(ingress, body))).toBe(
      'annotations.kubernetes.io/ingress.class: Invalid value: "a": can not be set when the class field is also set',
    );
    const old = create(ingress, { metadata, spec: { defaultBackend: web } });
    expect(faults(() => update(ingress, old, body))).toBe('');
  });

  test('is reached by addresses and names, none taken for the other', () => {
    const old = create(ingress, named({ defaultBackend: web }));
    const status = (one: Loose) => ({ loadBalancer: { ingress: [one] } });
    expect(faults(() => updateStatus(ingress, old, status({ ip: '10.0.0.1' })))).toBe('');
    expect(faults(() => updateStatus(ingress, old, status({ ip: 'x' })))).toBe(
      'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address',
    );
    expect(faults(() => updateStatus(ingress, old, status({ hostname: '1.2.3.4' })))).toBe(
      'status.loadBalancer.ingress[0].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
    );
  });
});

test('a service of another type has no balancer', () => {
  const service = { group: '', version: 'v1', kind: 'Service' };
  const old = create(service, named({ ports: [{ port: 80 }] }));
  const status = { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } };
  expect(faults(() => updateStatus(service, old, status))).toBe(
    'status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is "LoadBalancer"',
  );
});

describe('an ingress class', () => {
  const parameters = { kind: 'P', name: 'p' };

  test.each([
    [{ controller: 'example.com/c' }, ''],
    [
      { controller: 'c' },
      'spec.controller: Invalid value: "c": must be a domain-prefixed path (such as "acme.io/foo")',
    ],
    [
      { controller: 'example.com/c', parameters: { ...parameters, scope: 'Namespace' } },
      "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
    ],
    [
      { controller: 'example.com/c', parameters: { ...parameters, namespace: 'n' } },
      "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
    ],
  ])('of %j: %s', (spec, says) => {
    expect(faults(() => create(ingressClass, named(spec)))).toBe(says);
  });

  test('keeps its controller', () => {
    const old = create(ingressClass, named({ controller: 'example.com/c' }));
    expect(faults(() => update(ingressClass, old, named({ controller: 'example.com/d' })))).toBe(
      'spec.controller: Invalid value: "example.com/d": field is immutable',
    );
  });
});

describe('a network policy', () => {
  const from = (peer: Loose): Loose => ({ podSelector: {}, ingress: [{ from: [peer] }] });
  const ports = (port: Loose): Loose => ({ podSelector: {}, ingress: [{ ports: [port] }] });

  test('gets its types from its rules, and TCP', () => {
    expect(create(policy, named(ports({ port: 80 }))).spec).toMatchObject({
      policyTypes: ['Ingress'],
      ingress: [{ ports: [{ port: 80, protocol: 'TCP' }] }],
    });
    const both = create(policy, named({ podSelector: {}, egress: [{}] }));
    expect(both.spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'] });
  });

  test.each([
    [from({ podSelector: {} }), ''],
    [from({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }), ''],
    [from({}), 'spec.ingress[0].from[0]: Required value: must specify a peer'],
    [
      from({ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }),
      'spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer',
    ],
    [
      from({ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }),
      'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
    ],
    [
      ports({ port: 80, protocol: 'ICMP' }),
      'spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
    ],
    [
      ports({ port: 'http', endPort: 90 }),
      'spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is non-numeric',
    ],
    [
      { podSelector: {}, policyTypes: ['Inward'] },
      'spec.policyTypes[0]: Unsupported value: "Inward": supported values: "Ingress", "Egress"',
    ],
  ])('of %j: %s', (spec, says) => {
    expect(faults(() => create(policy, named(spec)))).toBe(says);
  });
});
