import type { Taint, Toleration } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { taintToleration } from '../../src/plugins/taint-toleration.ts';
import { ask, info, pod, reasonsOf, scoresOf } from '../support.ts';

const hard: Taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' };
const soft: Taint = { key: 'old', effect: 'PreferNoSchedule' };
const evicting: Taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' };

describe('taintToleration.filter()', () => {
  test.each<{ name: string; taints: Taint[]; tolerations?: Toleration[]; want: string[] }>([
    { name: 'fits a node without taints', taints: [], want: [] },
    {
      name: 'rejects an untolerated NoSchedule taint',
      taints: [hard],
      want: ['node(s) had untolerated taint {gpu: yes}'],
    },
    {
      name: 'rejects an untolerated NoExecute taint, which has no value',
      taints: [evicting],
      want: ['node(s) had untolerated taint {node.kubernetes.io/unreachable: }'],
    },
    { name: 'fits a PreferNoSchedule taint', taints: [soft], want: [] },
    {
      name: 'fits when key, value and effect are tolerated',
      taints: [hard],
      tolerations: [{ key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' }],
      want: [],
    },
    {
      name: 'fits when the operator is left out, which means Equal',
      taints: [hard],
      tolerations: [{ key: 'gpu', value: 'yes' }],
      want: [],
    },
    {
      name: 'rejects another value',
      taints: [hard],
      tolerations: [{ key: 'gpu', value: 'no' }],
      want: ['node(s) had untolerated taint {gpu: yes}'],
    },
    {
      name: 'rejects when only another effect is tolerated',
      taints: [hard],
      tolerations: [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }],
      want: ['node(s) had untolerated taint {gpu: yes}'],
    },
    {
      name: 'fits when everything is tolerated',
      taints: [hard, evicting],
      tolerations: [{ operator: 'Exists' }],
      want: [],
    },
    {
      name: 'rejects when an operator is not known',
      taints: [hard],
      tolerations: [{ key: 'gpu', operator: 'Like', value: 'yes' }],
      want: ['node(s) had untolerated taint {gpu: yes}'],
    },
    {
      name: 'names the first of several taints',
      taints: [soft, evicting, hard],
      tolerations: [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists' }],
      want: ['node(s) had untolerated taint {gpu: yes}'],
    },
  ])('$name', ({ taints, tolerations = [], want }) => {
    const subject = pod({ spec: { tolerations } });
    expect(reasonsOf(ask(taintToleration, subject, info({ taints })))).toEqual(want);
  });
});

test('taintToleration.score() prefers nodes with fewer soft taints', () => {
  const other: Taint = { key: 'slow', effect: 'PreferNoSchedule' };
  const nodes = [info(), info({ taints: [soft] }), info({ taints: [soft, other] })];
  expect(scoresOf(taintToleration, pod(), nodes)).toEqual([100, 50, 0]);
  const subject = pod({ spec: { tolerations: [{ key: 'old', operator: 'Exists' }] } });
  expect(scoresOf(taintToleration, subject, nodes)).toEqual([100, 100, 0]);
});
