import { describe, expect, test } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import { setOfPaths } from '#src/apply/field-set.ts';
import { structureOfDefinition } from '#src/apply/kind-structure.ts';
import type { JsonMap } from '#src/apply/type-structure.ts';
import { Random, randomValue, seedOfRun } from './random.ts';
import { EVERYTHING, Scene, testKind } from './scene.ts';

/** Runs the last step and returns what the client would hear. */
function refusal(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (ApiError.is(error)) return error;
    throw error;
  }
  throw new Error('Nothing was refused');
}

describe('an applier', () => {
  test('owns what it says, and creates what is not there', () => {
    const scene = new Scene().apply('a', { name: 'x', struct: { a: '1' }, tags: ['t'] });
    expect(scene.content).toEqual({ name: 'x', struct: { a: '1' }, tags: ['t'] });
    expect(scene.owners).toEqual({ 'a Apply': ['.name', '.struct.a', '.tags[="t"]'] });
  });

  test('loses and removes what it no longer says', () => {
    const scene = new Scene()
      .apply('a', { name: 'x', struct: { a: '1', nested: { c: '2' } }, items: [{ name: 'i' }] })
      .apply('a', { name: 'x' });
    expect(scene.content).toEqual({ name: 'x' });
    expect(scene.owners).toEqual({ 'a Apply': ['.name'] });
  });

  test('leaves what others own too', () => {
    const scene = new Scene()
      .apply('a', { items: [{ name: 'both', value: '1' }, { name: 'mine' }] })
      .apply('b', { items: [{ name: 'both', value: '1' }, { name: 'other' }] })
      .apply('a', {});
    expect(scene.content).toEqual({ items: [{ name: 'both', value: '1' }, { name: 'other' }] });
    expect(Object.keys(scene.owners)).toEqual(['b Apply']);
    expect(scene.apply('b', { items: [{ name: 'other' }] }).content).toEqual({
      items: [{ name: 'other' }],
    });
  });

  test('leaves what an updater owns', () => {
    const scene = new Scene()
      .apply('a', { name: 'x', number: 1 })
      .update('u', { name: 'x', number: 2 })
      .apply('a', { name: 'x', number: 2 })
      .apply('a', { name: 'x' });
    expect(scene.content).toEqual({ name: 'x', number: 2 });
    expect(scene.owners).toEqual({ 'a Apply': ['.name'], 'u Update': ['.number'] });
  });

  test('takes an element out of which another owns a field only as far as it is its own', () => {
    const scene = new Scene()
      .apply('a', { items: [{ name: 'i', value: 'v' }] })
      .apply('b', { items: [{ name: 'i', note: 'n' }] })
      .apply('a', {});
    expect(scene.content).toEqual({ items: [{ name: 'i', note: 'n' }] });
  });

  test('leaves what nobody owns, but for what stands in a field that was its own alone', () => {
    const [i, j, other] = [{ name: 'i' }, { name: 'j' }, { name: 'default' }];
    const scene = new Scene().apply('a', { struct: { a: '1' }, items: [i, j] });
    const struct = { a: '1', b: 'default' };
    scene.object = { ...scene.object, struct, number: 1, items: [i, other, j] };
    expect(scene.apply('a', { items: [j] }).content).toEqual({ number: 1, items: [other, j] });
    expect(scene.apply('a', { name: 'x' }).content).toEqual({ name: 'x', number: 1 });
  });

  test('that says the same twice changes nothing, not even a time', () => {
    const scene = new Scene().apply('a', { name: 'x', ports: [{ port: 80 }] });
    const before = JSON.stringify(scene.object);
    expect(JSON.stringify(scene.apply('a', { name: 'x', ports: [{ port: 80 }] }).object)).toBe(
      before,
    );
  });

  test('shares what it sets as it is; its entry has no time, as it changed nothing', () => {
    const scene = new Scene().apply('a', { name: 'x' }).apply('b', { name: 'x' });
    expect(scene.owners).toEqual({ 'a Apply': ['.name'], 'b Apply': ['.name'] });
    expect(scene.entries.map(({ manager, time }) => [manager, time])).toEqual([
      ['b', undefined],
      ['a', '2024-01-01T00:00:01Z'],
    ]);
  });

  test('finds the element of a key that has a default', () => {
    const scene = new Scene()
      .apply('a', { ports: [{ port: 80, protocol: 'TCP', name: 'x' }] })
      .apply('a', { ports: [{ port: 80, name: 'y' }] });
    expect(scene.content).toEqual({ ports: [{ port: 80, name: 'y' }] });
  });

  test('gets what all owned before its time, if nobody tracked it', () => {
    const scene = new Scene().update('u', { name: 'x', number: 1 });
    scene.object = { ...scene.object, metadata: { uid: 'u1' } };
    expect(scene.apply('a', { number: 1, struct: { a: '1' } }).owners).toEqual({
      'a Apply': ['.number', '.struct.a'],
      'before-first-apply Update': ['.name', '.number'],
    });
  });

  test('comes to own nothing that the resource resets', () => {
    const scene = new Scene(testKind(EVERYTHING, setOfPaths([['f:status']])));
    scene.apply('a', { name: 'x', status: { phase: 'p' } });
    expect(scene.owners).toEqual({ 'a Apply': ['.name'] });
  });
});

