// pods/resize: more or less cpu and memory for containers that are there, and nothing else.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { ownNamespace, quota, resources, type Scene, sceneOf } from '../admission/scene.ts';
import { toolPath } from '../support/tools.ts';

const NS = '/api/v1/namespaces/default';
let server: TestApiServer;
let scene: Scene;
beforeAll(async () => {
  server = await startTestApiServer();
  scene = sceneOf(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const amounts = (cpu: string, memory: string) => ({ cpu, memory });
const BEFORE = resources(amounts('100m', '64Mi'), amounts('200m', '128Mi'));

async function makePod(name: string, { at = NS, spec = {}, metadata = {} } = {}): Promise<string> {
  const containers = [{ name: 'c', image: 'i', ...BEFORE }];
  const body = { metadata: { name, ...metadata }, spec: { containers, ...spec } };
  const made = await scene.post(`${at}/pods`, body);
  expect(made.status, made.text).toBe(201);
  return `${at}/pods/${name}`;
}

/** As strategic merge, which finds the container by its name. */
async function resize(path: string, container: object, rest: object = {}) {
  const { json } = await scene.get(path);
  const containers = [{ ...json.spec.containers[0], ...container }];
  return scene.patch(`${path}/resize`, { spec: { containers }, ...rest });
}

async function running(path: string, status: object): Promise<void> {
  const containerStatuses = [{ name: 'c', image: 'i', imageID: 'i', ready: true, ...status }];
  const answer = await scene.patch(`${path}/status`, {
    status: { phase: 'Running', containerStatuses },
  });
  expect(answer.status, answer.text).toBe(200);
}

const RUNNING = { restartCount: 0, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } };

describe('a resize', () => {
  test('changes resources, counts the generation, and overlooks everything else', async () => {
    const path = await makePod('more');
    const answer = await resize(
      path,
      { ...resources(amounts('150m', '64Mi'), amounts('300m', '256Mi')), image: 'other' },
      { metadata: { labels: { a: 'b' } } },
    );
    expect(answer.status, answer.text).toBe(200);
    const { json } = await scene.get(path);
    const [container] = json.spec.containers;
    expect(container.resources).toEqual({
      requests: amounts('150m', '64Mi'),
      limits: amounts('300m', '256Mi'),
    });
    expect([container.image, json.metadata.labels, json.metadata.generation]).toEqual([
      'i',
      undefined,
      2,
    ]);
    const mine = json.metadata.managedFields.find(
      ({ subresource = '' }: { subresource?: string }) => subresource === 'resize',
    );
    expect(Object.keys(mine.fieldsV1)).toEqual(['f:spec']);
    expect((await scene.get(`${path}/resize`)).json).toEqual(json);
  });

  test('may be of less', async () => {
    const path = await makePod('less');
    const less = resources(amounts('50m', '32Mi'), amounts('100m', '64Mi'));
    expect((await resize(path, less)).status).toBe(200);
  });

  test.each([
    [
      'a request that goes',
      resources({ cpu: '100m' }, { cpu: '200m' }),
      'spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed',
    ],
    [
      'a limit that goes',
      resources(amounts('100m', '64Mi'), { cpu: '200m' }),
      'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed',
    ],
    [
      'another resource',
      resources({ ...amounts('100m', '64Mi'), 'ephemeral-storage': '1Gi' }, amounts('1', '1Gi')),
      'spec: Forbidden: only cpu and memory resources are mutable',
    ],
    [
      'another way of resizing',
      { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] },
      'spec: Forbidden: only cpu and memory resources are mutable',
    ],
    [
      'another class of service',
      resources(amounts('200m', '128Mi'), amounts('200m', '128Mi')),
      'Pod QOS Class may not change as a result of resizing',
    ],
    [
      'a request over its limit',
      resources(amounts('300m', '64Mi'), amounts('200m', '128Mi')),
      'must be less than or equal to cpu limit',
    ],
    ['another name', { name: 'd' }, 'containers may not be renamed or reordered on resize'],
  ])('refuses %s', async (name, container, why) => {
    const path = await makePod(name.replaceAll(' ', '-'));
    const given = { ...(await scene.get(path)).json.spec.containers[0], ...container };
    const body = { ...(await scene.get(path)).json };
    const answer = await scene.put(`${path}/resize`, {
      ...body,
      spec: { ...body.spec, containers: [given] },
    });
    expect([answer.status, answer.json.message]).toEqual([422, expect.stringContaining(why)]);
    expect((await scene.get(path)).json.metadata.generation).toBe(1);
  });

  test('does not add or remove containers, nor resize what only starts the pod', async () => {
    const initContainers = [{ name: 'first', image: 'i', ...BEFORE }];
    const path = await makePod('starting', { spec: { initContainers } });
    const { spec } = (await scene.get(path)).json;
    const more = resources(amounts('150m', '64Mi'), amounts('300m', '256Mi'));
    const patch = { spec: { initContainers: [{ ...spec.initContainers[0], ...more }] } };
    expect((await scene.patch(`${path}/resize`, patch)).json.message).toContain(
      'spec: Forbidden: resources for non-sidecar init containers are immutable',
    );
    const two = [...spec.containers, { ...spec.containers[0], name: 'd' }];
    const added = await scene.patch(`${path}/resize`, { spec: { containers: two } });
    expect(added.json.message).toContain('containers may not be added or removed on resize');
  });

  test('is refused where the kubelet does not tell what a running container has', async () => {
    const more = resources(amounts('150m', '64Mi'), amounts('300m', '256Mi'));
    const path = await makePod('running');
    await running(path, RUNNING);
    const refused = await resize(path, more);
    expect([refused.status, refused.json.message]).toEqual([
      422,
      expect.stringContaining('spec: Forbidden: Pod running on node without support for resize'),
    ]);
    await running(path, { ...RUNNING, ...BEFORE });
    expect((await resize(path, more)).status).toBe(200);
  });

  test('is not for pods that a node brought along', async () => {
    const metadata = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
    const path = await makePod('static', { metadata, spec: { nodeName: 'n' } });
    const answer = await resize(path, resources(amounts('150m', '64Mi'), amounts('300m', '1Gi')));
    expect(answer.json.message).toContain('Forbidden: static pods cannot be resized');
  });
});

test('a limit range and a quota hold for what is resized', async () => {
  const at = await ownNamespace(scene, 'bounded');
  const range = { limits: [{ type: 'Container', max: { cpu: '500m' } }] };
  await scene.post(`${at}/limitranges`, { metadata: { name: 'r' }, spec: range });
  await scene.post(`${at}/resourcequotas`, quota('q', { 'requests.cpu': '300m' }));
  const used = async () => (await scene.get(`${at}/resourcequotas/q`)).json.status?.used;
  await vi.waitFor(async () => expect(await used()).toEqual({ 'requests.cpu': '0' }));
  const path = await makePod('bounded', { at });
  const wide = await resize(path, resources(amounts('200m', '64Mi'), amounts('600m', '128Mi')));
  expect([wide.status, wide.json.message]).toEqual([
    403,
    expect.stringContaining('maximum cpu usage per Container is 500m, but limit is 600m'),
  ]);
  const dear = await resize(path, resources(amounts('400m', '64Mi'), amounts('500m', '128Mi')));
  expect([dear.status, dear.json.message]).toEqual([
    403,
    expect.stringContaining(
      'exceeded quota: q, requested: requests.cpu=300m, used: requests.cpu=100m',
    ),
  ]);
  const fair = await resize(path, resources(amounts('250m', '64Mi'), amounts('500m', '128Mi')));
  expect(fair.status, fair.text).toBe(200);
  expect(await used()).toEqual({ 'requests.cpu': '250m' });
});

test("kubectl's --subresource=resize, as it is released", async () => {
  const path = await makePod('by-kubectl');
  const kubectl = await toolPath('kubectl', '35');
  const env = { ...process.env, KUBECONFIG: await server.kubeconfig() };
  const patch = (containers: object[]) =>
    promisify(execFile)(
      kubectl,
      [
        ...['patch', 'pod', 'by-kubectl', '-n', 'default', '--subresource=resize'],
        ...['-p', JSON.stringify({ spec: { containers } })],
      ],
      { env },
    );
  const more = resources({ cpu: '150m' }, { cpu: '300m' });
  expect((await patch([{ name: 'c', ...more }])).stdout).toBe('pod/by-kubectl patched\n');
  expect((await scene.get(path)).json.spec.containers[0].resources).toEqual({
    requests: amounts('150m', '64Mi'),
    limits: amounts('300m', '128Mi'),
  });
  const guaranteed = resources({ cpu: '300m', memory: '128Mi' });
  await expect(patch([{ name: 'c', ...guaranteed }])).rejects.toThrow(
    'The Pod "by-kubectl" is invalid: spec: Invalid value: "Burstable": Pod QOS Class may not change',
  );
});

test('an ordinary update still leaves resources alone', async () => {
  const path = await makePod('ordinary');
  const containers = [{ name: 'c', image: 'i', ...resources(amounts('150m', '64Mi')) }];
  expect((await scene.patch(path, { spec: { containers } })).status).toBe(422);
});
