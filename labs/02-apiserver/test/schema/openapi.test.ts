// What kubectl needs of the OpenAPI documents; the last test asks kubectl itself.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openapiV3Document, openapiV3Index, type ResourceInfo } from '../../src/schema/openapi.ts';
import { installKubectl } from '../codec/kubectl.ts';

const run = promisify(execFile);
const pods: ResourceInfo = {
  group: '',
  version: 'v1',
  resource: 'pods',
  kind: 'Pod',
  namespaced: true,
  verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
  subresources: [
    { name: 'status', kind: 'Pod', verbs: ['get', 'patch', 'update'] },
    { name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
  ],
};

interface Document {
  readonly paths: Record<string, Record<string, Record<string, unknown>>>;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
}
const document = JSON.parse(openapiV3Document('v1', [pods])) as Document;

test('a patch operation carries the kind and the parameter fieldValidation', () => {
  const { patch } = document.paths['/api/v1/namespaces/{namespace}/pods/{name}']!;
  expect(patch).toMatchObject({
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': { group: '', version: 'v1', kind: 'Pod' },
  });
  expect(patch!.parameters).toContainEqual(
    expect.objectContaining({ name: 'fieldValidation', in: 'query' }),
  );
});

test('subresources speak of their own kind', () => {
  const { post } = document.paths['/api/v1/namespaces/{namespace}/pods/{name}/eviction']!;
  expect(post).toMatchObject({
    'x-kubernetes-group-version-kind': { group: 'policy', version: 'v1', kind: 'Eviction' },
  });
});

test('schemas are whole: descriptions, references, required fields, merge keys', () => {
  const { schemas } = document.components;
  expect(schemas['io.k8s.api.core.v1.PodSpec']).toMatchObject({
    required: ['containers'],
    properties: {
      containers: {
        type: 'array',
        items: { $ref: '#/components/schemas/io.k8s.api.core.v1.Container' },
        'x-kubernetes-patch-merge-key': 'name',
        'x-kubernetes-patch-strategy': 'merge',
      },
      volumes: { 'x-kubernetes-patch-strategy': 'merge,retainKeys' },
    },
  });
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    expect(schemas[name!], name).toBeDefined();
  }
});

test('the index names each document by its hash', () => {
  const index = JSON.parse(openapiV3Index(['v1', 'apps/v1'], [pods])) as {
    paths: Record<string, { serverRelativeURL: string }>;
  };
  expect(Object.keys(index.paths)).toEqual(['api/v1', 'apis/apps/v1']);
  expect(index.paths['api/v1']!.serverRelativeURL).toMatch(
    /^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{128}$/,
  );
});

test('kubectl explain reads the document', async () => {
  await using kubectl = await installKubectl();
  const cache = await mkdtemp(join(tmpdir(), 'kube-labs-explain-'));
  const server = serveDiscovery();
  try {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const args = ['--server', `http://127.0.0.1:${port}`, '--cache-dir', cache];
    const { stdout } = await run(kubectl.path, [
      ...args,
      'explain',
      'pod.spec.containers.resources',
    ]);
    expect(stdout).toContain('FIELD: resources <ResourceRequirements>');
    expect(stdout).toContain('limits\t<map[string]Quantity>');
  } finally {
    server.close();
    await rm(cache, { recursive: true });
  }
});

function serveDiscovery(): Server {
  return createServer((request, response) => {
    const path = request.url ?? '';
    const answers: Record<string, unknown> = {
      '/api/v1': {
        kind: 'APIResourceList',
        groupVersion: 'v1',
        resources: [
          { name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['get'] },
        ],
      },
      '/apis': { kind: 'APIGroupList', groups: [] },
      '/api': { kind: 'APIVersions', versions: ['v1'] },
    };
    response.setHeader('content-type', 'application/json');
    if (path.startsWith('/openapi/v3/api/v1')) response.end(openapiV3Document('v1', [pods]));
    else if (path.startsWith('/openapi/v3')) response.end(openapiV3Index(['v1'], [pods]));
    else response.end(JSON.stringify(answers[path.split('?')[0]!] ?? {}));
  });
}
