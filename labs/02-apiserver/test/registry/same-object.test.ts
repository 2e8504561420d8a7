// Whether a write would change anything: everything counts but the time at which somebody said the same again.
import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '#src/client/resources.ts';
import { isSame } from '#src/registry/same-object.ts';
import { widget } from '../steps/support/widgets.ts';
import { stored } from './scene.ts';

const entry = (manager: string, time: string) => ({ manager, time, operation: 'Update' });
const metadata = { uid: 'u1', managedFields: [entry('kubectl', '2024-01-01T00:00:00Z')] };
const spec = { color: 'red' };
const old = stored('a', { metadata, spec }).object;
const like = (more: KubernetesObject['metadata'], rest: object = { spec }): KubernetesObject =>
  widget('a', { metadata: { ...metadata, resourceVersion: '7', ...more }, ...rest });

describe('isSame()', () => {
  test.each([
    { name: 'the same', next: like({}), want: true },
    {
      name: 'the same said later',
      next: like({ managedFields: [entry('kubectl', '2025-01-01T00:00:00Z')] }),
      want: true,
    },
    {
      name: 'another owner',
      next: like({ managedFields: [entry('helm', '2024-01-01T00:00:00Z')] }),
      want: false,
    },
    {
      name: 'one owner more',
      next: like({ managedFields: [...metadata.managedFields, entry('helm', '')] }),
      want: false,
    },
    { name: 'no owners', next: widget('a', { metadata: { uid: 'u1' }, spec }), want: false },
    { name: 'another label', next: like({ labels: { app: 'web' } }), want: false },
    { name: 'another uid', next: like({ uid: 'u2' }), want: false },
    { name: 'another spec', next: like({}, { spec: { color: 'blue' } }), want: false },
    { name: 'a status', next: like({}, { spec, status: {} }), want: false },
    { name: 'no metadata', next: { kind: 'Widget' }, want: false },
  ])('$name: $want', ({ next, want }) => {
    expect(isSame(next, old)).toBe(want);
  });

  test('objects that nobody owns', () => {
    expect(isSame(widget('a', { metadata: { resourceVersion: '7' } }), stored('a').object)).toBe(
      true,
    );
  });
});
