// Events under both their names: one stored kind, judged by the API through which it came.

import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../../src/client/resources.ts';
import { eventToCore, eventToNew } from '../../src/convert/events.ts';
import type { ReadonlyApiObject } from '../../src/registry/api-object.ts';
import { newEventStrategy } from '../../src/strategy/event.ts';
import { bodyOf } from '../../src/strategy/field-error.ts';
import type { Loose } from './admit.ts';

const metadata = { name: 'e', namespace: 'default' };
const event = {
  metadata,
  eventTime: '2026-01-01T00:00:00.000000Z',
  involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
  reportingComponent: 'c',
  reportingInstance: 'i',
  action: 'Run',
  reason: 'Started',
  message: 'm',
  type: 'Normal',
};

function told(body: Loose, old?: Loose): string[] {
  const object = body as unknown as KubernetesObject;
  const errors =
    old === undefined
      ? newEventStrategy.validate(object)
      : newEventStrategy.validateUpdate(object, old as unknown as KubernetesObject);
  return errors.map((error) => `${error.field}: ${bodyOf(error)}`);
}

describe('an event of the new sort', () => {
  test.each<[change: Loose, says: string[]]>([
    [{}, []],
    [{ eventTime: undefined }, ['eventTime: Required value']],
    [{ type: 'Alarm' }, ['type: Invalid value: "": has invalid value: Alarm']],
    [{ count: 2 }, ['count: Invalid value: "": needs to be unset']],
    [{ action: '' }, ['action: Required value']],
    [{ reason: 'r'.repeat(129) }, ['reason: Invalid value: "": can have at most 128 characters']],
    [
      { involvedObject: { kind: 'Pod', namespace: 'other' } },
      ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
    ],
    [
      { series: { count: 1, lastObservedTime: event.eventTime } },
      ['series.count: Invalid value: "": should be at least 2'],
    ],
  ])('with %j', (change, says) => {
    expect(told({ ...event, ...change })).toEqual(says);
  });

  test('changes in its series only', () => {
    const series = { count: 3, lastObservedTime: event.eventTime };
    expect(told({ ...event, series }, event)).toEqual([]);
    expect(told({ ...event, message: 'other', reportingComponent: 'd' }, event)).toEqual([
      'message: Invalid value: "other": field is immutable',
      'reportingController: Invalid value: "d": field is immutable',
    ]);
  });
});

test('the fields of the two APIs are the same under other names', () => {
  const core = { ...event, source: { component: 's' }, count: 2, firstTimestamp: 'a' };
  const shown = eventToNew(core as unknown as ReadonlyApiObject);
  expect(shown).toMatchObject({
    regarding: event.involvedObject,
    note: 'm',
    reportingController: 'c',
    deprecatedSource: { component: 's' },
    deprecatedCount: 2,
    deprecatedFirstTimestamp: 'a',
  });
  expect(shown).not.toHaveProperty('message');
  expect(eventToCore(shown)).toEqual(core);
});
