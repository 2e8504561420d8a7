// Strategic merges, one directive after the other: what each does where it stands, and what is refused.
import { describe, expect, test } from 'vitest';
import type { JsonMap } from '#src/patch/merge-patch.ts';
import { strategicMerge } from '#src/patch/strategic-merge.ts';
import { definitionOfKind } from '#src/schema/catalog.ts';

function definitionOf(kind: string, group = '', version = 'v1'): string {
  const definition = definitionOfKind({ group, version, kind });
  if (definition === undefined) throw new Error(`there is no ${kind}`);
  return definition;
}

const POD = definitionOf('Pod');
const CONFIG_MAP = definitionOf('ConfigMap');
const BUDGET = definitionOf('PodDisruptionBudget', 'policy');

/** What is given to the patcher must stay as it was. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}

const merged = (before: JsonMap, patch: JsonMap, definition = POD): JsonMap =>
  strategicMerge(frozen(before), frozen(patch), definition);

/** Containers by their names; `a=x` has the image x. */
const containers = (text: string): JsonMap[] =>
  text
    .split(' ')
    .filter((one) => one !== '')
    .map((one) => {
      const [name, image] = one.split('=');
      return image === undefined ? { name } : { name, image };
    });
const pod = (text: string, more: JsonMap = {}): JsonMap => ({
  spec: { containers: containers(text), ...more },
});
const shown = ({ spec }: JsonMap): string =>
  ((spec as JsonMap).containers as JsonMap[])
    .map(({ name, image }) => (image === undefined ? name : `${name}=${image}`))
    .join(' ');

describe('$patch', () => {
  const before = { metadata: { labels: { a: '1' } }, spec: { nodeName: 'n' } };
  test.each<{ name: string; patch: JsonMap; want: JsonMap }>([
    {
      name: 'merge is what happens anyway',
      patch: { $patch: 'merge', spec: { $patch: 'merge', hostname: 'h' } },
      want: { ...before, spec: { nodeName: 'n', hostname: 'h' } },
    },
    {
      name: 'replace leaves what the patch says, without its directives and nulls',
      patch: { $patch: 'replace', $other: 1, spec: { a: null, b: { c: null }, d: [null] } },
      want: { spec: { b: {}, d: [null] } },
    },
    { name: 'delete leaves nothing', patch: { $patch: 'delete', spec: { a: 1 } }, want: {} },
    {
      name: 'replace of a map inside',
      patch: { metadata: { labels: { $patch: 'replace', b: '2' } } },
      want: { ...before, metadata: { labels: { b: '2' } } },
    },
  ])('$name', ({ patch, want }) => {
    expect(merged(before, patch)).toStrictEqual(want);
  });

  test.each(['melt', '', 7, null])('%j is none', ($patch) => {
    expect(() => merged({}, { spec: { $patch } })).toThrow(
      expect.objectContaining({
        reason: 'BadRequest',
        message: `Unknown patch type '${$patch}' in: {"$patch":${JSON.stringify($patch)}}`,
      }),
    );
  });
});

describe('a field', () => {
  test.each<{ name: string; before: JsonMap; patch: JsonMap; want: JsonMap; of?: string }>([
    {
      name: 'is taken away by null',
      before: { spec: { a: 1, b: 2 } },
      patch: { spec: { a: null, c: null } },
      want: { spec: { b: 2 } },
    },
    {
      name: 'that was no map becomes one',
      before: { spec: 'text' },
      patch: { spec: { nodeName: 'n', x: null } },
      want: { spec: { nodeName: 'n' } },
    },
    {
      name: 'that was no list becomes one',
      before: { spec: { containers: 'text' } },
      patch: pod('a'),
      want: pod('a'),
    },
    {
      name: 'that is replaced as a whole is not merged',
      of: BUDGET,
      before: { spec: { minAvailable: 1, selector: { matchLabels: { a: '1' } } } },
      patch: { spec: { selector: { matchExpressions: [] } } },
      want: { spec: { minAvailable: 1, selector: { matchExpressions: [] } } },
    },
    {
      name: 'that nobody knows merges as a map, and is replaced as a list',
      before: { mine: { a: 1, list: [{ name: 'x' }] } },
      patch: { mine: { b: 2, list: [{ name: 'y' }], '$setElementOrder/list': [{ name: 'y' }] } },
      want: { mine: { a: 1, b: 2, list: [{ name: 'y' }] } },
    },
    {
      name: 'of a map of the schema is merged, too',
      before: { spec: { nodeSelector: { a: '1' } } },
      patch: { spec: { nodeSelector: { b: '2' } } },
      want: { spec: { nodeSelector: { a: '1', b: '2' } } },
    },
    {
      name: 'may have the name of any method',
      of: CONFIG_MAP,
      before: { data: { a: '1' } },
      patch: { data: { constructor: 'x', toString: 'y' } },
      want: { data: { a: '1', constructor: 'x', toString: 'y' } },
    },
  ])('$name', ({ before, patch, want, of = POD }) => {
    expect(merged(before, patch, of)).toStrictEqual(want);
  });

  test.each(['{"data":{"__proto__":"x"}}', '{"data":{"__proto__":{"a":"b"}}}'])(
    'may be called __proto__: %s',
    (text) => {
      expect(JSON.stringify(merged({ data: {} }, JSON.parse(text), CONFIG_MAP))).toBe(text);
    },
  );
});

