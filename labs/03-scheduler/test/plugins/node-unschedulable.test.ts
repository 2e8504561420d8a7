import { describe, expect, test } from 'vitest';
import { nodeUnschedulable } from '../../src/plugins/node-unschedulable.ts';
import { ask, info, pod, reasonsOf } from '../support.ts';

describe('nodeUnschedulable.filter()', () => {
  const tolerant = {
    spec: { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] },
  };
  test.each([
    { name: 'fits an open node', unschedulable: false, options: {}, want: [] },
    {
      name: 'rejects a cordoned node',
      unschedulable: true,
      options: {},
      want: ['node(s) were unschedulable'],
    },
    { name: 'fits one whose taint is tolerated', unschedulable: true, options: tolerant, want: [] },
  ])('$name', ({ unschedulable, options, want }) => {
    expect(reasonsOf(ask(nodeUnschedulable, pod(options), info({ unschedulable })))).toEqual(want);
  });
});
