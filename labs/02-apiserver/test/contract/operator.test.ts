// An operator as people write them, with the client library of Kubernetes for Node.js and nothing of ours: it turns Greetings into
// ConfigMaps, reports in the status, cleans up behind a finalizer, and goes on where it was when the server comes back.

import {
  ApiextensionsV1Api,
  CoreV1Api,
  CustomObjectsApi as CustomObjects,
  type CustomObjectsApi,
  type Informer,
  KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';

const GROUP = { group: 'example.com', version: 'v1', plural: 'greetings' };
const AT = { ...GROUP, namespace: 'default' };
const FINALIZER = 'greetings.example.com/config-map';
const DEADLINE = { timeout: 30_000, interval: 50 };
const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

interface Greeting extends KubernetesObject {
  spec: { to: string; words?: string };
  status?: { observedGeneration?: number };
}

const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'greetings.example.com' },
  spec: {
    group: GROUP.group,
    scope: 'Namespaced',
    names: { plural: GROUP.plural, kind: 'Greeting' },
    versions: [
      {
        name: GROUP.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['to'],
                properties: {
                  to: { type: 'string' },
                  words: { type: 'string', _default: 'Hello' },
                },
              },
              status: {
                type: 'object',
                properties: { observedGeneration: { type: 'integer' } },
              },
            },
          },
        },
      },
    ],
  },
};

/** Level-triggered: what a greeting says now decides, however many events there were. */
class GreetingOperator {
  readonly #objects: CustomObjectsApi;
  readonly #core: CoreV1Api;
  readonly #informer: Informer<Greeting>;
  #isStopped = false;
  #work: Promise<void> = Promise.resolve();

