// JSON patches: what is no patch, what one may ask for, and that nothing given is changed.
import { describe, expect, test } from 'vitest';
import { applyJsonPatch } from '#src/patch/json-patch.ts';

const REJECTED = 'the server rejected our request due to an error in our request';

/** Maps in maps, so many. */
function nested(depth: number): object {
  let value: object = {};
  for (let n = 1; n < depth; n += 1) value = { a: value };
  return value;
}

describe('what is no patch at all is a bad request', () => {
  test.each([
    [{}, 'object'],
    ['[]', 'string'],
    [7, 'number'],
  ])('%j', (operations, type) => {
    expect(() => applyJsonPatch({}, operations)).toThrow(
      expect.objectContaining({
        reason: 'BadRequest',
        message: `json: cannot unmarshal ${type} into Go value of type jsonpatch.Patch`,
      }),
    );
  });
});

describe('a patch that does not fit is rejected, and the error holds why', () => {
  test.each([
    { operation: 'x', why: 'x' },
    { operation: null, why: null },
    { operation: ['add'], why: ['add'] },
    { operation: { op: 'melt', path: '/a' }, why: { op: 'melt', path: '/a' } },
    { operation: { path: '/a' }, why: { path: '/a' } },
    { operation: { op: ['add'], path: 7 }, why: { op: ['add'], path: 7 } },
    { operation: { op: 'add', value: 1 }, why: { op: 'add', value: 1 } },
    {
      operation: { op: 'test', path: '/a', value: 2 },
      why: { name: 'TEST_OPERATION_FAILED' },
    },
    {
      operation: { op: 'copy', from: '/x/y', path: '/b' },
      why: { name: 'OPERATION_FROM_UNRESOLVABLE' },
    },
    {
      operation: { op: 'copy', from: 7, path: '/b' },
      why: { name: 'OPERATION_FROM_REQUIRED' },
    },
    { operation: { op: 'remove', path: '/x' }, why: { name: 'OPERATION_PATH_UNRESOLVABLE' } },
  ])('$operation', ({ operation, why }) => {
    let rejected: unknown;
    try {
      applyJsonPatch({ a: 1 }, [operation]);
    } catch (error) {
      rejected = error;
    }
    expect(rejected).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message: REJECTED,
      details: {},
    });
    const { cause } = rejected as Error;
    if (typeof why === 'object' && why !== null) expect(cause).toMatchObject(why);
    else expect(cause).toBe(why);
  });
});

test('every kind of operation is done, in their order', () => {
  const before = { a: 1, list: ['x'], from: { deep: true } };
  const after = applyJsonPatch(before, [
    { op: 'test', path: '/a', value: 1 },
    { op: 'add', path: '/list/-', value: 'y' },
    { op: 'replace', path: '/a', value: 2 },
    { op: 'copy', from: '/from', path: '/copy' },
    { op: 'move', from: '/from/deep', path: '/moved' },
    { op: 'remove', path: '/from' },
    { op: 'test', path: '/a', value: 2 },
  ]);
  expect(after).toEqual({ a: 2, list: ['x', 'y'], copy: { deep: true }, moved: true });
  expect(before).toEqual({ a: 1, list: ['x'], from: { deep: true } });
});

describe('the limits', () => {
  test('ten thousand operations are enough', () => {
    const operations = Array.from({ length: 10_000 }, () => ({ op: 'test', path: '/a', value: 1 }));
    expect(applyJsonPatch({ a: 1 }, operations)).toEqual({ a: 1 });
    expect(() => applyJsonPatch({ a: 1 }, [...operations, operations[0]])).toThrow(
      expect.objectContaining({
        code: 413,
        message: 'The allowed maximum operations in a JSON patch is 10000, got 10001',
      }),
    );
  });

  test('copies may add three megabytes of JSON, and no byte more', () => {
    const megabyte = { a: 'x'.repeat(1024 * 1024 - 2), b: 1 };
    const copies = ['/1', '/2', '/3'].map((path) => ({ op: 'copy', from: '/a', path }));
    expect(Object.keys(applyJsonPatch(megabyte, copies) as object)).toHaveLength(5);
    const more = [...copies, { op: 'copy', from: '/b', path: '/4' }];
    expect(() => applyJsonPatch(megabyte, more)).toThrow(
      expect.objectContaining({ code: 422, cause: new Error('copies exceed 3145728') }),
    );
    // A move copies nothing.
    const moves = [...copies, { op: 'move', from: '/b', path: '/4' }];
    expect(() => applyJsonPatch(megabyte, moves)).not.toThrow();
  });

  test('what comes out is at most as deep as a body may be', () => {
    expect(applyJsonPatch(nested(1000), [])).toEqual(nested(1000));
    const add = { op: 'add', path: '/a', value: nested(1000) };
    expect(() => applyJsonPatch({ list: [null, 'x'] }, [add])).toThrow(
      expect.objectContaining({ code: 422, cause: new Error('deeper than 1000') }),
    );
  });
});
