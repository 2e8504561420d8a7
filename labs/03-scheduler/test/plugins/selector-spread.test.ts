import type { ReplicaSet } from 'kubernetes-types/apps/v1';
import type { ReplicationController, Service } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { type SpreadListers, selectorSpread } from '../../src/plugins/selector-spread.ts';
import { info, type PodOptions, pod, scoresOf } from '../support.ts';

const web = { app: 'web' };
const controller: ReplicationController = { metadata: { name: 'web' }, spec: { selector: web } };
const replicaSet: ReplicaSet = {
  metadata: { name: 'web' },
  spec: { selector: { matchLabels: web }, template: {} },
};
const service: Service = { metadata: { name: 'web' }, spec: { selector: web } };
const headless: Service = { metadata: { name: 'none' }, spec: {} };

function plugin(services: Service[] = []) {
  const listers: SpreadListers = {
    services: (namespace) => (namespace === 'default' ? services : []),
    replicationController: (key) => (key === 'default/web' ? controller : undefined),
    replicaSet: (key) => (key === 'default/web' ? replicaSet : undefined),
  };
  return selectorSpread(listers);
}

describe('selectorSpread.score()', () => {
  const sibling = () => pod({ labels: web });
  const nodes = [
    info({ name: 'a' }, [sibling(), sibling()]),
    info({ name: 'b' }, [
      sibling(),
      pod({ labels: web, namespace: 'other' }),
      pod({ labels: { app: 'db' } }),
    ]),
    info({ name: 'c' }),
  ];
  test.each<[string, Service[], PodOptions, number[]]>([
    [
      'pods of one replication controller',
      [],
      { labels: web, owner: { kind: 'ReplicationController', name: 'web' } },
      [0, 50, 100],
    ],
    [
      'pods of one replica set',
      [],
      { labels: web, owner: { kind: 'ReplicaSet', name: 'web' } },
      [0, 50, 100],
    ],
    ['pods behind one service', [headless, service], { labels: web }, [0, 50, 100]],
    ['a pod that belongs to nothing', [service], { labels: { app: 'db' } }, [100, 100, 100]],
    [
      'an owner that is gone',
      [],
      { labels: web, owner: { kind: 'ReplicaSet', name: 'gone' } },
      [100, 100, 100],
    ],
    ['a service without selector', [headless], { labels: web }, [100, 100, 100]],
  ])('%s', (_name, services, options, want) => {
    expect(scoresOf(plugin(services), pod(options), nodes)).toEqual(want);
  });
});
