import type { ContainerPort } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { nodePorts } from '../../src/plugins/node-ports.ts';
import { ask, info, pod, reasonsOf } from '../support.ts';

function withPorts(...ports: Partial<ContainerPort>[]) {
  const full = ports.map((port) => ({ containerPort: 80, ...port }));
  return pod({ spec: { containers: [{ name: 'main', ports: full }] } });
}

const TAKEN = ["node(s) didn't have free ports for the requested pod ports"];

describe('nodePorts.filter()', () => {
  test.each<[string, Partial<ContainerPort>, Partial<ContainerPort>, readonly string[]]>([
    ['no host port', {}, { hostPort: 80 }, []],
    ['the same port', { hostPort: 80 }, { hostPort: 80 }, TAKEN],
    ['another port', { hostPort: 81 }, { hostPort: 80 }, []],
    ['another protocol', { hostPort: 53, protocol: 'UDP' }, { hostPort: 53, protocol: 'TCP' }, []],
    ['TCP is the default', { hostPort: 53 }, { hostPort: 53, protocol: 'TCP' }, TAKEN],
    [
      'different addresses',
      { hostPort: 80, hostIP: '10.0.0.1' },
      { hostPort: 80, hostIP: '10.0.0.2' },
      [],
    ],
    [
      'the same address',
      { hostPort: 80, hostIP: '10.0.0.1' },
      { hostPort: 80, hostIP: '10.0.0.1' },
      TAKEN,
    ],
    ['one on all addresses', { hostPort: 80 }, { hostPort: 80, hostIP: '10.0.0.2' }, TAKEN],
    [
      'the other on all addresses',
      { hostPort: 80, hostIP: '127.0.0.1' },
      { hostPort: 80, hostIP: '0.0.0.0' },
      TAKEN,
    ],
  ])('%s', (_name, wanted, used, want) => {
    const node = info({}, [withPorts({ hostPort: 9999 }, used)]);
    expect(reasonsOf(ask(nodePorts, withPorts(wanted), node))).toEqual(want);
  });
});
