import type { NodeSelectorTerm, PodSpec } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { nodeAffinity } from '../../src/plugins/node-affinity.ts';
import { ask, info, pod, scoresOf } from '../support.ts';

const here = info({ name: 'node-1', labels: { disk: 'ssd', zone: 'a', cores: '8' } });

function required(...nodeSelectorTerms: NodeSelectorTerm[]): Partial<PodSpec> {
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms };
  return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution } } };
}

const term = (key: string, operator: string, values: string[] = []): NodeSelectorTerm => ({
  matchExpressions: [{ key, operator, values }],
});

describe('nodeAffinity.filter()', () => {
  test.each<[string, Partial<PodSpec>, 'fits' | 'rejects']>([
    ['no wish', {}, 'fits'],
    ['a nodeSelector that matches', { nodeSelector: { disk: 'ssd', zone: 'a' } }, 'fits'],
    [
      'a nodeSelector of which one differs',
      { nodeSelector: { disk: 'ssd', zone: 'b' } },
      'rejects',
    ],
    ['a nodeSelector with an absent key', { nodeSelector: { rack: '1' } }, 'rejects'],
    ['In', required(term('zone', 'In', ['a', 'b'])), 'fits'],
    ['In, without the value', required(term('zone', 'In', ['b'])), 'rejects'],
    ['NotIn', required(term('zone', 'NotIn', ['a'])), 'rejects'],
    ['NotIn of an absent key', required(term('rack', 'NotIn', ['1'])), 'fits'],
    ['Exists', required(term('disk', 'Exists')), 'fits'],
    ['DoesNotExist', required(term('disk', 'DoesNotExist')), 'rejects'],
    ['Gt', required(term('cores', 'Gt', ['4'])), 'fits'],
    ['Lt', required(term('cores', 'Lt', ['4'])), 'rejects'],
    ['an unknown operator', required(term('cores', 'Near', ['4'])), 'rejects'],
    ['terms are alternatives', required(term('zone', 'In', ['b']), term('disk', 'Exists')), 'fits'],
    [
      'expressions of a term all count',
      required({
        matchExpressions: [
          { key: 'disk', operator: 'Exists' },
          { key: 'zone', operator: 'In', values: ['b'] },
        ],
      }),
      'rejects',
    ],
    ['an empty term matches nothing', required({}), 'rejects'],
    ['no term at all matches nothing', required(), 'rejects'],
    [
      'a field: the name of the node',
      required({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-1'] }] }),
      'fits',
    ],
    [
      'a field: another name',
      required({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-2'] }] }),
      'rejects',
    ],
    [
      'nodeSelector and affinity both count',
      { ...required(term('disk', 'Exists')), nodeSelector: { zone: 'b' } },
      'rejects',
    ],
  ])('%s', (_name, spec, want) => {
    expect(ask(nodeAffinity, pod({ spec }), here).kind).toBe(want);
  });

  test('gives upstream’s reason', () => {
    const verdict = ask(nodeAffinity, pod({ spec: { nodeSelector: { zone: 'b' } } }), here);
    expect(verdict).toEqual({
      kind: 'rejects',
      reasons: ["node(s) didn't match Pod's node affinity/selector"],
    });
  });
});

test('nodeAffinity.score() adds the weights of the preferred terms that match', () => {
  const preferred = [
    { weight: 20, preference: term('disk', 'In', ['ssd']) },
    { weight: 60, preference: term('zone', 'In', ['a']) },
  ];
  const subject = pod({
    spec: {
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } },
    },
  });
  const nodes = [
    info({ labels: { disk: 'ssd', zone: 'a' } }),
    info({ labels: { disk: 'ssd' } }),
    info(),
  ];
  expect(scoresOf(nodeAffinity, subject, nodes)).toEqual([100, 25, 0]);
  expect(scoresOf(nodeAffinity, pod(), nodes)).toEqual([0, 0, 0]);
});
