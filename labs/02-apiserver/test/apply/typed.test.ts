import { describe, expect, test } from 'vitest';
import { pathsOf, printPath, setOfPaths } from '#src/apply/field-set.ts';
import { structureOfSchema } from '#src/apply/schema-structure.ts';
import { compareTyped } from '#src/apply/typed-compare.ts';
import { mergeTyped } from '#src/apply/typed-merge.ts';
import { removeTyped } from '#src/apply/typed-remove.ts';
import { fieldSetOf } from '#src/apply/typed-set.ts';
import { TypedError, validateTyped } from '#src/apply/typed-validate.ts';
import { EVERYTHING } from './scene.ts';

const structure = structureOfSchema(EVERYTHING);
const shown = (fields: ReturnType<typeof fieldSetOf>): string[] => pathsOf(fields).map(printPath);

describe('fieldSetOf()', () => {
  test.each([
    { value: { name: 'x', number: 0 }, want: ['.name', '.number'] },
    { value: { struct: { a: 'x' } }, want: ['.struct.a'] },
    { value: { struct: {} }, want: ['.struct'] },
    { value: { struct: null }, want: ['.struct'] },
    { value: { labels: { x: 'y' } }, want: ['.labels.x'] },
    { value: { selector: { x: 'y' } }, want: ['.selector'] },
    { value: { words: [] }, want: ['.words'] },
    { value: { tags: ['b', 'a'] }, want: ['.tags[="a"]', '.tags[="b"]'] },
    { value: { tags: [] }, want: [] },
    { value: { tags: ['a', 'a'] }, want: ['.tags[="a"]'] },
    {
      value: { items: [{ name: 'a', value: 'v' }] },
      want: ['.items[name="a"]', '.items[name="a"].name', '.items[name="a"].value'],
    },
    {
      value: { items: [{ name: 'a', value: 'v' }, { name: 'a' }] },
      want: ['.items[name="a"]'],
    },
    {
      value: { ports: [{ port: 80 }] },
      want: ['.ports[port=80,protocol="TCP"]', '.ports[port=80,protocol="TCP"].port'],
    },
    {
      value: { free: { a: [{ b: 1 }], c: { d: 'e' } } },
      want: ['.free.a', '.free.c', '.free.c.d'],
    },
  ])('$value owns $want', ({ value, want }) => {
    expect(shown(fieldSetOf(value, structure))).toEqual(want);
  });
});

