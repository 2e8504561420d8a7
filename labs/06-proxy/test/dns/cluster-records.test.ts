// What the cluster answers to each question, over fixed objects.

import { describe, expect, test } from 'vitest';
import { type ClusterAnswer, clusterRecords } from '../../src/dns/cluster-records.ts';
import { notReady, ready, service, slice } from '../objects.ts';
import { fixedSource } from './fixed-source.ts';

const http = { name: 'http', port: 80 };
const services = [
  service('default/web', { clusterIP: '10.96.0.7', ports: [http, { port: 9, protocol: 'UDP' }] }),
  service('default/db', { clusterIP: 'None', ports: [{ name: 'sql', port: 5432 }] }),
  service('default/idle', { clusterIP: 'None', ports: [{ name: 'sql', port: 5432 }] }),
  service('default/away', { type: 'ExternalName', externalName: 'example.org' }),
];
const sql = [{ name: 'sql', port: 15_432, protocol: 'TCP' }];
const slices = [
  slice('default/web', [ready('10.244.1.9')]),
  slice('default/db', [ready('10.244.1.2', { hostname: 'db-0' }), notReady('10.244.1.4')], sql),
  slice('default/db', [ready('10.244.2.3')], sql),
  slice('default/idle', [notReady('10.244.1.5')], sql),
];
const source = fixedSource(services, slices);
const options = { zone: 'cluster.local', ownsAddress: (ip: string) => ip.startsWith('10.') };

function ask(type: string, name: string): ClusterAnswer {
  return clusterRecords({ name, type }, source, options);
}

/** 'TYPE data' of each record, or the kind of an answer without any. */
function told(answer: ClusterAnswer): string | string[] {
  if (answer.kind !== 'records') return answer.kind;
  return answer.answers.map((record) => {
    const data = 'data' in record ? record.data : '';
    if (record.type !== 'SRV') return `${record.type} ${data}`;
    return `SRV ${record.data.priority} ${record.data.weight} ${record.data.port} ${record.data.target}`;
  });
}

describe('clusterRecords()', () => {
  const web = 'web.default.svc.cluster.local';
  const db = 'db.default.svc.cluster.local';
  test.each([
    ['A', web, ['A 10.96.0.7']],
    ['A', 'WEB.default.SVC.cluster.local.', ['A 10.96.0.7']],
    ['AAAA', web, []],
    ['MX', web, []],
    ['A', 'none.default.svc.cluster.local', 'no-such-name'],
    ['AAAA', 'none.default.svc.cluster.local', 'no-such-name'],
    ['A', 'default.svc.cluster.local', []],
    ['A', 'nowhere.svc.cluster.local', 'no-such-name'],
    ['A', 'svc.cluster.local', []],
    ['A', 'cluster.local', []],
    ['A', 'web.cluster.local', 'no-such-name'],
    ['A', 'example.org', 'outside'],
    ['TXT', 'dns-version.cluster.local', ['TXT 1.1.0']],
    ['SRV', `_http._tcp.${web}`, [`SRV 0 100 80 ${web}`]],
    ['SRV', `_HTTP._TCP.${web}`, [`SRV 0 100 80 ${web}`]],
    ['SRV', web, [`SRV 0 50 80 ${web}`, `SRV 0 50 9 ${web}`]],
    ['SRV', `_http._udp.${web}`, 'no-such-name'],
    ['SRV', `_._udp.${web}`, 'no-such-name'],
    ['A', `_http._tcp.${web}`, []],
    ['A', db, ['A 10.244.1.2', 'A 10.244.2.3']],
    ['A', `db-0.${db}`, ['A 10.244.1.2']],
    ['A', `10-244-2-3.${db}`, ['A 10.244.2.3']],
    ['AAAA', `db-0.${db}`, []],
    ['A', `db-1.${db}`, 'no-such-name'],
    ['SRV', `_sql._tcp.${db}`, [`SRV 0 50 15432 db-0.${db}`, `SRV 0 50 15432 10-244-2-3.${db}`]],
    ['A', 'idle.default.svc.cluster.local', 'no-such-name'],
    ['A', 'away.default.svc.cluster.local', 'alias'],
    ['A', 'x.away.default.svc.cluster.local', 'no-such-name'],
    ['A', '10-244-1-5.default.pod.cluster.local', ['A 10.244.1.5']],
    ['AAAA', '10-244-1-5.default.pod.cluster.local', []],
    ['PTR', '7.0.96.10.in-addr.arpa', [`PTR ${web}`]],
    ['PTR', '2.1.244.10.in-addr.arpa', [`PTR db-0.${db}`]],
    ['PTR', '9.1.244.10.in-addr.arpa', 'no-such-name'],
    ['PTR', '4.1.244.10.in-addr.arpa', 'no-such-name'],
    ['PTR', '9.113.0.203.in-addr.arpa', 'outside'],
    ['A', '7.0.96.10.in-addr.arpa', []],
  ])('tells %s of %s', (type, name, want) => {
    expect(told(ask(type, name))).toEqual(want);
  });

  test('adds the addresses that an SRV record points to', () => {
    const answer = ask('SRV', `_sql._tcp.${db}`);
    expect(answer.kind === 'records' && answer.additionals).toMatchObject([
      { type: 'A', name: `db-0.${db}`, data: '10.244.1.2' },
      { type: 'A', name: `10-244-2-3.${db}`, data: '10.244.2.3' },
    ]);
  });
});