describe('a conflict', () => {
  const withOwner = (): Scene => new Scene().apply('a', { name: 'x', number: 1, words: ['w'] });

  test('is what an applier hears that would change the fields of another', () => {
    const error = refusal(() => withOwner().apply('b', { name: 'y' }));
    expect(error.toStatus()).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Apply failed with 1 conflict: conflict with "a": .name',
      reason: 'Conflict',
      details: {
        causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "a"', field: '.name' }],
      },
      code: 409,
    });
  });

  test('names all fields, by manager', () => {
    const scene = withOwner().update('u', { name: 'x', number: 2, words: ['w'] }, 'scale');
    const error = refusal(() => scene.apply('b', { name: 'y', number: 3, words: [] }));
    expect(error.message).toBe(
      'Apply failed with 3 conflicts: conflicts with "a":\n- .name\n- .words\n' +
        'conflicts with "u" with subresource "scale" using test.io/v1:\n- .number',
    );
    expect(error.details?.causes?.length).toBe(3);
  });

  test('changes nothing', () => {
    const scene = withOwner();
    const before = JSON.stringify(scene.object);
    refusal(() => scene.apply('b', { name: 'y' }));
    expect(JSON.stringify(scene.object)).toBe(before);
  });

  test('is overruled by force, which takes the fields', () => {
    const scene = withOwner().apply('b', { name: 'y' }, true);
    expect(scene.content).toMatchObject({ name: 'y' });
    expect(scene.owners).toEqual({ 'a Apply': ['.number', '.words'], 'b Apply': ['.name'] });
  });

  test('is with the whole of what is atomic', () => {
    const scene = new Scene().apply('a', { selector: { a: '1' } });
    expect(refusal(() => scene.apply('b', { selector: { a: '1', b: '2' } })).message).toBe(
      'Apply failed with 1 conflict: conflict with "a": .selector',
    );
  });

  test('is none in parts that are merged', () => {
    const scene = new Scene()
      .apply('a', { labels: { a: '1' }, tags: ['a'], items: [{ name: 'i', value: '1' }] })
      .apply('b', { labels: { b: '2' }, tags: ['b'], items: [{ name: 'i', note: '2' }] });
    expect(scene.content).toEqual({
      labels: { a: '1', b: '2' },
      tags: ['a', 'b'],
      items: [{ name: 'i', value: '1', note: '2' }],
    });
  });

  test('is there when an updater changed what an applier says again', () => {
    const scene = withOwner().update('u', { name: 'other', number: 1, words: ['w'] });
    expect(refusal(() => scene.apply('a', { name: 'x' })).message).toBe(
      'Apply failed with 1 conflict: conflict with "u" using test.io/v1: .name',
    );
  });
});

