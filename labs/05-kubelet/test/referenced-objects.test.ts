// Secrets and config maps as pods read them: what is in them, that a change wakes, what is immutable, what is not there.

import {
  type Client,
  FakeClock,
  resources,
  silentLogger,
  startTestApiServer,
  type TestApiServer,
} from '@kube-labs/apiserver';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ReferencedObjects } from '#src/container/referenced-objects.ts';
import { container, pod } from './objects.ts';

let server: TestApiServer;
let client: Client;
beforeAll(async () => {
  server = await startTestApiServer();
  client = server.client();
});
afterAll(() => server[Symbol.asyncDispose]());

const DEADLINE_MS = 30_000;
const at = (name: string) => ({ name, namespace: 'default' });
const mounting = (name: string) => pod({ volumes: [{ name: 'v', configMap: { name } }] });

function setUp(clock = new FakeClock()) {
  const woken: string[] = [];
  const onChange = (uid: string) => woken.push(uid);
  const objects = new ReferencedObjects(client, { log: silentLogger, clock, onChange });
  onTestFinished(() => objects.stop());
  const text = async (name: string, key: string) => {
    const value = (await objects.configMap('default', name))?.get(key);
    return value === undefined ? undefined : Buffer.from(value).toString('latin1');
  };
  return { clock, objects, woken, text };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + DEADLINE_MS;
  while (!(await holds())) {
    if (Date.now() > deadlineMs) throw new Error('Waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('text and bytes come as they are, and a change wakes the pods that name the object', async () => {
  const binaryData = { raw: Buffer.from([0, 255, 10]).toString('base64') };
  const data = { color: 'blue' };
  await client.create(resources.configMaps, { metadata: at('both'), data, binaryData });
  const { objects, woken, text } = setUp();
  objects.register(mounting('both'));
  expect([await text('both', 'color'), await text('both', 'raw')]).toEqual(['blue', '\0ÿ\n']);
  const told = woken.length;
  await client.patch(resources.configMaps, at('both'), { data: { late: '1' } }, { type: 'merge' });
  await until(async () => (await text('both', 'late')) === '1');
  expect(woken.length).toBeGreaterThan(told);
});

test('what is immutable is not asked for again', async () => {
  const make = (color: string, immutable: boolean) =>
    client.create(resources.configMaps, { metadata: at('stone'), data: { color }, immutable });
  await make('grey', true);
  const { objects, woken, text } = setUp();
  objects.register(mounting('stone'));
  expect(await text('stone', 'color')).toBe('grey');
  const told = woken.length;
  await client.delete(resources.configMaps, at('stone'));
  await make('green', false);
  // Another pod’s object was changed later, and has arrived.
  await client.create(resources.configMaps, { metadata: at('later'), data: { color: 'red' } });
  objects.register(pod({ volumes: [...named('stone'), ...named('later')] }));
  await until(async () => (await text('later', 'color')) === 'red');
  expect(await text('stone', 'color')).toBe('grey');
  expect(woken.length).toBe(told + 1);
});

const named = (name: string) => [{ name, configMap: { name } }];

test('what only an ephemeral container names is read, too', async () => {
  await client.create(resources.secrets, { metadata: at('debug'), data: { key: 'eA==' } });
  const { objects } = setUp();
  const envFrom = [{ secretRef: { name: 'debug' } }];
  objects.register(pod({ ephemeralContainers: [container('e', { envFrom })] }));
  expect((await objects.secret('default', 'debug'))?.get('key')).toEqual(Buffer.from('x'));
  expect(await objects.secret('default', 'of nobody')).toBeUndefined();
});

test('an API server that does not answer is not waited for without end', async () => {
  const { clock, objects, text } = setUp();
  objects.register(mounting('slow'));
  const answer = text('slow', 'key');
  clock.advance(5_000);
  await expect(answer).rejects.toThrow(
    'failed to sync configmap cache: timed out waiting for the condition',
  );
});
