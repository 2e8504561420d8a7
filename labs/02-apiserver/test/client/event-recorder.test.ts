// The event recorder on the real server.
import type { Event } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { FakeClock } from '../../src/client/clock.ts';
import { EventRecorder } from '../../src/client/event-recorder.ts';
import { resources } from '../../src/client/resources.ts';
import { startTestApiServer } from '../../src/server/test-api-server.ts';

let server: Awaited<ReturnType<typeof startTestApiServer>>;
let client: Client;

beforeAll(async () => {
  server = await startTestApiServer();
  client = server.client();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** flush() gives up after five seconds of the clock; on this one they never pass. */
const PATIENT = { clock: new FakeClock() };

const podNamed = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: `uid-of-${name}` },
});

async function eventsOf(name: string): Promise<readonly Event[]> {
  const fieldSelector = `involvedObject.name=${name}`;
  return (await client.list(resources.events, { namespace: 'default', fieldSelector })).items;
}

describe('EventRecorder', () => {
  test('writes a core/v1 event as kubectl describe expects it', async () => {
    const recorder = new EventRecorder(client, 'kubelet', 'node-1', { clock: new FakeClock() });
    const object = { ...podNamed('one'), fieldPath: 'spec.containers{main}' };
    recorder.event(object, 'Normal', 'Started', 'Started container main');
    await recorder.flush();
    const [event] = await eventsOf('one');
    expect(event?.metadata.name).toMatch(/^one\.[0-9a-f]+$/);
    expect(event).toMatchObject({
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        name: 'one',
        namespace: 'default',
        uid: 'uid-of-one',
        fieldPath: 'spec.containers{main}',
      },
      type: 'Normal',
      reason: 'Started',
      message: 'Started container main',
      source: { component: 'kubelet', host: 'node-1' },
      reportingComponent: 'kubelet',
      count: 1,
      firstTimestamp: '2015-11-09T00:00:00Z',
      lastTimestamp: '2015-11-09T00:00:00Z',
    });
  });

  test('counts a repeat up, and makes a new event for another message', async () => {
    const clock = new FakeClock();
    const recorder = new EventRecorder(client, 'scheduler', undefined, { clock });
    for (let n = 0; n < 3; n++) {
      recorder.event(podNamed('many'), 'Warning', 'FailedScheduling', 'no room');
      clock.advance(60_000);
    }
    recorder.event(podNamed('many'), 'Warning', 'FailedScheduling', 'still no room');
    await recorder.flush();
    const events = await eventsOf('many');
    expect(events.map(({ message, count }) => [message, count])).toEqual([
      ['no room', 3],
      ['still no room', 1],
    ]);
    expect(events[0]?.firstTimestamp).toBe('2015-11-09T00:00:00Z');
    expect(events[0]?.lastTimestamp).toBe('2015-11-09T00:02:00Z');
  });

  test('creates an event again that has expired, and keeps its count', async () => {
    const recorder = new EventRecorder(client, 'scheduler', undefined, PATIENT);
    recorder.event(podNamed('expired'), 'Normal', 'Pulled', 'x');
    await recorder.flush();
    const [first] = await eventsOf('expired');
    const name = first?.metadata.name ?? '';
    await client.delete(resources.events, { namespace: 'default', name });
    recorder.event(podNamed('expired'), 'Normal', 'Pulled', 'x');
    await recorder.flush();
    expect((await eventsOf('expired')).map(({ count }) => count)).toEqual([2]);
  });

  test('events of a node are in the namespace default', async () => {
    const recorder = new EventRecorder(client, 'kubelet', 'node-7', PATIENT);
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-7', uid: 'node-7' } };
    recorder.event(node, 'Normal', 'Starting', 'Starting kubelet.');
    await recorder.flush();
    expect(await eventsOf('node-7')).toHaveLength(1);
  });

  test('an event that the server turns down is dropped, and the next one goes out', async () => {
    const recorder = new EventRecorder(client, 'kubelet', undefined, PATIENT);
    const nowhere = { ...podNamed('lost'), metadata: { name: 'lost', namespace: 'No Such' } };
    recorder.event(nowhere, 'Normal', 'Pulled', 'x');
    recorder.event(podNamed('found'), 'Normal', 'Pulled', 'x');
    await recorder.flush();
    expect(await eventsOf('found')).toHaveLength(1);
  });

  test('without a server it neither throws nor waits, and drops what is too much', async () => {
    await using nobody = new Client({ server: 'http://127.0.0.1:1' });
    const recorder = new EventRecorder(nobody, 'kubelet');
    for (let n = 0; n < 5_000; n++) recorder.event(podNamed(`p${n}`), 'Normal', 'Pulled', 'x');
    const startedAt = performance.now();
    await recorder.flush();
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });

  test('an event that did not reach the server is tried again', async () => {
    const clock = new FakeClock();
    let refuse = true;
    const moody: Client = Object.create(client, {
      create: {
        value: (...parameters: Parameters<Client['create']>) => {
          if (!refuse) return client.create(...parameters);
          refuse = false;
          return Promise.reject(new Error('Cannot reach the API server'));
        },
      },
    });
    const recorder = new EventRecorder(moody, 'kubelet', undefined, { clock });
    recorder.event(podNamed('retried'), 'Normal', 'Pulled', 'x');
    await expect.poll(() => clock.pendingTimers).toBe(1);
    clock.advance(10_000);
    await expect.poll(async () => (await eventsOf('retried')).length).toBe(1);
  });
});
