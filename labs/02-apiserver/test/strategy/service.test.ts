// Services: defaults, refusals, and what stays on updates.

import { describe, expect, test } from 'vitest';
import { complaint, create, type Loose, update } from './admit.ts';

const gvk = { group: '', version: 'v1', kind: 'Service' };

function service(spec: Loose = {}, metadata: Loose = {}): Loose {
  return { metadata: { name: 's', ...metadata }, spec: { ports: [{ port: 80 }], ...spec } };
}

test('a service gets upstream’s defaults', () => {
  expect(create(gvk, service())).toEqual({
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name: 's', namespace: 'default' },
    spec: {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    },
    status: { loadBalancer: {} },
  });
});

describe('a service is refused', () => {
  const headless = { clusterIP: 'None' };
  test.each([
    { body: service({ ports: [] }), says: 'Service "s" is invalid: spec.ports: Required value' },
    {
      body: service({ ports: [{ port: 1 }, { port: 2 }] }),
      says: 'Service "s" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: Required value]',
    },
    {
      body: service({
        ports: [
          { port: 1, name: 'a' },
          { port: 2, name: 'a' },
        ],
      }),
      says: 'Service "s" is invalid: spec.ports[1].name: Duplicate value: "a"',
    },
    {
      body: service({ ports: [{ port: 0 }] }),
      says: /spec\.ports\[0\]\.port: Invalid value: 0: must be between 1 and 65535, inclusive/,
    },
    {
      body: service({ ports: [{ port: 80, targetPort: 'UPPER' }] }),
      says: /spec\.ports\[0\]\.targetPort: Invalid value: "UPPER": must contain only alpha-numeric characters/,
    },
    {
      body: service({ ports: [{ port: 80, protocol: 'HTTP' }] }),
      says: 'Service "s" is invalid: spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
    },
    {
      body: service({ type: 'Magic' }),
      says: /spec\.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"/,
    },
    {
      body: service({ ports: [{ port: 80, nodePort: 30_000 }] }),
      says: 'Service "s" is invalid: spec.ports[0].nodePort: Forbidden: may not be used when `type` is \'ClusterIP\'',
    },
    {
      body: service({ clusterIP: 'here' }),
      says: 'Service "s" is invalid: spec.clusterIPs[0]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    },
    {
      body: service({ ...headless, type: 'NodePort' }),
      says: 'Service "s" is invalid: spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services',
    },
    {
      body: service({ type: 'ExternalName' }),
      says: 'Service "s" is invalid: spec.externalName: Required value',
    },
    {
      body: service({ sessionAffinity: 'Sticky' }),
      says: 'Service "s" is invalid: spec.sessionAffinity: Unsupported value: "Sticky": supported values: "ClientIP", "None"',
    },
    {
      body: service({}, { name: '1st' }),
      says: /metadata\.name: Invalid value: "1st": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character/,
    },
    { body: service({ ...headless, ports: [] }), says: '' },
    { body: service({ type: 'ExternalName', externalName: 'example.com', ports: [] }), says: '' },
  ])('$body.spec', ({ body, says }) => {
    const message = complaint(() => create(gvk, body));
    if (typeof says === 'string') expect(message).toBe(says);
    else expect(message).toMatch(says);
  });
});

describe('an update of a service', () => {
  /** As the server stores it after the allocation. */
  function stored(spec: Loose): Loose {
    const object = create(gvk, service(spec)) as { spec: Loose };
    return {
      ...object,
      spec: { ...object.spec, clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'] },
    };
  }

  test('that does not mention the address keeps it', () => {
    const next = update(gvk, stored({}), service({ selector: { a: 'b' } }));
    expect(next.spec).toMatchObject({ clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'] });
  });

  test('that does not mention the node port keeps it', () => {
    const old = stored({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_123 }] });
    expect(update(gvk, old, service({ type: 'NodePort' })).spec).toMatchObject({
      ports: [{ port: 80, nodePort: 30_123 }],
    });
  });

  test('cannot change the address', () => {
    expect(complaint(() => update(gvk, stored({}), service({ clusterIP: '10.96.0.10' })))).toBe(
      'Service "s" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.0.10"]: may not change once set',
    );
  });

  test('from NodePort to ClusterIP gives the node ports up', () => {
    const old = stored({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_123 }] });
    const next = update(
      gvk,
      old,
      service({ type: 'ClusterIP', ports: [{ port: 80, nodePort: 30_123 }] }),
    );
    expect(next.spec).toMatchObject({ type: 'ClusterIP', clusterIP: '10.96.0.9' });
    expect(next.spec).not.toHaveProperty('ports.0.nodePort');
  });

  test('to ExternalName gives the address up', () => {
    const next = update(
      gvk,
      stored({}),
      service({
        type: 'ExternalName',
        externalName: 'a.example',
        clusterIP: '10.96.0.9',
        clusterIPs: ['10.96.0.9'],
      }),
    );
    expect(next.spec).not.toHaveProperty('clusterIP');
  });
});
