// Thresholds: how many attempts in a row make a verdict.

import type { Probe } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { portOf } from '#src/probe/attempt-target.ts';
import { INITIAL_PROBE_STATE, isReady, nextProbeState } from '#src/probe/probe-state.ts';
import { container } from './objects.ts';

describe('nextProbeState()', () => {
  test.each<{ attempts: string; probe: Probe; want: string }>([
    { attempts: '+', probe: {}, want: 'success' },
    { attempts: '--', probe: {}, want: 'unknown' },
    { attempts: '---', probe: {}, want: 'failure' },
    { attempts: '--+--', probe: {}, want: 'success' },
    { attempts: '+---', probe: {}, want: 'failure' },
    { attempts: '-', probe: { failureThreshold: 1 }, want: 'failure' },
    { attempts: '---+', probe: { successThreshold: 2 }, want: 'failure' },
    { attempts: '---++', probe: { successThreshold: 2 }, want: 'success' },
  ])('$attempts is $want with $probe', ({ attempts, probe, want }) => {
    const end = [...attempts].reduce(
      (state, sign) => nextProbeState(state, sign === '+' ? 'success' : 'failure', probe),
      INITIAL_PROBE_STATE,
    );
    expect(end.verdict).toBe(want);
  });
});

test('isReady() wants a verdict where there is a probe', () => {
  expect(isReady(undefined)).toBe(true);
  expect(isReady(INITIAL_PROBE_STATE)).toBe(false);
});

test('portOf() takes numbers and names', () => {
  const spec = container('c', { ports: [{ name: 'http', containerPort: 8080 }] });
  expect([portOf(80, spec), portOf('81', spec), portOf('http', spec)]).toEqual([80, 81, 8080]);
  expect(() => portOf('admin', spec)).toThrow("couldn't find port: admin");
});
