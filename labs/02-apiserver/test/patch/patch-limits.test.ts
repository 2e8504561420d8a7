// Patches that are small and ask for much, and lists that are long.

import { describe, expect, test } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import type { KubernetesObject } from '#src/client/resources.ts';
import { parseYaml, YamlError } from '#src/codec/yaml-body.ts';
import { applyPatch, JSON_PATCH, STRATEGIC_MERGE_PATCH } from '#src/patch/apply-patch.ts';
import { Random, seedOfRun } from '../apply/random.ts';

const POD = { group: '', version: 'v1', kind: 'Pod' };

function patched(before: object, patch: unknown, type: string): unknown {
  const body = Buffer.from(JSON.stringify(patch));
  return applyPatch(before as KubernetesObject, body, type, POD);
}

function refusal(before: object, patch: unknown): ApiError {
  try {
    patched(before, patch, JSON_PATCH);
  } catch (error) {
    if (ApiError.is(error)) return error;
    throw error;
  }
  throw new Error('The patch was not refused');
}

describe('a JSON patch', () => {
  const copy = { op: 'copy', from: '/data', path: '/data/-' };

  test('may copy', () => {
    const after = patched(
      { data: ['a'] },
      [{ op: 'copy', from: '/data/0', path: '/b' }],
      JSON_PATCH,
    );
    expect(after).toEqual({ data: ['a'], b: 'a' });
  });

  test('may not double the object again and again', () => {
    const error = refusal({ data: ['x'.repeat(1000)] }, Array(40).fill(copy));
    expect([error.code, String(error.cause)]).toEqual([422, 'Error: copies exceed 3145728']);
  });

  test('may not copy a large part many times', () => {
    const large = { a: 'x'.repeat(100_000) };
    const copies = Array.from({ length: 100 }, (_, index) => ({
      op: 'copy',
      from: '/a',
      path: `/b${index}`,
    }));
    expect(refusal(large, copies).code).toBe(422);
  });

  test('may not nest an object deeper than a body could', () => {
    const nest = Array.from({ length: 2000 }, (_, depth) => ({
      op: 'add',
      path: `/a${'/a'.repeat(depth)}`,
      value: {},
    }));
    const error = refusal({}, nest);
    expect([error.code, String(error.cause)]).toEqual([422, 'Error: deeper than 1000']);
  });

  test('that copies what is not there is refused as any other', () => {
    expect(refusal({}, [{ op: 'copy', from: '/nope', path: '/a' }]).code).toBe(422);
  });
});

describe('a strategic merge of a long list', () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `c${index}`);
  const containers = names.map((name) => ({ name, image: 'one' }));

  test('finds every element, and goes by the order', () => {
    const order = [...names].reverse();
    const patch = {
      spec: {
        containers: names.map((name) => ({ name, image: 'two' })),
        '$setElementOrder/containers': order.map((name) => ({ name })),
      },
    };
    const after = patched({ spec: { containers } }, patch, STRATEGIC_MERGE_PATCH) as {
      spec: { containers: { name: string; image: string }[] };
    };
    expect(after.spec.containers.map(({ name }) => name)).toEqual(order);
    expect(after.spec.containers.every(({ image }) => image === 'two')).toBe(true);
  });

  test('deletes every element', () => {
    const patch = { spec: { containers: names.map((name) => ({ name, $patch: 'delete' })) } };
    expect(patched({ spec: { containers } }, patch, STRATEGIC_MERGE_PATCH)).toEqual({
      spec: { containers: [] },
    });
  });
});

const seed = seedOfRun();

/** Each element that the order does not name goes before the first that stood behind it. */
function inOrderSlowly(list: string[], order: string[], before: string[]): string[] {
  const result = list
    .filter((name) => order.includes(name))
    .sort((a, b) => order.indexOf(a) - order.indexOf(b));
  for (const name of list.filter((one) => !order.includes(one))) {
    const position = before.indexOf(name);
    const next = result.findIndex((other) => position >= 0 && before.indexOf(other) > position);
    if (next < 0) result.push(name);
    else result.splice(next, 0, name);
  }
  return result;
}

test(`$setElementOrder puts lists in the order that searching would find (SEED=${seed})`, () => {
  const random = new Random(seed);
  const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const shuffled = () =>
    all
      .filter(() => random.chance(60))
      .map((name) => ({ name, at: random.below(1000) }))
      .sort((x, y) => x.at - y.at)
      .map(({ name }) => name);
  for (let round = 0; round < 500; round += 1) {
    const [before, order] = [shuffled(), shuffled()];
    const added = all.filter((name) => !before.includes(name) && random.chance(40));
    const patch = {
      metadata: { finalizers: added, '$setElementOrder/finalizers': order },
    };
    const after = patched({ metadata: { finalizers: before } }, patch, STRATEGIC_MERGE_PATCH);
    expect(after).toEqual({
      metadata: { finalizers: inOrderSlowly([...before, ...added], order, before) },
    });
  }
});

describe('parseYaml()', () => {
  test.each([
    { name: 'lists', text: '['.repeat(100_000) },
    { name: 'maps', text: '{a: '.repeat(50_000) },
    { name: 'lists that are closed', text: `${'['.repeat(3000)}${']'.repeat(3000)}` },
    {
      name: 'indented maps',
      text: Array.from({ length: 2000 }, (_, n) => `${' '.repeat(n)}a:`).join('\n'),
    },
  ])('refuses $name that are too deep', ({ text }) => {
    expect(() => parseYaml(text)).toThrow(YamlError);
  });
});
