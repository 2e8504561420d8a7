// What a method and a path mean: every form that upstream knows, and those that only look like one.
import { describe, expect, test } from 'vitest';
import { isLongRunning } from '#src/server/long-running.ts';
import { parseRequestInfo } from '#src/server/request-info.ts';

const info = (line: string) => {
  const [method = '', url = ''] = line.split(' ');
  const [path = '', query = ''] = url.split('?');
  return parseRequestInfo({ method, path, query: new URLSearchParams(query) });
};

describe('parseRequestInfo()', () => {
  test.each([
    ['GET /api/v1/namespaces/ns/pods', 'list', { namespace: 'ns', resource: 'pods' }],
    ['GET /api/v1/pods', 'list', { resource: 'pods' }],
    ['GET /api/v1/pods/', 'list', { resource: 'pods' }],
    ['GET /api/v1/pods?watch=true', 'watch', { resource: 'pods' }],
    ['GET /api/v1/pods?watch=1', 'watch', { resource: 'pods' }],
    ['GET /api/v1/pods?watch', 'watch', { resource: 'pods' }],
    ['GET /api/v1/pods?watch=FALSE', 'list', { resource: 'pods' }],
    ['GET /api/v1/pods?watch=0', 'list', { resource: 'pods' }],
    ['HEAD /api/v1/pods', 'list', { resource: 'pods' }],
    ['POST /api/v1/namespaces/ns/pods', 'create', { namespace: 'ns', resource: 'pods' }],
    ['DELETE /api/v1/namespaces/ns/pods', 'deletecollection', { namespace: 'ns' }],
    ['GET /api/v1/namespaces/ns/pods/p', 'get', { namespace: 'ns', name: 'p' }],
    ['GET /api/v1/namespaces/ns/pods/p?watch=true', 'get', { name: 'p' }],
    ['PUT /api/v1/namespaces/ns/pods/p', 'update', { name: 'p' }],
    ['PATCH /api/v1/namespaces/ns/pods/p', 'patch', { name: 'p' }],
    ['DELETE /api/v1/namespaces/ns/pods/p', 'delete', { name: 'p' }],
    ['OPTIONS /api/v1/namespaces/ns/pods/p', '', { name: 'p' }],
    ['GET /api/v1/namespaces/ns/pods/p/log', 'get', { name: 'p', subresource: 'log' }],
    ['POST /api/v1/namespaces/ns/pods/p/exec', 'create', { subresource: 'exec' }],
    ['GET /api/v1/namespaces/ns', 'get', { resource: 'namespaces', name: 'ns' }],
    ['GET /api/v1/namespaces/ns/', 'get', { resource: 'namespaces', name: 'ns' }],
    ['PUT /api/v1/namespaces/ns/finalize', 'update', { name: 'ns', subresource: 'finalize' }],
    ['GET /api/v1/namespaces/ns/status', 'get', { name: 'ns', subresource: 'status' }],
    ['GET /apis/apps/v1/deployments', 'list', { group: 'apps', resource: 'deployments' }],
    ['GET /apis/apps/v1/namespaces/ns/deployments/d/scale', 'get', { subresource: 'scale' }],
    ['GET /api/v1/watch/pods', 'watch', { resource: 'pods' }],
    ['GET /api/v1/watch/namespaces/ns/pods/p', 'watch', { namespace: 'ns', name: 'p' }],
    ['POST /api/v1/watch/pods', '', { resource: 'pods' }],
    ['GET /apis/example.com/v1/watch', 'list', { resource: 'watch' }],
    ['GET /api/v1/namespaces/a%2Fb/pods', 'list', { namespace: 'a/b' }],
  ])('%s → %s', (line, verb, parts) => {
    expect(info(line)).toMatchObject({ kind: 'resource', verb, ...parts });
  });

  test.each([
    ['GET /'],
    ['GET /api'],
    ['GET /api/v1'],
    ['GET /apis/apps/v1'],
    ['GET /healthz'],
    ['GET /api/%zz'],
    ['GET /api/v1/'],
    ['GET /api/v1/namespaces//pods'],
    ['GET /api/v1/namespaces/ns//pods'],
    ['GET /apis/apps/v1/namespaces/ns/deployments//scale'],
  ])('%s is no resource', (line) => {
    expect(info(line)).toMatchObject({ kind: 'path', verb: 'get' });
  });

  test('what is absent has no key at all', () => {
    const always = ['kind', 'verb', 'path', 'group', 'version', 'resource', 'rest', 'rawRest'];
    expect(Object.keys(info('GET /api/v1/pods')).sort()).toEqual([...always].sort());
  });

  test('what a proxy passes on stays as it was sent', () => {
    const proxied = info('GET /api/v1/namespaces/ns/services/https:web:443/proxy/a%2Fb//c/');
    expect(proxied).toMatchObject({
      name: 'https:web:443',
      subresource: 'proxy',
      rest: ['a/b', '', 'c', ''],
      rawRest: '/a%2Fb//c/',
    });
    expect(info('GET /api/v1/nodes/n/proxy/')).toMatchObject({ rest: [], rawRest: '/' });
    expect(info('GET /api/v1/nodes/n/proxy')).toMatchObject({ rest: [], rawRest: '' });
  });

  test('an escape that means nothing is a bad request', () => {
    expect(() => info('GET /api/v1/namespaces/%zz/pods')).toThrow('invalid URL escape');
  });
});

test.each([
  ['GET /api/v1/pods?watch=1', true],
  ['GET /api/v1/namespaces/ns/pods/p/log', true],
  ['POST /api/v1/namespaces/ns/pods/p/exec', true],
  ['GET /api/v1/nodes/n/proxy/metrics', true],
  ['GET /api/v1/pods', false],
  ['GET /api/v1/namespaces/ns/pods/p/status', false],
  ['GET /healthz', false],
  ['WATCH /healthz', false],
])('isLongRunning(%s) is %s', (line, isLong) => {
  expect(isLongRunning(info(line))).toBe(isLong);
});