describe('mergeTyped()', () => {
  test.each([
    {
      name: 'fields side by side',
      live: { name: 'a' },
      config: { number: 1 },
      want: { name: 'a', number: 1 },
    },
    { name: 'a field of both', live: { name: 'a' }, config: { name: 'b' }, want: { name: 'b' } },
    {
      name: 'structs field by field',
      live: { struct: { a: '1', nested: { c: '2' } } },
      config: { struct: { b: '3', nested: { d: '4' } } },
      want: { struct: { a: '1', b: '3', nested: { c: '2', d: '4' } } },
    },
    {
      name: 'an atomic map as a whole',
      live: { selector: { a: '1' } },
      config: { selector: { b: '2' } },
      want: { selector: { b: '2' } },
    },
    {
      name: 'an atomic list as a whole',
      live: { words: ['a'] },
      config: { words: ['b'] },
      want: { words: ['b'] },
    },
    {
      name: 'an emptied atomic list',
      live: { words: ['a'] },
      config: { words: [] },
      want: { words: [] },
    },
    {
      name: 'an empty struct of the object stays',
      live: { struct: {} },
      config: { name: 'a' },
      want: { struct: {}, name: 'a' },
    },
    {
      name: 'null clears a scalar',
      live: { name: 'a' },
      config: { name: null },
      want: { name: null },
    },
    {
      name: 'null leaves what a struct has',
      live: { struct: { a: '1' } },
      config: { struct: null },
      want: { struct: { a: '1' } },
    },
    {
      name: 'a set gets what is new',
      live: { tags: ['a', 'b'] },
      config: { tags: ['c', 'b'] },
      want: { tags: ['a', 'c', 'b'] },
    },
    {
      name: 'a set in the order of the configuration',
      live: { tags: ['a', 'b', 'c'] },
      config: { tags: ['c', 'a'] },
      want: { tags: ['b', 'c', 'a'] },
    },
    {
      name: 'elements by their keys',
      live: {
        items: [
          { name: 'a', value: '1' },
          { name: 'b', value: '2' },
        ],
      },
      config: { items: [{ name: 'b', note: 'n' }, { name: 'c' }] },
      want: {
        items: [{ name: 'a', value: '1' }, { name: 'b', value: '2', note: 'n' }, { name: 'c' }],
      },
    },
    {
      name: 'elements by a key with a default',
      live: { ports: [{ port: 80, protocol: 'TCP', name: 'x' }] },
      config: { ports: [{ port: 80, name: 'y' }] },
      want: { ports: [{ port: 80, protocol: 'TCP', name: 'y' }] },
    },
    {
      name: 'elements that stand there twice are replaced when named',
      live: { items: [{ name: 'a', value: '1' }, { name: 'a', value: '2' }, { name: 'b' }] },
      config: { items: [{ name: 'a', note: 'n' }] },
      want: { items: [{ name: 'a', note: 'n' }, { name: 'b' }] },
    },
    {
      name: 'and stay when not',
      live: { tags: ['a', 'a'] },
      config: { tags: ['b'] },
      want: { tags: ['a', 'a', 'b'] },
    },
    {
      name: 'values without a schema by their shape',
      live: { free: { a: 1, l: [1] } },
      config: { free: { b: { c: 2 }, l: [2] } },
      want: { free: { a: 1, l: [2], b: { c: 2 } } },
    },
    {
      name: 'a value without a schema that changes its shape',
      live: { free: { a: 1 } },
      config: { free: 'x' },
      want: { free: 'x' },
    },
  ])('$name', ({ live, config, want }) => {
    const [liveText, configText] = [JSON.stringify(live), JSON.stringify(config)];
    expect(mergeTyped(live, config, structure)).toEqual(want);
    expect([JSON.stringify(live), JSON.stringify(config)]).toEqual([liveText, configText]);
  });

  test('a name that is a trap stays a name', () => {
    const config = JSON.parse('{"labels":{"__proto__":"x","constructor":"y"}}') as object;
    const merged = mergeTyped({ labels: { a: 'b' } }, config, structure);
    expect(JSON.stringify(merged)).toBe('{"labels":{"a":"b","__proto__":"x","constructor":"y"}}');
  });
});

describe('compareTyped()', () => {
  const none = { added: [], modified: [], removed: [] };
  test.each([
    { name: 'nothing', before: { struct: { a: '1' } }, after: { struct: { a: '1' } }, want: none },
    {
      name: 'a scalar',
      before: { name: 'a', number: 1 },
      after: { name: 'b', number: 1 },
      want: { ...none, modified: ['.name'] },
    },
    {
      name: 'a new struct, which is a member itself',
      before: {},
      after: { struct: { a: '1' } },
      want: { ...none, added: ['.struct', '.struct.a'] },
    },
    {
      name: 'a struct that was empty, which is not',
      before: { struct: {} },
      after: { struct: { a: '1' } },
      want: { ...none, added: ['.struct.a'] },
    },
    {
      name: 'a list that was null',
      before: { items: null },
      after: { items: [{ name: 'a' }] },
      want: { ...none, added: ['.items[name="a"]', '.items[name="a"].name'] },
    },
    {
      name: 'a struct that is gone',
      before: { struct: { a: '1' } },
      after: {},
      want: { ...none, removed: ['.struct', '.struct.a'] },
    },
    {
      name: 'empty to null',
      before: { struct: {} },
      after: { struct: null },
      want: { ...none, modified: ['.struct'] },
    },
    {
      name: 'an atomic list',
      before: { words: ['a'] },
      after: { words: ['a', 'b'] },
      want: { ...none, modified: ['.words'] },
    },
    {
      name: 'the order of a set',
      before: { tags: ['a', 'b'] },
      after: { tags: ['b', 'a'] },
      want: none,
    },
    {
      name: 'the values of a set',
      before: { tags: ['a', 'b'] },
      after: { tags: ['b', 'c'] },
      want: { ...none, added: ['.tags[="c"]'], removed: ['.tags[="a"]'] },
    },
    {
      name: 'a field of an element',
      before: { items: [{ name: 'a', value: '1' }] },
      after: { items: [{ name: 'a', value: '2' }] },
      want: { ...none, modified: ['.items[name="a"].value'] },
    },
    {
      name: 'twice to twice',
      before: { tags: ['a', 'a'] },
      after: { tags: ['a', 'a', 'a'] },
      want: { ...none, modified: ['.tags[="a"]'] },
    },
    {
      name: 'twice to never',
      before: { tags: ['a', 'a'] },
      after: { tags: ['b'] },
      want: { ...none, added: ['.tags[="b"]'], removed: ['.tags[="a"]'] },
    },
    {
      name: 'the shape of a value without a schema',
      before: { free: 'x' },
      after: { free: { a: 1 } },
      want: { ...none, modified: ['.free'], removed: ['.free'] },
    },
  ])('sees $name', ({ before, after, want }) => {
    const { added, modified, removed } = compareTyped(before, after, structure);
    expect({ added: shown(added), modified: shown(modified), removed: shown(removed) }).toEqual(
      want,
    );
  });
});