describe('an updater', () => {
  test('owns what it changes and takes it from the others', () => {
    const scene = new Scene()
      .apply('a', { name: 'x', number: 1 })
      .update('u', { name: 'x', number: 2, labels: { l: '1' } });
    expect(scene.owners).toEqual({
      'a Apply': ['.name'],
      'u Update': ['.labels', '.number', '.labels.l'],
    });
  });

  test('keeps what it owns, and drops what it removes', () => {
    const scene = new Scene().update('u', { name: 'x', number: 1 }).update('u', { name: 'x' });
    expect(scene.owners).toEqual({ 'u Update': ['.name'] });
    expect(scene.entries[0]?.time).toBe('2024-01-01T00:00:01Z');
  });

  test('of a subresource has an entry of its own', () => {
    const scene = new Scene()
      .update('u', { name: 'x' })
      .update('u', { name: 'x', status: { phase: 'p' } }, 'status');
    expect(scene.owners).toEqual({
      'u Update': ['.name'],
      'u Update status': ['.status', '.status.phase'],
    });
  });

  test('that changes nothing leaves the list as it is', () => {
    const scene = new Scene().update('u', { name: 'x' });
    const before = JSON.stringify(scene.object);
    expect(JSON.stringify(scene.update('v', { name: 'x' }).object)).toBe(before);
  });

  test('of an object that is not tracked tracks nothing', () => {
    const scene = new Scene().update('u', { name: 'x' });
    scene.object = { ...scene.object, metadata: { uid: 'u1' } };
    expect(scene.update('u', { name: 'y' }).entries).toEqual([]);
  });

  test.each([{ list: [] }, { list: [{}] }])('resets the list by $list', ({ list }) => {
    const scene = new Scene().update('u', { name: 'x' });
    expect(scene.update('u', { name: 'y', metadata: { managedFields: list } }).entries).toEqual([]);
  });

  test('may hand over what it owns', () => {
    const scene = new Scene().update('old', { name: 'x' });
    const list = scene.entries.map((entry) => ({ ...entry, manager: 'new', operation: 'Apply' }));
    scene.update('old', { name: 'x', metadata: { managedFields: list } });
    expect(scene.owners).toEqual({ 'new Apply': ['.name'] });
  });

  test.each([
    { name: 'an operation that there is not', change: { operation: 'Merge' } },
    { name: 'no version', change: { apiVersion: '' } },
    { name: 'another format', change: { fieldsType: 'FieldsV2' } },
    { name: 'fields that are none', change: { fieldsV1: { spec: {} } } },
  ])('that sends $name is not listened to', ({ change }) => {
    const scene = new Scene().update('u', { name: 'x' });
    const list = scene.entries.map((entry) => ({ ...entry, ...change }));
    scene.update('u', { name: 'x', metadata: { managedFields: list } });
    expect(scene.owners).toEqual({ 'u Update': ['.name'] });
  });

  test('loses what it owned in a version that there is no more', () => {
    const scene = new Scene().update('u', { name: 'x' });
    const old = {
      manager: 'old',
      operation: 'Update',
      apiVersion: 'test.io/v0',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:name': {} },
    };
    const metadata = { uid: 'u1', managedFields: [...scene.entries, old] };
    scene.object = { ...scene.object, metadata };
    expect(Object.keys(scene.update('u', { name: 'y' }).owners)).toEqual(['u Update']);
  });

  test('beyond the tenth shares an entry with the oldest', () => {
    const scene = new Scene();
    const labels: Record<string, string> = {};
    for (let index = 0; index < 13; index += 1) {
      labels[`l${index}`] = 'x';
      scene.update(`u${index}`, { labels: { ...labels } });
    }
    expect(scene.entries.length).toBe(10);
    expect(scene.owners['ancient-changes Update']).toEqual([
      '.labels',
      '.labels.l0',
      '.labels.l1',
      '.labels.l2',
      '.labels.l3',
    ]);
    expect(scene.entries[0]?.time).toBe('2024-01-01T00:00:04Z');
  });
});

describe('a type that became atomic', () => {
  test('belongs as a whole to who owned a part', () => {
    const scene = new Scene().apply('a', { labels: { x: '1' } });
    const atomic = testKind({
      ...EVERYTHING,
      properties: {
        ...EVERYTHING.properties,
        labels: { ...EVERYTHING.properties?.labels, 'x-kubernetes-map-type': 'atomic' },
      },
    });
    const later = new Scene(atomic);
    later.object = scene.object;
    expect(later.update('u', { labels: { x: '1' }, name: 'n' }).owners).toEqual({
      'a Apply': ['.labels'],
      'u Update': ['.name'],
    });
  });
});

describe('whatever is applied', () => {
  const seed = seedOfRun();
  const kinds = ['io.k8s.api.apps.v1.Deployment', 'io.k8s.api.core.v1.Service'];
  test(`to apply twice is to apply once, and nothing is left of who applies nothing (SEED=${seed})`, () => {
    const random = new Random(seed);
    const everything = testKind(EVERYTHING);
    for (let round = 0; round < 150; round += 1) {
      const structure = everything.structure('test.io/v1');
      if (structure === undefined) throw new Error('The kind has no structure');
      const configs = ['a', 'b', 'c'].map((manager) => {
        const value = randomValue(random, structure) as JsonMap;
        const { apiVersion: _, kind: __, metadata: ___, ...content } = value;
        return { manager, content };
      });
      const scene = new Scene(everything);
      for (const { manager, content } of configs) {
        scene.apply(manager, content, true);
        if (scene.entries.length === 0) continue; // Nobody said anything that can be owned.
        const once = JSON.stringify(scene.object);
        expect(JSON.stringify(scene.apply(manager, content, true).object)).toBe(once);
        for (const path of scene.owners[`${manager} Apply`] ?? []) expect(path).not.toBe('');
      }
      for (const { manager } of configs) scene.apply(manager, {}, true);
      for (const { manager } of configs) expect(scene.owners[`${manager} Apply`]).toBeUndefined();
    }
  });

  test.each(kinds)(`holds for %s too (SEED=${seed})`, (definition) => {
    const random = new Random(seed);
    const structure = structureOfDefinition(definition);
    const base = testKind(EVERYTHING);
    const kind = { ...base, structure: () => structure };
    for (let round = 0; round < 40; round += 1) {
      const value = randomValue(random, structure) as JsonMap;
      const { apiVersion: _, kind: __, metadata: ___, ...content } = value;
      const scene = new Scene(kind).apply('a', content);
      if (scene.entries.length === 0) continue; // It said nothing that can be owned.
      const once = JSON.stringify(scene.object);
      const { content: own } = scene;
      expect(JSON.stringify(scene.apply('a', content).object)).toBe(once);
      expect(scene.apply('b', content).content).toEqual(own);
    }
  });
});