  constructor(config: KubeConfig) {
    this.#objects = config.makeApiClient(CustomObjects);
    this.#core = config.makeApiClient(CoreV1Api);
    const list = async () =>
      (await this.#objects.listNamespacedCustomObject(AT)) as KubernetesListObject<Greeting>;
    const path = `/apis/${AT.group}/${AT.version}/namespaces/${AT.namespace}/${AT.plural}`;
    this.#informer = makeInformer(config, path, list);
    this.#informer.on('add', (greeting) => this.#enqueue(greeting));
    this.#informer.on('update', (greeting) => this.#enqueue(greeting));
    this.#informer.on('error', () => this.#startAgain());
  }

  start(): Promise<void> {
    return this.#informer.start();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#informer.stop();
    await this.#work;
  }

  /** The server is away, or was: tried until it is there. */
  #startAgain(): void {
    if (this.#isStopped) return;
    setTimeout(() => {
      if (!this.#isStopped) this.#informer.start().catch(() => this.#startAgain());
    }, 100);
  }

  #enqueue(greeting: Greeting): void {
    this.#work = this.#work.then(() => this.#retry(greeting.metadata?.name ?? ''));
  }

  async #retry(name: string): Promise<void> {
    while (!this.#isStopped) {
      try {
        return await this.#reconcile(name);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async #reconcile(name: string): Promise<void> {
    const greeting = (await ignoreNotFound(
      this.#objects.getNamespacedCustomObject({ ...AT, name }),
    )) as Greeting | undefined;
    if (greeting === undefined) return;
    const { finalizers = [], deletionTimestamp, generation } = greeting.metadata ?? {};
    const at = { name, namespace: AT.namespace };
    if (deletionTimestamp !== undefined) {
      await ignoreNotFound(this.#core.deleteNamespacedConfigMap(at));
      const body = { metadata: { finalizers: finalizers.filter((one) => one !== FINALIZER) } };
      await ignoreNotFound(this.#objects.patchNamespacedCustomObject({ ...AT, name, body }, MERGE));
      return;
    }
    if (!finalizers.includes(FINALIZER)) {
      const body = { metadata: { finalizers: [...finalizers, FINALIZER] } };
      await this.#objects.patchNamespacedCustomObject({ ...AT, name, body }, MERGE);
    }
    const data = { text: `${greeting.spec.words}, ${greeting.spec.to}!` };
    const body = { metadata: { name }, data };
    const known = await ignoreNotFound(this.#core.readNamespacedConfigMap(at));
    if (known === undefined) {
      await this.#core.createNamespacedConfigMap({ namespace: AT.namespace, body });
    } else if (known.data?.text !== data.text) {
      await this.#core.replaceNamespacedConfigMap({ ...at, body });
    }
    if (greeting.status?.observedGeneration === generation) return;
    const status = { status: { observedGeneration: generation } };
    await this.#objects.patchNamespacedCustomObjectStatus({ ...AT, name, body: status }, MERGE);
  }
}

async function ignoreNotFound<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as { code?: number }).code === 404) return undefined;
    throw error;
  }
}

let server: TestApiServer;
let objects: CustomObjectsApi;
let core: CoreV1Api;
let operator: GreetingOperator;

beforeAll(async () => {
  server = await startTestApiServer();
  const config = new KubeConfig();
  config.loadFromFile(await server.kubeconfig());
  objects = config.makeApiClient(CustomObjects);
  core = config.makeApiClient(CoreV1Api);
  const definitions = config.makeApiClient(ApiextensionsV1Api);
  await definitions.createCustomResourceDefinition({ body: DEFINITION });
  await vi.waitFor(async () => {
    const { status } = await definitions.readCustomResourceDefinition({
      name: DEFINITION.metadata.name,
    });
    expect(status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Established', status: 'True' }),
    );
  }, DEADLINE);
  operator = new GreetingOperator(config);
  await operator.start();
});
afterAll(async () => {
  await operator.stop();
  await server[Symbol.asyncDispose]();
});

async function textOf(name: string): Promise<string | undefined> {
  const at = { name, namespace: AT.namespace };
  return (await ignoreNotFound(core.readNamespacedConfigMap(at)))?.data?.text;
}

function greeting(name: string, spec: object): object {
  return { apiVersion: 'example.com/v1', kind: 'Greeting', metadata: { name }, spec };
}

const read = async (name: string) =>
  (await objects.getNamespacedCustomObject({ ...AT, name })) as Greeting;

test('makes a ConfigMap of what a Greeting says, and says in its status that it did', async () => {
  const body = greeting('one', { to: 'world' });
  await objects.createNamespacedCustomObject({ ...AT, body });
  await vi.waitFor(async () => expect(await textOf('one')).toBe('Hello, world!'), DEADLINE);
  await vi.waitFor(
    async () => expect((await read('one')).status).toEqual({ observedGeneration: 1 }),
    DEADLINE,
  );
});

test('follows a change, which has a generation of its own', async () => {
  const body = { spec: { words: 'Good morning' } };
  await objects.patchNamespacedCustomObject({ ...AT, name: 'one', body }, MERGE);
  await vi.waitFor(async () => expect(await textOf('one')).toBe('Good morning, world!'), DEADLINE);
  await vi.waitFor(
    async () => expect((await read('one')).status).toEqual({ observedGeneration: 2 }),
    DEADLINE,
  );
});

test('goes on after the server was away', async () => {
  await server.restart();
  const body = greeting('two', { to: 'again' });
  await objects.createNamespacedCustomObject({ ...AT, body });
  await vi.waitFor(async () => expect(await textOf('two')).toBe('Hello, again!'), DEADLINE);
  expect(await textOf('one')).toBe('Good morning, world!');
});

test('cleans up before a Greeting goes', async () => {
  await objects.deleteNamespacedCustomObject({ ...AT, name: 'one' });
  await vi.waitFor(async () => expect(await textOf('one')).toBeUndefined(), DEADLINE);
  await vi.waitFor(async () => expect(await ignoreNotFound(read('one'))).toBeUndefined(), DEADLINE);
  expect(await textOf('two')).toBe('Hello, again!');
});
