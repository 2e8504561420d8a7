// Patches of the three kinds, as tables: before, patch, after.

import { describe, expect, test } from 'vitest';
import { ApiError } from '../../src/api-error.ts';
import type { KubernetesObject } from '../../src/client/resources.ts';
import { applyPatch } from '../../src/patch/apply-patch.ts';

const pod = { group: '', version: 'v1', kind: 'Pod' };
const deployment = { group: 'apps', version: 'v1', kind: 'Deployment' };
const service = { group: '', version: 'v1', kind: 'Service' };
const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';
const REJECTED = /^422 the server rejected our request due to an error in our request$/;
const STRATEGIC = 'application/strategic-merge-patch+json';

function apply(before: unknown, patch: unknown, type: string, gvk = pod): unknown {
  const body = Buffer.from(typeof patch === 'string' ? patch : JSON.stringify(patch));
  const frozen = deepFreeze(structuredClone(before));
  return applyPatch(frozen as KubernetesObject, body, type, gvk);
}

/** A patch must not change what everybody shares. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}

describe('a strategic merge patch', () => {
  const containers = [
    {
      name: 'a',
      image: 'one',
      env: [
        { name: 'X', value: '1' },
        { name: 'Y', value: '2' },
      ],
    },
    { name: 'b', image: 'two' },
  ];
  test.each([
    {
      name: 'merges lists by their key',
      before: { spec: { containers } },
      patch: {
        spec: {
          containers: [
            { name: 'b', image: 'three' },
            { name: 'c', image: 'four' },
          ],
        },
      },
      after: {
        spec: {
          containers: [containers[0], { name: 'b', image: 'three' }, { name: 'c', image: 'four' }],
        },
      },
    },
    {
      name: 'merges lists within elements of lists',
      before: { spec: { containers } },
      patch: {
        spec: {
          containers: [
            {
              name: 'a',
              env: [
                { name: 'Y', value: '3' },
                { name: 'X', $patch: 'delete' },
              ],
            },
          ],
        },
      },
      after: {
        spec: {
          containers: [
            { name: 'a', image: 'one', env: [{ name: 'Y', value: '3' }] },
            containers[1],
          ],
        },
      },
    },
    {
      name: '$patch: delete takes an element out',
      before: { spec: { containers } },
      patch: { spec: { containers: [{ $patch: 'delete', name: 'a' }] } },
      after: { spec: { containers: [containers[1]] } },
    },
    {
      name: '$patch: replace as an element replaces the list',
      before: { spec: { containers } },
      patch: { spec: { containers: [{ $patch: 'replace' }, { name: 'z', image: 'new' }] } },
      after: { spec: { containers: [{ name: 'z', image: 'new' }] } },
    },
    {
      name: '$patch: replace replaces a map',
      before: { spec: { nodeSelector: { a: '1', b: '2' } } },
      patch: { spec: { nodeSelector: { $patch: 'replace', c: '3' } } },
      after: { spec: { nodeSelector: { c: '3' } } },
    },
    {
      name: '$patch: delete empties a map',
      before: { metadata: { labels: { a: '1' } } },
      patch: { metadata: { labels: { $patch: 'delete' } } },
      after: { metadata: { labels: {} } },
    },
    {
      name: 'null deletes, and is nothing where nothing is',
      before: { metadata: { labels: { a: '1', b: '2' } } },
      patch: { metadata: { labels: { a: null, c: null }, annotations: { x: null, y: '1' } } },
      after: { metadata: { labels: { b: '2' }, annotations: { y: '1' } } },
    },
    {
      name: 'lists without a key are replaced',
      before: {
        spec: { tolerations: [{ key: 'a' }], containers: [{ name: 'a', command: ['x', 'y'] }] },
      },
      patch: { spec: { tolerations: [{ key: 'b' }], containers: [{ name: 'a', command: ['z'] }] } },
      after: { spec: { tolerations: [{ key: 'b' }], containers: [{ name: 'a', command: ['z'] }] } },
    },
    {
      name: 'lists of values merge as sets',
      before: { metadata: { finalizers: ['a/x', 'a/y'] } },
      patch: { metadata: { finalizers: ['a/y', 'a/z'] } },
      after: { metadata: { finalizers: ['a/x', 'a/y', 'a/z'] } },
    },
    {
      name: '$deleteFromPrimitiveList takes values out',
      before: { metadata: { finalizers: ['a/x', 'a/y'] } },
      patch: {
        metadata: {
          '$deleteFromPrimitiveList/finalizers': ['a/x'],
          '$setElementOrder/finalizers': ['a/y'],
        },
      },
      after: { metadata: { finalizers: ['a/y'] } },
    },
    {
      name: '$setElementOrder orders, and leaves what its author did not know where it was',
      before: { spec: { containers: [{ name: 'a' }, { name: 'injected' }, { name: 'b' }] } },
      patch: {
        spec: {
          '$setElementOrder/containers': [{ name: 'new' }, { name: 'b' }, { name: 'a' }],
          containers: [{ name: 'new' }],
        },
      },
      after: {
        spec: { containers: [{ name: 'new' }, { name: 'injected' }, { name: 'b' }, { name: 'a' }] },
      },
    },
    {
      name: '$setElementOrder alone moves elements',
      before: { spec: { containers: [{ name: 'a' }, { name: 'b' }] } },
      patch: { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } },
      after: { spec: { containers: [{ name: 'b' }, { name: 'a' }] } },
    },
    {
      name: '$retainKeys drops the other members of a union',
      before: {
        spec: {
          volumes: [
            { name: 'v', hostPath: { path: '/x' } },
            { name: 'w', emptyDir: {} },
          ],
        },
      },
      patch: {
        spec: { volumes: [{ $retainKeys: ['name', 'emptyDir'], name: 'v', emptyDir: {} }] },
      },
      after: {
        spec: {
          volumes: [
            { name: 'v', emptyDir: {} },
            { name: 'w', emptyDir: {} },
          ],
        },
      },
    },
    {
      name: '$retainKeys changes a deployment to Recreate',
      gvk: deployment,
      before: { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
      patch: { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      after: { spec: { strategy: { type: 'Recreate' } } },
    },
    {
      name: 'what kubectl set image sends',
      gvk: deployment,
      before: {
        spec: { replicas: 3, template: { spec: { containers: [{ name: 'web', image: 'a' }] } } },
      },
      patch: {
        spec: {
          template: {
            spec: {
              '$setElementOrder/containers': [{ name: 'web' }],
              containers: [{ image: 'b', name: 'web' }],
            },
          },
        },
      },
      after: {
        spec: { replicas: 3, template: { spec: { containers: [{ name: 'web', image: 'b' }] } } },
      },
    },
    {
      name: 'ports of services merge by port',
      gvk: service,
      before: { spec: { ports: [{ port: 80, name: 'http' }, { port: 443 }] } },
      patch: { spec: { ports: [{ port: 80, nodePort: 30_080 }] } },
      after: { spec: { ports: [{ port: 80, name: 'http', nodePort: 30_080 }, { port: 443 }] } },
    },
    {
      name: 'conditions merge by type',
      before: { status: { conditions: [{ type: 'Ready', status: 'False' }] } },
      patch: {
        status: {
          conditions: [
            { type: 'Ready', status: 'True' },
            { type: 'Mine', status: 'True' },
          ],
        },
      },
      after: {
        status: {
          conditions: [
            { type: 'Ready', status: 'True' },
            { type: 'Mine', status: 'True' },
          ],
        },
      },
    },
  ])('$name', ({ before, patch, after, gvk = pod }) => {
    expect(apply(before, patch, STRATEGIC, gvk)).toEqual(after);
  });
});

describe('a merge patch (RFC 7386)', () => {
  test.each([
    { before: { a: 'b' }, patch: { a: 'c' }, after: { a: 'c' } },
    { before: { a: 'b' }, patch: { a: null }, after: {} },
    { before: { a: ['b'] }, patch: { a: 'c' }, after: { a: 'c' } },
    { before: { a: { b: 'c' } }, patch: { a: { b: 'd', c: null } }, after: { a: { b: 'd' } } },
    { before: { a: [{ b: 'c' }] }, patch: { a: [1] }, after: { a: [1] } },
    { before: {}, patch: { a: { bb: { ccc: null } } }, after: { a: { bb: {} } } },
  ])('$before + $patch', ({ before, patch, after }) => {
    expect(apply(before, patch, MERGE)).toEqual(after);
  });
});

describe('a JSON patch (RFC 6902)', () => {
  test.each([
    { before: { a: 1 }, patch: [{ op: 'replace', path: '/a', value: 2 }], after: { a: 2 } },
    {
      before: { a: { b: 1 } },
      patch: [{ op: 'move', from: '/a/b', path: '/c' }],
      after: { a: {}, c: 1 },
    },
    { before: { a: [1] }, patch: [{ op: 'add', path: '/a/-', value: 2 }], after: { a: [1, 2] } },
    {
      before: { a: { 'x/y': 1 } },
      patch: [
        { op: 'test', path: '/a/x~1y', value: 1 },
        { op: 'remove', path: '/a/x~1y' },
      ],
      after: { a: {} },
    },
  ])('$patch', ({ before, patch, after }) => {
    expect(apply(before, patch, JSON_PATCH)).toEqual(after);
  });
});

describe('applyPatch() refuses', () => {
  test.each([
    {
      type: 'text/plain',
      patch: {},
      says: /^415 the body of the request was in an unknown format/,
    },
    { type: 'application/apply-patch+yaml', patch: {}, says: /^415 / },
    { type: MERGE, patch: '{', says: /^400 error decoding patch: unexpected end of JSON input$/ },
    {
      type: MERGE,
      patch: [],
      says: /^400 error decoding patch: json: cannot unmarshal array into Go value of type map\[string\]interface \{\}$/,
    },
    { type: STRATEGIC, patch: '"x"', says: /^400 / },
    {
      type: STRATEGIC,
      patch: { spec: { $patch: 'melt' } },
      says: /^400 Unknown patch type 'melt' in: /,
    },
    {
      type: STRATEGIC,
      patch: { spec: { containers: [{ image: 'x' }] } },
      says: /^400 map: .* does not contain declared merge key: name$/,
    },
    { type: STRATEGIC, patch: { spec: { containers: ['x'] } }, says: /^400 / },
    { type: STRATEGIC, patch: { spec: { $retainKeys: ['a'], b: 1 } }, says: /^400 / },
    { type: JSON_PATCH, patch: {}, says: /^400 / },
    { type: JSON_PATCH, patch: ['x'], says: REJECTED },
    {
      type: JSON_PATCH,
      patch: [{ op: 'dance', path: '/a' }],
      says: REJECTED,
    },
    { type: JSON_PATCH, patch: [{ op: 'add', value: 1 }], says: REJECTED },
    {
      type: JSON_PATCH,
      patch: [{ op: 'test', path: '/a', value: 9 }],
      says: REJECTED,
    },
    {
      type: JSON_PATCH,
      patch: [{ op: 'replace', path: '/b/c', value: 9 }],
      says: REJECTED,
    },
    { type: JSON_PATCH, patch: [{ op: 'remove', path: '/nope' }], says: REJECTED },
    { type: JSON_PATCH, patch: [{ op: 'add', path: '/l/9', value: 1 }], says: REJECTED },
    { type: JSON_PATCH, patch: [{ op: 'move', path: '/a' }], says: REJECTED },
    { type: JSON_PATCH, patch: [{ op: 'add', path: '/__proto__/x', value: 1 }], says: REJECTED },
  ])('$type $patch', ({ type, patch, says }) => {
    let message = 'no error';
    try {
      apply({ a: 1, l: [1], spec: { containers: [] } }, patch, type);
    } catch (error) {
      if (!ApiError.is(error)) throw error;
      message = `${error.code} ${error.message}`;
    }
    expect(message).toMatch(says);
  });
});
