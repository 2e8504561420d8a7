// Machines: a pod's containers share the fate of their machine.

import { describe, expect, test } from 'vitest';
import { type Machine, mirror, type PodContainer } from '../src/machines.ts';

const born = 1_000;
const pod = (state: PodContainer['state'], startedAt = born + 1): PodContainer => ({
  id: 'pod',
  state,
  startedAt,
});

describe('mirror()', () => {
  const rows: { name: string; machine: Machine['state']; pod: PodContainer; want?: string }[] = [
    {
      name: 'a running machine leaves a running container',
      machine: 'running',
      pod: pod('running'),
    },
    { name: 'a running machine leaves an ended one', machine: 'running', pod: pod('ended') },
    { name: 'power-off kills', machine: 'off', pod: pod('running'), want: 'kill' },
    { name: 'power-off kills what was paused', machine: 'off', pod: pod('paused'), want: 'kill' },
    { name: 'power-off leaves what has ended', machine: 'off', pod: pod('ended') },
    { name: 'suspend pauses', machine: 'paused', pod: pod('running'), want: 'pause' },
    { name: 'suspend leaves what is paused', machine: 'paused', pod: pod('paused') },
    { name: 'resume unpauses', machine: 'running', pod: pod('paused'), want: 'unpause' },
    {
      name: 'nothing survives a power cycle',
      machine: 'running',
      pod: pod('running', born - 1),
      want: 'kill',
    },
    {
      name: 'nothing survives a power cycle before a suspend',
      machine: 'paused',
      pod: pod('paused', born - 1),
      want: 'kill',
    },
  ];
  test('suspends nobody who would have to wake the others, and ends them all the same', () => {
    const loop = { ...pod('running'), isMirror: true };
    expect(mirror({ state: 'paused', startedAt: born }, [loop])).toEqual([]);
    expect(mirror({ state: 'off', startedAt: 0 }, [loop])).toEqual([{ action: 'kill', id: 'pod' }]);
  });

  test.each(rows)('$name', ({ machine, pod, want }) => {
    const actions = mirror({ state: machine, startedAt: machine === 'off' ? 0 : born }, [pod]);
    expect(actions).toEqual(want === undefined ? [] : [{ action: want, id: 'pod' }]);
  });
});
