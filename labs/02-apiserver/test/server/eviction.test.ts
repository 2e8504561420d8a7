// What an eviction takes from a budget, and when the budget does not give it.

import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { describe, expect, test } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import { withOneLess } from '#src/server/eviction.ts';

const NOW = '2026-01-01T00:00:00Z';

function budget(status: object): PodDisruptionBudget {
  const base = {
    observedGeneration: 1,
    disruptionsAllowed: 1,
    currentHealthy: 2,
    desiredHealthy: 1,
    expectedPods: 2,
  };
  return { metadata: { name: 'b', generation: 1 }, status: { ...base, ...status } };
}

const take = (status: object) => withOneLess(budget(status), 'p', Date.parse(NOW));

test('one disruption less, and the pod is written down', () => {
  expect(take({ disruptionsAllowed: 2, disruptedPods: { q: NOW } })).toMatchObject({
    status: { disruptionsAllowed: 1, disruptedPods: { q: NOW, p: NOW } },
  });
});

test('the last one leaves the condition that there are none', () => {
  expect(take({})).toMatchObject({
    status: {
      disruptionsAllowed: 0,
      conditions: [
        {
          type: 'DisruptionAllowed',
          status: 'False',
          reason: 'InsufficientPods',
          lastTransitionTime: NOW,
        },
      ],
    },
  });
});

describe('an eviction is refused', () => {
  const failed = {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'SyncFailed',
    message: 'why',
  };
  const many = Object.fromEntries(Array.from({ length: 2001 }, (_, index) => [`p${index}`, NOW]));

  test.each<[status: object, reason: string, message: string | RegExp, cause?: string]>([
    [
      { disruptionsAllowed: 0 },
      'TooManyRequests',
      "Cannot evict pod as it would violate the pod's disruption budget.",
      'The disruption budget b needs 1 healthy pods and has 2 currently',
    ],
    [
      { disruptionsAllowed: 0, conditions: [failed] },
      'TooManyRequests',
      "Cannot evict pod as it would violate the pod's disruption budget.",
      'The disruption budget b does not allow evicting pods currently because it failed sync: why',
    ],
    [
      { observedGeneration: 0 },
      'TooManyRequests',
      "Cannot evict pod as it would violate the pod's disruption budget.",
      'The disruption budget b is still being processed by the server.',
    ],
    [{ disruptionsAllowed: -1 }, 'Forbidden', /pdb disruptions allowed is negative$/],
    [{ disruptedPods: many }, 'Forbidden', /DisruptedPods map too big/],
  ])('with %j', (status, reason, message, cause) => {
    let error: unknown;
    try {
      take(status);
    } catch (thrown) {
      error = thrown;
    }
    if (!(error instanceof ApiError)) throw new Error('nothing was thrown');
    expect(error.reason).toBe(reason);
    expect(error.message).toMatch(message);
    if (cause !== undefined) {
      expect(error.details?.causes).toEqual([{ reason: 'DisruptionBudget', message: cause }]);
    }
  });
});