describe('a list with keys', () => {
  test.each([
    { name: 'merges by them', before: 'a=1 b=2', patch: 'b=3 c', want: 'a=1 b=3 c' },
    { name: 'merges twice what is named twice', before: 'a=1', patch: 'c=1 c=2', want: 'a=1 c=2' },
    { name: 'merges the first of two', before: 'a=1 a=2', patch: 'a=3', want: 'a=3 a=2' },
    { name: 'is not changed by none', before: 'a b', patch: '', want: 'a b' },
  ])('$name: $before + $patch', ({ before, patch, want }) => {
    expect(shown(merged(pod(before), pod(patch)))).toBe(want);
  });

  const entry = (rest: JsonMap): JsonMap => ({ spec: { containers: [rest] } });
  test('loses every element of a name, and forgets it', () => {
    const gone = { $patch: 'delete', name: 'a' };
    const patch = { spec: { containers: [gone, { name: 'a', image: 'new' }] } };
    expect(shown(merged(pod('a=1 b a=2'), patch))).toBe('b a=new');
    expect(shown(merged(pod('b'), entry(gone)))).toBe('b');
  });

  test('is replaced when an element says so that has no name', () => {
    const replace = [{ $patch: 'replace' }, { name: 'z', $retainKeys: ['x'] }];
    expect(merged(pod('a'), { spec: { containers: replace } })).toStrictEqual(pod('z'));
  });

  test('is not replaced when an element says so that has one: that speaks of itself', () => {
    const own = entry({ $patch: 'replace', name: 'a', command: ['x'] });
    const want = { spec: { containers: [{ name: 'a', command: ['x'] }, { name: 'b' }] } };
    expect(merged(pod('a=1 b'), own)).toStrictEqual(want);
  });

  test('drops what is no element of such a list', () => {
    const before = { spec: { containers: ['text', { name: 'a' }, null] } };
    expect(merged(before, pod('b'))).toStrictEqual(pod('a b'));
  });

  const at = (element: unknown): JsonMap => ({ spec: { containers: [element] } });
  test.each([
    [at('x'), 'expected a map with merge key name in a list of the patch, got: "x"'],
    [at({ image: 'x' }), 'map: {"image":"x"} does not contain declared merge key: name'],
    [at({ name: null }), 'map: {"name":null} does not contain declared merge key: name'],
  ])('is not merged with %j', (patch, message) => {
    expect(() => merged(pod('a'), patch)).toThrow(
      expect.objectContaining({ reason: 'BadRequest', message }),
    );
  });

  test('merges the lists inside its elements by their own keys', () => {
    const port = (containerPort: number, rest: JsonMap = {}) => ({ containerPort, ...rest });
    const patch = entry({ name: 'a', ports: [port(80, { name: 'http' }), port(443)] });
    const want = entry({ name: 'a', image: 'x', ports: [port(80, { name: 'http' }), port(443)] });
    expect(merged(entry({ name: 'a', image: 'x', ports: [port(80)] }), patch)).toEqual(want);
  });
});

