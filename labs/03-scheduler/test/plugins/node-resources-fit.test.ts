import { describe, expect, test } from 'vitest';
import { nodeResourcesBalancedAllocation } from '../../src/plugins/node-resources-balanced-allocation.ts';
import { nodeResourcesFit } from '../../src/plugins/node-resources-fit.ts';
import { ask, info, pod, reasonsOf, scoresOf } from '../support.ts';

describe('nodeResourcesFit.filter()', () => {
  const node = info(
    { allocatable: { cpu: '2', memory: '4Gi', pods: '3', 'example.com/gpu': '1' } },
    [pod({ requests: { cpu: '1500m', memory: '1Gi' } })],
  );
  test.each<[string, Record<string, string>, readonly string[]]>([
    ['nothing requested', {}, []],
    ['exactly what is left', { cpu: '500m', memory: '3Gi' }, []],
    ['a thousandth too much cpu', { cpu: '501m' }, ['Insufficient cpu']],
    ['too much memory', { memory: '3073Mi' }, ['Insufficient memory']],
    ['both', { cpu: '1', memory: '4Gi' }, ['Insufficient cpu', 'Insufficient memory']],
    ['a device that is there', { 'example.com/gpu': '1' }, []],
    ['more devices than there are', { 'example.com/gpu': '2' }, ['Insufficient example.com/gpu']],
    ['something no node has', { 'example.com/tpu': '1' }, ['Insufficient example.com/tpu']],
    ['nothing of something no node has', { 'example.com/tpu': '0' }, []],
  ])('%s', (_name, requests, want) => {
    expect(reasonsOf(ask(nodeResourcesFit, pod({ requests }), node))).toEqual(want);
  });

  test('pods have places, whatever they request', () => {
    const full = info({ allocatable: { pods: '1' } }, [pod()]);
    expect(reasonsOf(ask(nodeResourcesFit, pod(), full))).toEqual(['Too many pods']);
  });

  test('init containers count at their peak, sidecars all the time', () => {
    const request = (cpu: string) => ({ resources: { requests: { cpu } } });
    const subject = pod({
      spec: {
        initContainers: [
          { name: 'sidecar', restartPolicy: 'Always', ...request('200m') },
          { name: 'migrate', ...request('900m') },
        ],
        containers: [
          { name: 'a', ...request('300m') },
          { name: 'b', ...request('300m') },
        ],
        overhead: { cpu: '10m' },
      },
    });
    const cpus = (cpu: string) => info({ allocatable: { cpu } });
    expect(ask(nodeResourcesFit, subject, cpus('1110m')).kind).toBe('fits');
    expect(ask(nodeResourcesFit, subject, cpus('1109m')).kind).toBe('rejects');
  });
});

describe('nodeResourcesFit.score()', () => {
  test('prefers the node of which the larger share stays free', () => {
    const subject = pod({ requests: { cpu: '1', memory: '1Gi' } });
    const busy = pod({ requests: { cpu: '2', memory: '4Gi' } });
    const nodes = [info(), info({}, [busy]), info({ allocatable: { cpu: '1', memory: '1Gi' } })];
    expect(scoresOf(nodeResourcesFit, subject, nodes)).toEqual([81, 31, 0]);
  });

  test('pods without requests weigh a little, so that full nodes differ from empty ones', () => {
    const [empty = 0, full = 0] = scoresOf(nodeResourcesFit, pod(), [
      info(),
      info(
        {},
        Array.from({ length: 10 }, () => pod()),
      ),
    ]);
    expect(empty).toBeGreaterThan(full);
  });
});

test('nodeResourcesBalancedAllocation.score() prefers equal shares of cpu and memory', () => {
  const subject = pod({ requests: { cpu: '1', memory: '2Gi' } });
  const lopsided = info({}, [pod({ requests: { cpu: '2' } })]);
  expect(scoresOf(nodeResourcesBalancedAllocation, subject, [info(), lopsided])).toEqual([100, 75]);
});
