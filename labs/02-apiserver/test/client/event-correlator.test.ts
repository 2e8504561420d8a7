// Of many events, which are written, and as what.
import { expect, test } from 'vitest';
import { FakeClock } from '#src/client/clock.ts';
import { EventCorrelator, type EventDraft } from '#src/client/event-correlator.ts';

const POD = { kind: 'Pod', namespace: 'default', name: 'web', uid: 'u1' };

function correlatorWith(clock: FakeClock) {
  const correlator = new EventCorrelator(clock);
  let written = 0;
  const event = (message: string, change: Partial<EventDraft> = {}) => {
    const at = clock.now();
    const draft = { involvedObject: POD, type: 'Warning', reason: 'BackOff', message, at } as const;
    const result = correlator.correlate({ ...draft, ...change });
    if (result === undefined) return 'dropped';
    const { known, identity } = result;
    const next = known ?? { name: `e${++written}`, count: 0, firstTimestamp: '' };
    correlator.written(identity, { ...next, count: next.count + 1 });
    return `${next.name} ×${next.count + 1} ${result.draft.message}`;
  };
  return event;
}

test('the same again counts up; another message, reason, type or object is another event', () => {
  const event = correlatorWith(new FakeClock());
  expect(event('crashed')).toBe('e1 ×1 crashed');
  expect(event('crashed')).toBe('e1 ×2 crashed');
  expect(event('crashed again')).toBe('e2 ×1 crashed again');
  expect(event('crashed', { reason: 'Failed' })).toBe('e3 ×1 crashed');
  expect(event('crashed', { type: 'Normal' })).toBe('e4 ×1 crashed');
  expect(event('crashed', { involvedObject: { ...POD, uid: 'u2' } })).toBe('e5 ×1 crashed');
  expect(event('crashed', { involvedObject: { ...POD, fieldPath: 'spec.containers{a}' } })).toBe(
    'e6 ×1 crashed',
  );
});

test('the tenth message of a kind stands for all that follow, until ten minutes were quiet', () => {
  const clock = new FakeClock();
  const event = correlatorWith(clock);
  const said = Array.from({ length: 12 }, (_, i) => event(`try ${i}`));
  expect(said[8]).toBe('e9 ×1 try 8');
  expect(said.slice(9)).toEqual([
    'e10 ×1 (combined from similar events): try 9',
    'e10 ×2 (combined from similar events): try 10',
    'e10 ×3 (combined from similar events): try 11',
  ]);
  clock.advance(600_000);
  expect(event('still')).toBe('e10 ×4 (combined from similar events): still');
  clock.advance(600_001);
  expect(event('later')).toBe('e11 ×1 later');
});

test('after 25 about one object one more is let through every five minutes; other objects are not held back', () => {
  const clock = new FakeClock();
  const event = correlatorWith(clock);
  const said = Array.from({ length: 30 }, () => event('crashed'));
  expect(said.filter((line) => line === 'dropped')).toHaveLength(5);
  expect(said[24]).toBe('e1 ×25 crashed');
  expect(event('crashed', { involvedObject: { ...POD, name: 'other' } })).toBe('e2 ×1 crashed');
  clock.advance(299_000);
  expect(event('crashed')).toBe('dropped');
  clock.advance(1_000);
  expect(event('crashed')).toBe('e1 ×26 crashed');
  expect(event('crashed')).toBe('dropped');
});

test('of each kind the last 4,096 are remembered, and what was used again is not the oldest', () => {
  const event = correlatorWith(new FakeClock());
  const at = (n: number) => ({ involvedObject: { ...POD, uid: `u${n}` } });
  for (let n = 1; n <= 4096; n++) event('crashed', at(n));
  expect(event('crashed', at(1))).toBe('e1 ×2 crashed');
  expect(event('crashed', at(4097))).toBe('e4097 ×1 crashed');
  expect(event('crashed', at(1))).toBe('e1 ×3 crashed');
  expect(event('crashed', at(2)), 'the oldest made room').toBe('e4098 ×1 crashed');
  expect(event('crashed', at(4096))).toBe('e4096 ×2 crashed');
});

test('how often a source speaks is forgotten with the object that it spoke of', () => {
  const event = correlatorWith(new FakeClock());
  for (let n = 0; n < 26; n++) event('crashed');
  expect(event('crashed')).toBe('dropped');
  for (let n = 1; n <= 4095; n++) event('x', { involvedObject: { ...POD, uid: `o${n}` } });
  expect(event('crashed')).toBe('dropped');
  for (let n = 1; n <= 4096; n++) event('x', { involvedObject: { ...POD, uid: `p${n}` } });
  expect(event('crashed')).not.toBe('dropped');
});

test('which message was said does not matter to the tenth, however often the others were said', () => {
  const event = correlatorWith(new FakeClock());
  const said = ['a', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((message) => event(message));
  expect(said.at(-1)).toBe('e9 ×1 i');
  expect(event('b')).toBe('e2 ×2 b');
  expect(event('j')).toBe('e10 ×1 (combined from similar events): j');
  // Of the ten the oldest made room: what is left is said by itself, and the oldest is new again. So it is upstream.
  expect(event('j')).toBe('e11 ×1 j');
  expect(event('b')).toBe('e2 ×3 b');
  expect(event('a')).toBe('e10 ×2 (combined from similar events): a');
});
