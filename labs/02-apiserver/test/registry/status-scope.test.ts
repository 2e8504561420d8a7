// A write of the status takes the status from the client, and everything else from what is there.
import { expect, test } from 'vitest';
import type { KubernetesObject } from '#src/client/resources.ts';
import { prepareStatus } from '#src/registry/status-scope.ts';
import { WIDGETS, widget } from '../steps/support/widgets.ts';

const facts = { user: { name: 'alice', groups: [] }, now: '2024-01-01T00:00:00Z' };
const general = (): typeof WIDGETS.strategy => {
  const { prepareForStatusUpdate: _, ...strategy } = WIDGETS.strategy;
  return strategy;
};

test('without a strategy of its own only status and metadata are the client’s', () => {
  const old: KubernetesObject & Record<string, unknown> = {
    ...widget('a', { spec: { color: 'red' }, status: { phase: 'Old' } }),
    data: { kept: '1' },
  };
  const next: KubernetesObject & Record<string, unknown> = {
    ...widget('a', {
      metadata: { labels: { app: 'web' } },
      spec: { color: 'blue', size: 2 },
      status: { phase: 'New' },
    }),
    kind: 'Gadget',
    extra: true,
  };
  prepareStatus(general(), next, old, facts);
  expect(next).toEqual({
    ...widget('a', {
      metadata: { labels: { app: 'web' } },
      spec: { color: 'red' },
      status: { phase: 'New' },
    }),
    data: { kept: '1' },
  });
  expect(Object.keys(next)).not.toContain('extra');
});

test('a status that the client left out is gone', () => {
  const next = widget('a');
  prepareStatus(general(), next, widget('a', { status: { phase: 'Old' } }), facts);
  expect(next).toEqual(widget('a'));
});

test('a strategy of its own decides alone, and is told who writes', () => {
  const told: unknown[] = [];
  const strategy = {
    ...WIDGETS.strategy,
    prepareForStatusUpdate: (...all: unknown[]) => void told.push(...all),
  };
  const [next, old] = [widget('a', { spec: { size: 1 } }), widget('a')];
  prepareStatus(strategy, next, old, facts);
  expect(told).toEqual([next, old, facts]);
  expect(next.spec).toEqual({ size: 1 });
});