describe('removeTyped()', () => {
  const paths = (...texts: string[]) => setOfPaths(texts.map((text) => text.split(' ')));
  test.each([
    {
      name: 'fields',
      value: { name: 'a', number: 1 },
      fields: paths('f:name'),
      want: { number: 1 },
    },
    {
      name: 'fields of structs',
      value: { struct: { a: '1', b: '2' } },
      fields: paths('f:struct f:a'),
      want: { struct: { b: '2' } },
    },
    {
      name: 'all that a struct has',
      value: { struct: { a: '1' } },
      fields: paths('f:struct f:a'),
      want: { struct: null },
    },
    {
      name: 'elements',
      value: { items: [{ name: 'a' }, { name: 'b' }] },
      fields: paths('f:items k:{"name":"a"}'),
      want: { items: [{ name: 'b' }] },
    },
    {
      name: 'fields of elements',
      value: { items: [{ name: 'a', value: '1' }] },
      fields: paths('f:items k:{"name":"a"} f:value'),
      want: { items: [{ name: 'a' }] },
    },
    {
      name: 'values of sets',
      value: { tags: ['a', 'b'] },
      fields: paths('f:tags v:"b"'),
      want: { tags: ['a'] },
    },
    {
      name: 'an atomic list of which a part was owned',
      value: { words: ['a', 'b'] },
      fields: paths('f:words i:0'),
      want: { words: null },
    },
    {
      name: 'nothing that is not there',
      value: { name: 'a' },
      fields: paths('f:struct f:a'),
      want: { name: 'a' },
    },
  ])('takes $name', ({ value, fields, want }) => {
    expect(removeTyped(value, fields, structure)).toEqual(want);
  });
});

describe('validateTyped()', () => {
  test.each([
    { value: { name: 1 }, why: '.name: expected string, got &value.valueUnstructured{Value:1}' },
    { value: { number: 'x' }, why: '.number: expected numeric (int or float), got string' },
    { value: { struct: 'x' }, why: '.struct: expected map, got &{"x"}' },
    { value: { words: {} }, why: '.words: expected list, got &{{}}' },
    { value: { nope: 1 }, why: '.nope: field not declared in schema' },
    {
      value: { items: [{ name: 'a', x: 1 }] },
      why: '.items[name="a"].x: field not declared in schema',
    },
    {
      value: { items: [{ value: 'a' }] },
      why: '.items: element 0: associative list with keys has an element that omits key field "name" (and doesn\'t have default value)',
    },
    {
      value: { items: ['a'] },
      why: '.items: element 0: associative list with keys may not have non-map elements',
    },
    {
      value: { items: [null] },
      why: '.items: element 0: associative list with keys may not have a null element',
    },
    {
      value: { tags: [null] },
      why: ".tags: element 0: associative list without keys has an element that's an explicit null",
    },
    { value: { tags: ['a', 'a'] }, why: '.tags: duplicate entries for key [="a"]' },
    {
      value: { nope: 1, struct: { z: 1 } },
      why: 'errors:\n  .nope: field not declared in schema\n  .struct.z: field not declared in schema',
    },
  ])('refuses $value', ({ value, why }) => {
    expect(() => validateTyped(value, structure)).toThrow(new TypedError(why));
  });

  test('takes nulls, open maps, and values without a schema', () => {
    validateTyped({ name: null, labels: { a: 'b' }, free: { x: [1, { y: null }] } }, structure);
  });
});