describe('$setElementOrder', () => {
  const order = (text: string): JsonMap => ({ '$setElementOrder/containers': containers(text) });
  test.each([
    { name: 'sorts', before: 'a b c', by: 'c a b', want: 'c a b' },
    { name: 'sorts what is new, too', before: 'a b', patch: 'n', by: 'b n a', want: 'b n a' },
    { name: 'leaves others behind their neighbours', before: 'a x b', by: 'b a', want: 'x b a' },
    { name: 'leaves others at the beginning', before: 'x a b', by: 'b a', want: 'x b a' },
    { name: 'leaves others at the end', before: 'a b x y', by: 'b a', want: 'b a x y' },
    { name: 'keeps the order of others', before: 'x a y b z', by: 'a b', want: 'x a y b z' },
    {
      name: 'goes by the furthest that came',
      before: 'a b x c',
      by: 'b a c',
      want: 'b a x c',
    },
    {
      name: 'puts new ones that it does not name last',
      before: 'a',
      patch: 'n',
      by: 'a',
      want: 'a n',
    },
    { name: 'takes the first place of a name', before: 'a b', by: 'b a b', want: 'b a' },
    {
      name: 'puts new ones before those of others',
      before: 'x a',
      patch: 'n',
      by: 'n a',
      want: 'n x a',
    },
    { name: 'names what is not there', before: 'a b', by: 'z b a', want: 'b a' },
    { name: 'of nothing', before: 'a b', by: '', want: 'a b' },
  ])('$name: $before by $by', ({ before, patch, by, want }) => {
    const changes = patch === undefined ? order(by) : pod(patch, order(by)).spec;
    expect(shown(merged(pod(before), { spec: changes }))).toBe(want);
  });

  test('sorts values', () => {
    const before = { metadata: { finalizers: ['a', 'x', 'b', 'c'] } };
    const by = { '$setElementOrder/finalizers': ['n', 'c', 'a', 'b'] };
    const of = (patch: JsonMap) =>
      (merged(before, { metadata: patch }).metadata as JsonMap).finalizers;
    expect(of(by)).toEqual(['x', 'c', 'a', 'b']);
    expect(of({ ...by, finalizers: ['n'] })).toEqual(['n', 'x', 'c', 'a', 'b']);
  });

  test.each<{ name: string; before: JsonMap; spec: JsonMap }>([
    {
      name: 'a list without keys',
      before: { spec: { tolerations: [{ key: 'a' }, { key: 'b' }] } },
      spec: { '$setElementOrder/tolerations': [{ key: 'b' }, { key: 'a' }] },
    },
    { name: 'what is no list', before: { spec: { containers: 'x' } }, spec: order('a') },
    { name: 'what is not there', before: { spec: {} }, spec: order('a') },
  ])('does nothing to $name', ({ before, spec }) => {
    expect(merged(before, { spec })).toStrictEqual(before);
  });

  test('that is no list is refused where it stands alone, and is nothing beside its list', () => {
    const wrong = { '$setElementOrder/containers': 'a' };
    expect(() => merged(pod('a'), { spec: wrong })).toThrow(
      expect.objectContaining({
        reason: 'BadRequest',
        message: 'invalid patch format of $setElementOrder/containers: expected a list',
      }),
    );
    expect(shown(merged(pod('b a'), pod('a=1', wrong)))).toBe('b a=1');
  });
});

describe('$deleteFromPrimitiveList', () => {
  const before = { metadata: { finalizers: ['a', 'b', 'a', 'c'] } };
  test.each<{ name: string; patch: JsonMap; want: JsonMap }>([
    {
      name: 'takes values out, every time they stand there',
      patch: { '$deleteFromPrimitiveList/finalizers': ['a', 'z'] },
      want: { finalizers: ['b', 'c'] },
    },
    {
      name: 'does nothing where there is no list',
      patch: { '$deleteFromPrimitiveList/labels': ['a'] },
      want: before.metadata,
    },
    {
      name: 'goes with values that are added',
      patch: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['d', 'b'] },
      want: { finalizers: ['b', 'c', 'd'] },
    },
  ])('$name', ({ patch, want }) => {
    expect(merged(before, { metadata: patch })).toStrictEqual({ metadata: want });
  });

  test('must be a list', () => {
    expect(() =>
      merged(before, { metadata: { '$deleteFromPrimitiveList/finalizers': 'a' } }),
    ).toThrow(
      expect.objectContaining({
        reason: 'BadRequest',
        message: 'invalid patch format of $deleteFromPrimitiveList: expected a list',
      }),
    );
  });
});

describe('$retainKeys', () => {
  const before = { spec: { a: 1, b: 2, c: { d: 3 } } };
  test.each<{ patch: JsonMap; want: JsonMap }>([
    { patch: { $retainKeys: ['a'], a: 9 }, want: { a: 9 } },
    { patch: { $retainKeys: ['a', 'c', 'z'], c: { e: 4 } }, want: { a: 1, c: { d: 3, e: 4 } } },
    { patch: { $retainKeys: [], $patch: 'merge' }, want: {} },
  ])('$patch', ({ patch, want }) => {
    expect(merged(before, { spec: patch })).toStrictEqual({ spec: want });
  });

  test.each<{ spec: JsonMap; message: string }>([
    {
      spec: { $retainKeys: 'a' },
      message: 'invalid patch format of $retainKeys: expected a list',
    },
    {
      spec: { $retainKeys: ['a'], a: 1, b: 2 },
      message: 'all keys in the patch must be in the $retainKeys list of the patch',
    },
  ])('$spec is refused', ({ spec, message }) => {
    expect(() => merged(before, { spec })).toThrow(
      expect.objectContaining({ reason: 'BadRequest', message }),
    );
  });
});
