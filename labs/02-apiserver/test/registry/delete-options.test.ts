// The options of a DELETE: which of them make sense together, and what a client is told who leaves one out.
import type { DeleteOptions } from 'kubernetes-types/meta/v1';
import { describe, expect, test } from 'vitest';
import { checkDeleteOptions, deletionWarning } from '#src/registry/delete-options.ts';
import { WIDGETS } from '../steps/support/widgets.ts';

describe('checkDeleteOptions()', () => {
  test.each<DeleteOptions>([
    {},
    { propagationPolicy: 'Foreground' },
    { propagationPolicy: 'Background', gracePeriodSeconds: 0 },
    { propagationPolicy: 'Orphan' },
    { orphanDependents: false, gracePeriodSeconds: -1 },
  ])('%j makes sense', (options) => {
    expect(() => checkDeleteOptions(options)).not.toThrow();
  });

  test.each<[DeleteOptions, string]>([
    [
      { propagationPolicy: 'Orphan', orphanDependents: true },
      'orphanDependents and deletionPropagation cannot be both set',
    ],
    [
      { propagationPolicy: 'Soon' },
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Soon": supported values: "Background", "Foreground", "Orphan"',
    ],
    [{ gracePeriodSeconds: 1.5 }, 'gracePeriodSeconds must be an integer'],
  ])('%j is refused', (options, message) => {
    expect(() => checkDeleteOptions(options)).toThrow(
      expect.objectContaining({ reason: 'BadRequest', message }),
    );
  });
});

describe('deletionWarning()', () => {
  const JOBS = { ...WIDGETS, group: 'batch', resource: 'jobs' };
  const words =
    /^child pods are preserved by default when jobs are deleted; set propagationPolicy=/;

  test('warns who deletes a job and does not say what shall become of its pods', () => {
    expect(deletionWarning(JOBS, { gracePeriodSeconds: 0 })).toMatch(words);
  });

  test.each<{ name: string; of: { group: string; resource: string }; options: DeleteOptions }>([
    { name: 'a policy', of: JOBS, options: { propagationPolicy: 'Orphan' } },
    { name: 'the old option', of: JOBS, options: { orphanDependents: false } },
    { name: 'another resource', of: { group: 'batch', resource: 'cronjobs' }, options: {} },
    { name: 'jobs of another group', of: { group: 'example.com', resource: 'jobs' }, options: {} },
  ])('does not warn of $name', ({ of, options }) => {
    expect(deletionWarning({ ...WIDGETS, ...of }, options)).toBeUndefined();
  });
});
