// What admission plugins hear of a connection, before it is made.
import { beforeAll, describe, expect, test } from 'vitest';
import { AdmissionChain, type AdmissionRequest } from '#src/admission/admission.ts';
import { CORE_RESOURCES } from '#src/registry/resources/core.ts';
import { admitConnect } from '#src/server/connect-admission.ts';
import type { StoredContext } from '#src/server/handler.ts';

const asked: AdmissionRequest[] = [];
const admission = new AdmissionChain([
  {
    name: 'Watcher',
    validate(request) {
      asked.push(request);
      request.warn?.('nobody hears this');
      if (request.name === 'secret') throw new Error('not this one');
    },
  },
]);
beforeAll(() => void asked.splice(0));

function context(
  resource: string,
  { subresource = '', query = '', name = 'web', rawRest = '' },
): StoredContext {
  const definition = CORE_RESOURCES.find((one) => one.resource === resource);
  const user = { name: 'ann', groups: [] };
  const info = {
    kind: 'resource',
    verb: 'create',
    namespace: 'default',
    name,
    subresource,
    rawRest,
  };
  return {
    user,
    info,
    verb: 'create',
    query: new URLSearchParams(query),
    served: { definition },
    registry: { definition },
    exchange: {},
  } as unknown as StoredContext;
}

describe('admitConnect()', () => {
  test.each([
    [
      'pods',
      { subresource: 'exec', query: 'command=ls&command=-l&stdin=true&tty=1&container=main' },
      { kind: 'PodExecOptions', stdin: true, tty: true, container: 'main', command: ['ls', '-l'] },
    ],
    [
      'pods',
      { subresource: 'attach', query: 'stdout=true' },
      { kind: 'PodAttachOptions', stdout: true },
    ],
    [
      'pods',
      { subresource: 'portforward', query: 'ports=80,81&ports=90' },
      { kind: 'PodPortForwardOptions', ports: [80, 81, 90] },
    ],
    ['pods', { subresource: 'proxy', rawRest: '/a/b' }, { kind: 'PodProxyOptions', path: '/a/b' }],
    ['services', { subresource: 'proxy', rawRest: '' }, { kind: 'ServiceProxyOptions', path: '' }],
    ['nodes', { subresource: 'proxy', rawRest: '/x' }, { kind: 'NodeProxyOptions', path: '/x' }],
  ])('of %s with %j', async (resource, request, object) => {
    await admitConnect(context(resource, request), { admission });
    const { subresource } = request;
    const seen = {
      operation: 'CONNECT',
      name: 'web',
      namespace: 'default',
      dryRun: false,
      subresource,
    };
    expect(asked.at(-1)).toMatchObject(seen);
    expect(asked.at(-1)?.object).toEqual({ apiVersion: 'v1', ...object });
  });

  test('throws what a plugin has against it', async () => {
    const refused = context('pods', { subresource: 'exec', name: 'secret' });
    await expect(admitConnect(refused, { admission })).rejects.toThrow('not this one');
  });

  test('knows no dry run', async () => {
    const dry = context('pods', { subresource: 'exec', query: 'dryRun=All' });
    await expect(admitConnect(dry, { admission })).rejects.toThrow('dryRun is not supported');
  });
});
