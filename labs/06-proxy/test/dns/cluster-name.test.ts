// Names of the cluster, read as text.

import { describe, expect, test } from 'vitest';
import { parseClusterName } from '../../src/dns/cluster-name.ts';

const web = { namespace: 'default', service: 'web' };

describe('parseClusterName()', () => {
  test.each([
    ['example.org', { kind: 'outside' }],
    ['notcluster.local', { kind: 'outside' }],
    ['', { kind: 'outside' }],
    ['cluster.local', { kind: 'apex' }],
    ['svc.cluster.local', { kind: 'branch' }],
    ['pod.cluster.local.', { kind: 'branch' }],
    ['dns-version.cluster.local', { kind: 'schema-version' }],
    ['x.dns-version.cluster.local', { kind: 'impossible' }],
    ['web.cluster.local', { kind: 'impossible' }],
    ['default.svc.cluster.local', { kind: 'namespace', namespace: 'default' }],
    ['default.pod.cluster.local', { kind: 'namespace', namespace: 'default' }],
    ['web.default.svc.cluster.local', { kind: 'service', ...web }],
    ['WEB.Default.svc.CLUSTER.local.', { kind: 'service', ...web }],
    ['web-0.web.default.svc.cluster.local', { kind: 'endpoint', ...web, host: 'web-0' }],
    [
      '_http._tcp.web.default.svc.cluster.local',
      { kind: 'port', ...web, port: 'http', protocol: 'tcp' },
    ],
    ['http._tcp.web.default.svc.cluster.local', { kind: 'impossible' }],
    ['a._b._c.web.default.svc.cluster.local', { kind: 'impossible' }],
    [
      '10-244-1-5.default.pod.cluster.local',
      { kind: 'pod', namespace: 'default', ip: '10.244.1.5' },
    ],
    ['10-244-1-500.default.pod.cluster.local', { kind: 'impossible' }],
    ['a.10-244-1-5.default.pod.cluster.local', { kind: 'impossible' }],
    ['7.0.96.10.in-addr.arpa', { kind: 'address', ip: '10.96.0.7' }],
    ['96.10.in-addr.arpa', { kind: 'outside' }],
    ['x.0.96.10.in-addr.arpa', { kind: 'outside' }],
  ])('reads "%s"', (name, want) => {
    expect(parseClusterName(name, 'cluster.local')).toEqual(want);
  });
});
