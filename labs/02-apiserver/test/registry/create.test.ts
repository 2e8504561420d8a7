// How an object begins: what the server sets and takes away, and names that it makes up.
import { expect, test } from 'vitest';
import type { AdmissionPlugin } from '#src/admission/admission.ts';
import { ApiError } from '#src/api-error.ts';
import { FakeClock } from '#src/client/clock.ts';
import type { KubernetesObject } from '#src/client/resources.ts';
import { setSystemFields } from '#src/registry/system-fields.ts';
import { expectLines } from '../steps/support/lines.ts';
import { openWorkshop, type Widget, WRITE, widget } from '../steps/support/widgets.ts';

const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `field: value`, the fields in order; one that is there without a value is there. */
function fieldsOf({ metadata = {} }: KubernetesObject): string[] {
  return Object.entries(metadata)
    .map(([field, value]) => {
      const shown = field === 'uid' && UID.test(String(value)) ? '(a new one)' : value;
      return `${field}: ${typeof shown === 'string' ? shown : JSON.stringify(shown)}`;
    })
    .sort();
}

function refusal(error: unknown): string {
  if (!ApiError.is(error)) throw error;
  return `${error.code} ${error.reason}: ${error.message}`;
}

test('a new object gets its identity from the server, and what only the server may set is not taken from the client', () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  const sent = () =>
    widget('other/a', {
      metadata: {
        labels: { app: 'web' },
        uid: 'mine',
        creationTimestamp: '1999-01-01T00:00:00Z',
        deletionTimestamp: '1999-01-01T00:00:00Z',
        deletionGracePeriodSeconds: 30,
        selfLink: '/here',
        resourceVersion: '',
        finalizers: ['example.com/mine'],
      },
    });
  const namespaced = sent();
  setSystemFields(namespaced, 'shop', clock.now());
  expectLines(fieldsOf(namespaced), [
    'creationTimestamp: 2026-01-02T03:04:05Z',
    'finalizers: ["example.com/mine"]',
    'labels: {"app":"web"}',
    'name: a',
    'namespace: shop',
    'uid: (a new one)',
  ]);
  const clusterWide = sent();
  setSystemFields(clusterWide, undefined, clock.now());
  expectLines(fieldsOf(clusterWide), [
    'creationTimestamp: 2026-01-02T03:04:05Z',
    'finalizers: ["example.com/mine"]',
    'labels: {"app":"web"}',
    'name: a',
    'uid: (a new one)',
  ]);
  expect(clusterWide.metadata?.uid, 'two objects have two uids').not.toBe(namespaced.metadata?.uid);
  const again = { ...widget('a'), metadata: { name: 'a', resourceVersion: '7' } };
  expect(() => setSystemFields(again, 'shop', clock.now())).toThrow(
    'resourceVersion should not be set on objects to be created',
  );
  const bare: KubernetesObject = { kind: 'Widget' };
  setSystemFields(bare, 'shop', clock.now());
  expectLines(fieldsOf(bare), [
    'creationTimestamp: 2026-01-02T03:04:05Z',
    'namespace: shop',
    'uid: (a new one)',
  ]);
});

test('a name that is made up is made up again when it is taken, eight times in all; one that the client chose is not', async () => {
  let unlucky = 0;
  const asked: string[] = [];
  // What the server made up is not for the test to choose; a plugin can put a name that is taken in its place.
  const fate: AdmissionPlugin = {
    name: 'Fate',
    mutate: ({ object, definition }) => {
      if (object?.metadata?.generateName === undefined) return;
      asked.push(object.metadata.name ?? '(none)');
      if (asked.length <= unlucky) object.metadata.name = definition.singular;
    },
  };
  await using shop = await openWorkshop({ plugins: [fate] });
  await shop.create('widget');
  const sent = (metadata: object): Widget => ({
    ...widget('x'),
    metadata: { generateName: 'web-', ...metadata },
  });
  const create = (metadata: object) =>
    shop.registry.create(sent(metadata), 'default', WRITE).then(({ object }) => {
      return object.metadata.name?.replace(/[a-z0-9]{5}$/, '•••••') ?? '(none)';
    }, refusal);
  const exists = '409 AlreadyExists: widgets.example.com "widget" already exists';
  const answers: string[] = [];
  for (const [metadata, taken] of [
    [{}, 0],
    [{ name: '' }, 3],
    [{}, 7],
    [{}, 8],
    [{ name: 'chosen' }, 1],
  ] as const) {
    unlucky = taken;
    asked.length = 0;
    const answer = await create(metadata);
    answers.push(`${taken} taken: ${answer}, tried ${new Set(asked).size}`);
  }
  expectLines(answers, [
    '0 taken: web-•••••, tried 1',
    '3 taken: web-•••••, tried 4',
    '7 taken: web-•••••, tried 8',
    `8 taken: ${exists}, tried 8`,
    `1 taken: ${exists}, tried 1`,
  ]);
});
