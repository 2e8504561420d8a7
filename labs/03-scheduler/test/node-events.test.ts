import type { Node } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import type { Plugin } from '../src/framework.ts';
import { nodeEvents } from '../src/node-events.ts';
import { nodeResourcesFit } from '../src/plugins/node-resources-fit.ts';
import { couldHelp } from '../src/registry.ts';
import { node } from './support.ts';

describe('nodeEvents()', () => {
  const heartbeat: Node = {
    ...node(),
    status: { ...node().status, conditions: [{ type: 'Ready', status: 'True' }] },
  };
  test.each<[string, Node, readonly string[]]>([
    ['a heartbeat means nothing', heartbeat, []],
    ['cordon', node({ unschedulable: true }), ['NodeSpecUnschedulableChange']],
    ['labels', node({ labels: { disk: 'ssd' } }), ['NodeLabelChange']],
    ['taints', node({ taints: [{ key: 'x', effect: 'NoSchedule' }] }), ['NodeTaintChange']],
    ['room', node({ allocatable: { cpu: '8' } }), ['NodeAllocatableChange']],
  ])('%s', (_name, changed, want) => {
    expect(nodeEvents(node(), changed)).toEqual(want);
  });
});

describe('couldHelp()', () => {
  const plugins = [{ plugin: nodeResourcesFit as Plugin, weight: 1 }];
  test('asks the plugins that rejected the pod', () => {
    const fit = new Set(['NodeResourcesFit']);
    expect(couldHelp(plugins, 'AssignedPodDelete', fit)).toBe(true);
    expect(couldHelp(plugins, 'NodeTaintChange', fit)).toBe(false);
    expect(couldHelp(plugins, 'AssignedPodDelete', new Set(['Other']))).toBe(false);
    expect(couldHelp(plugins, 'NodeTaintChange', new Set())).toBe(true);
  });
});
