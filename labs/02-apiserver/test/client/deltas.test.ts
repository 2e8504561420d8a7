// Deltas: what handlers hear of a change to the copy, and that the copy was changed before.
import { describe, expect, test } from 'vitest';
import { Deltas, type InformerHandler } from '#src/client/deltas.ts';
import { ObjectCache } from '#src/client/object-cache.ts';
import type { KubernetesObject } from '#src/client/resources.ts';

/** `name uid/resourceVersion` */
function object(text: string): KubernetesObject {
  const [name = '', state = ''] = text.split(' ');
  const [uid = '', resourceVersion] = state.split('/');
  return {
    metadata: { name, uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
  };
}

const textOf = ({ metadata }: KubernetesObject): string =>
  `${metadata?.name} ${metadata?.uid}/${metadata?.resourceVersion}`;

/** A copy that knows `known`, and what is heard of it from now on: the copy's keys stand behind. */
function heardOf(known: readonly string[]) {
  const heard: string[] = [];
  const cache = new ObjectCache<KubernetesObject>();
  for (const one of known) cache.set(object(one));
  const note = (text: string) => void heard.push(`${text}; now ${[...cache.keys()].join(' ')}`);
  const handler: InformerHandler<KubernetesObject> = {
    onAdd: (one) => note(`+ ${textOf(one)}`),
    onUpdate: (before, one) => note(`${textOf(before)} > ${textOf(one)}`),
    onDelete: (one) => note(`- ${textOf(one)}`),
  };
  return { heard, cache, deltas: new Deltas(cache, (call) => call(handler)) };
}

describe('put()', () => {
  test.each([
    { name: 'a new object', known: [], put: 'a u1/1', want: ['+ a u1/1; now a'] },
    { name: 'a later state', known: ['a u1/1'], put: 'a u1/2', want: ['a u1/1 > a u1/2; now a'] },
    { name: 'what is known', known: ['a u1/1'], put: 'a u1/1', want: [] },
    { name: 'without a version', known: ['a u1'], put: 'a u1', want: [expect.anything()] },
    {
      name: 'another object of that name',
      known: ['a u1/1', 'b u2/1'],
      put: 'a u3/1',
      want: ['- a u1/1; now b', '+ a u3/1; now b a'],
    },
  ])('of $name: $want', ({ known, put, want }) => {
    const { heard, cache, deltas } = heardOf(known);
    deltas.put(object(put));
    expect(heard).toEqual(want);
    expect(cache.get('a')).toEqual(object(put));
  });
});

describe('remove()', () => {
  test.each([
    { name: 'tells the last state', last: 'a u1/9', want: ['- a u1/9; now b'] },
    { name: 'tells what was known, without a last state', want: ['- a u1/1; now b'] },
    { name: 'says nothing of what is not known', key: 'c', last: 'c u3/1', want: [] },
  ])('$name', ({ key = 'a', last, want }) => {
    const { heard, deltas } = heardOf(['a u1/1', 'b u2/1']);
    deltas.remove(key, last === undefined ? undefined : object(last));
    expect(heard).toEqual(want);
  });
});

test('replace() tells the difference between the copy and the list, what went first', () => {
  const { heard, cache, deltas } = heardOf(['gone u1/1', 'kept u2/2', 'moved u3/3', 'again u4/4']);
  deltas.replace(['new u9/9', 'kept u2/2', 'moved u3/8', 'again u7/7'].map(object));
  expect(heard).toEqual([
    '- gone u1/1; now kept moved again',
    '+ new u9/9; now kept moved again new',
    'moved u3/3 > moved u3/8; now kept moved again new',
    '- again u4/4; now kept moved new',
    '+ again u7/7; now kept moved new again',
  ]);
  expect(cache.list()).toHaveLength(4);
});

test('an object without metadata is one without a name, a uid and a version', () => {
  const { heard, deltas } = heardOf([]);
  deltas.put({ kind: 'first' });
  deltas.put({ kind: 'second' });
  expect(heard).toHaveLength(2);
  deltas.put(object(' u1/1'));
  expect(heard.slice(2).map((line) => line[0])).toEqual(['-', '+']);
  deltas.put({ kind: 'third' });
  expect(heard.slice(4).map((line) => line[0])).toEqual(['-', '+']);
});

test('a handler that wants to hear of nothing is left alone', () => {
  const cache = new ObjectCache<KubernetesObject>();
  const deltas = new Deltas(cache, (call) => call({}));
  deltas.put(object('a u1/1'));
  deltas.put(object('a u1/2'));
  deltas.remove('a');
  expect(cache.list()).toEqual([]);
});
