// WatchIndex: an event reaches whom it can concern, once, and nobody else is asked.
import { describe, expect, test } from 'vitest';
import type { ReadonlyApiObject } from '#src/registry/api-object.ts';
import { ObjectFilter, type SelectorOptions } from '#src/registry/object-filter.ts';
import { RESOURCES } from '#src/registry/resources.ts';
import { StoredObject } from '#src/registry/stored-object.ts';
import { type Change, WatchIndex } from '#src/registry/watch-index.ts';

const pods = RESOURCES.find(({ resource, version }) => resource === 'pods' && version === 'v1');
if (pods === undefined) throw new Error('pods are not declared');
const definition = pods;

function pod(name: string, namespace: string, nodeName?: string): StoredObject {
  const object = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, namespace },
    spec: { nodeName },
  };
  const key = `/registry/pods/${namespace}/${name}`;
  return StoredObject.fromValue(key, 1, Buffer.from(JSON.stringify(object)));
}

const WATCHERS: Readonly<Record<string, SelectorOptions>> = {
  all: {},
  labels: { labelSelector: 'app=web' },
  'namespace one': { namespace: 'one' },
  'namespace two': { namespace: 'two' },
  'pod one/a': { namespace: 'one', fieldSelector: 'metadata.name=a' },
  'every pod a': { fieldSelector: 'metadata.name=a' },
  'node-1': { fieldSelector: 'spec.nodeName=node-1' },
  'node-2': { fieldSelector: 'spec.nodeName=node-2,status.phase!=Failed' },
  'not node-1': { fieldSelector: 'spec.nodeName!=node-1' },
};

function indexed(): { index: WatchIndex<string>; leave: Map<string, () => void> } {
  const index = new WatchIndex<string>();
  const leave = new Map<string, () => void>();
  for (const [name, options] of Object.entries(WATCHERS)) {
    leave.set(name, index.add(name, new ObjectFilter(definition, options).interest));
  }
  return { index, leave };
}

describe('WatchIndex.concerned()', () => {
  const everyone = ['all', 'labels', 'not node-1'];
  test.each<{ name: string; change: Change; want: string[] }>([
    {
      name: 'a pod without a node',
      change: { current: pod('b', 'one') },
      want: [...everyone, 'namespace one'],
    },
    {
      name: 'a pod by its name',
      change: { current: pod('a', 'one') },
      want: [...everyone, 'namespace one', 'pod one/a', 'every pod a'],
    },
    {
      name: 'a namesake elsewhere',
      change: { current: pod('a', 'two') },
      want: [...everyone, 'namespace two', 'every pod a'],
    },
    {
      name: 'a pod that stays on its node, once',
      change: { current: pod('b', 'two', 'node-1'), previous: pod('b', 'two', 'node-1') },
      want: [...everyone, 'namespace two', 'node-1'],
    },
    {
      name: 'a pod that leaves one node for another',
      change: { current: pod('b', 'two', 'node-2'), previous: pod('b', 'two', 'node-1') },
      want: [...everyone, 'namespace two', 'node-1', 'node-2'],
    },
  ])('$name', ({ change, want }) => {
    expect([...indexed().index.concerned(change)].sort()).toEqual([...want].sort());
  });

  test('who left is not told, and the others still are', () => {
    const { index, leave } = indexed();
    for (const name of ['node-1', 'pod one/a', 'namespace one', 'labels']) leave.get(name)?.();
    const told = [...index.concerned({ current: pod('a', 'one', 'node-1') })].sort();
    expect(told).toEqual(['all', 'every pod a', 'not node-1']);
  });

  test('takeAll() gives everybody once, and nobody is left', () => {
    const { index } = indexed();
    expect(index.takeAll().sort()).toEqual(Object.keys(WATCHERS).sort());
    expect([...index.concerned({ current: pod('a', 'one', 'node-1') })]).toEqual([]);
  });

  test('who was taken out by takeAll() and leaves later takes nobody along who came meanwhile', () => {
    const { index, leave } = indexed();
    index.takeAll();
    for (const [name, options] of Object.entries(WATCHERS)) {
      index.add(`new ${name}`, new ObjectFilter(definition, options).interest);
    }
    for (const one of leave.values()) one();
    const told = [...index.concerned({ current: pod('a', 'one', 'node-1') })];
    const want = [
      'all',
      'every pod a',
      'labels',
      'namespace one',
      'node-1',
      'not node-1',
      'pod one/a',
    ];
    expect(told.sort()).toEqual(want.map((name) => `new ${name}`));
  });
});

test('a field is read for as long as somebody asks for one of its values, and not after that', () => {
  const index = new WatchIndex<string>();
  const asked: string[] = [];
  const of = (name: string, value: string) => {
    const read = ({ metadata }: ReadonlyApiObject) => {
      asked.push(name);
      return metadata.name ?? '';
    };
    return { kind: 'field', name, value, read } as const;
  };
  const told = (name: string, before = name) => {
    asked.length = 0;
    const change = { current: pod(name, 'one'), previous: pod(before, 'one') };
    return `${[...index.concerned(change)].join(' ')}, read ${asked.join(' ')}`;
  };
  const leave = ['a', 'b', 'a'].map((value, n) => index.add(`w${n}`, of('x', value)));
  expect(told('a')).toBe('w0 w2, read x x');
  expect(told('a', 'nobody wants this')).toBe('w0 w2, read x x');
  leave[0]?.();
  expect(told('a')).toBe('w2, read x x');
  leave[2]?.();
  expect(told('b')).toBe('w1, read x x');
  leave[1]?.();
  expect(told('b')).toBe(', read ');
  // Who leaves twice does not take away what others made meanwhile.
  index.add('new', of('x', 'b'));
  leave[1]?.();
  expect(told('b')).toBe('new, read x x');
});

describe('a label selector that no label can satisfy', () => {
  test.each([
    {
      selector: 'a=b/c',
      why: 'values[0][a]: Invalid value: "b/c": a valid label must be an empty string or consist of',
    },
    { selector: '-a=b', why: 'key: Invalid value: "-a": name part must consist of' },
    { selector: 'a in (b,c d)', why: "unable to parse requirement: found 'd', expected: ,, or )" },
    {
      selector: 'a>b',
      why: "values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer",
    },
  ])('$selector', ({ selector, why }) => {
    expect(() => new ObjectFilter(definition, { labelSelector: selector })).toThrow(why);
  });

  test.each(['a=', 'a', '!a', 'example.com/a notin (x,)', 'a>5'])(
    '%s is one that can',
    (selector) => {
      expect(() => new ObjectFilter(definition, { labelSelector: selector })).not.toThrow();
    },
  );
});
