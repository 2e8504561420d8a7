// The row of a pod with sidecars: they are ready, or not, and restart, as its main containers do.

import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { podPrinter } from '../../src/printers/pod.ts';

const NOW_MS = Date.parse('2015-11-09T10:05:00Z');
const running = { running: { startedAt: '2015-11-09T10:00:00Z' } };
const done = { terminated: { exitCode: 0, reason: 'Completed' } };

function status(name: string, rest: Partial<ContainerStatus>): ContainerStatus {
  return { name, image: 'i', imageID: '', ready: false, restartCount: 0, ...rest };
}

/** READY STATUS RESTARTS */
function row(sidecar: Partial<ContainerStatus>, main: Partial<ContainerStatus>): string {
  const pod: Pod = {
    metadata: { name: 'p', creationTimestamp: '2015-11-09T10:00:00Z' },
    spec: {
      initContainers: [{ name: 's', restartPolicy: 'Always' }, { name: 'i' }],
      containers: [{ name: 'c' }],
    },
    status: {
      phase: 'Running',
      initContainerStatuses: [
        status('s', sidecar),
        status('i', { state: done, ready: true, restartCount: 5 }),
      ],
      containerStatuses: [status('c', main)],
    },
  };
  return podPrinter.row(pod, NOW_MS).slice(1, 4).join(' ');
}

test.each([
  {
    sidecar: { state: running, started: true, ready: true, restartCount: 2 },
    main: { state: running, ready: true, restartCount: 1 },
    want: '2/2 Running 3',
  },
  {
    sidecar: { state: running, started: true, ready: false },
    main: { state: running, ready: true },
    want: '1/2 Running 0',
  },
  {
    sidecar: { state: { terminated: { exitCode: 0, reason: 'Completed' } } },
    main: { state: done },
    want: '0/2 Completed 0',
  },
])('reads $want', ({ sidecar, main, want }) => {
  expect(row(sidecar, main)).toBe(want);
});
