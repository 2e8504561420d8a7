// What is known of pods: fed by events, asked anew when somebody changed something, and never behind a later answer.

import { silentLogger } from '@kube-labs/apiserver';
import { expect, onTestFinished, test, vi } from 'vitest';
import { PodCache } from '#src/runtime/pod-cache.ts';
import type { PodIdentity, RuntimeEvent, RuntimePod } from '#src/runtime/runtime.ts';
import { exited, IDENTITY, RUNNING, record, runtimePod } from './objects.ts';

const running = runtimePod([record('c', RUNNING)]);
const ended = runtimePod([record('c', exited(1))]);
const nothing = runtimePod([], []);
const OTHER: PodIdentity = { uid: 'u2', name: 'slow', namespace: 'default' };

/** An engine that answers when the test lets it. */
function setUp() {
  const questions: { uid: string; answer: (pod: RuntimePod) => void; fail: () => void }[] = [];
  const ask = (uid: string) =>
    new Promise<RuntimePod>((resolve, reject) => {
      questions.push({ uid, answer: resolve, fail: () => reject(new Error('engine away')) });
    });
  const events: RuntimeEvent[] = [];
  let wake = () => {};
  const runtime = {
    podStatus: ({ uid }: PodIdentity) => ask(uid),
    listPods: async () => [await ask('all')],
    async *events(signal: AbortSignal) {
      signal.addEventListener('abort', () => wake(), { once: true });
      while (!signal.aborted) {
        const event = events.shift();
        if (event !== undefined) yield event;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
  const cache = new PodCache({ runtime, log: silentLogger });
  const told: string[] = [];
  cache.onChange(({ uid }) => told.push(uid));
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const resyncs: number[] = [];
  void cache.run(() => resyncs.push(questions.length), stop.signal);
  const happen = (event: RuntimeEvent) => {
    events.push(event);
    wake();
  };
  const died = (pod: PodIdentity) => happen({ type: 'pod', pod, action: 'die' });
  return { cache, questions, told, resyncs, happen, died };
}

test('an event makes the engine be asked once, and is told when the answer is there', async () => {
  const { cache, questions, told, died } = setUp();
  died(IDENTITY);
  await vi.waitFor(() => expect(questions.length).toBe(1));
  expect(told).toEqual([]);
  questions[0]?.answer(ended);
  await vi.waitFor(() => expect(told).toEqual(['u1']));
  expect(await cache.current(IDENTITY)).toBe(ended);
  expect(cache.list()).toEqual([ended]);
  expect(questions.length).toBe(1);
});

test('who changes a pod asks once when he has done, also when the engine tells of each start; an end is asked about at once', async () => {
  const { cache, questions, told, happen, died } = setUp();
  let finish = () => {};
  const change = cache.change('u1', () => new Promise<void>((resolve) => (finish = resolve)));
  happen({ type: 'pod', pod: IDENTITY, action: 'start' });
  await vi.waitFor(() => expect(told).toEqual(['u1']));
  expect(questions.length).toBe(0);
  died(IDENTITY);
  await vi.waitFor(() => expect(questions.length).toBe(1));
  questions[0]?.answer(running);
  await vi.waitFor(() => expect(told).toEqual(['u1', 'u1']));
  finish();
  await change;
  const current = cache.current(IDENTITY);
  questions[1]?.answer(ended);
  expect(await current).toBe(ended);
  happen({ type: 'pod', pod: IDENTITY, action: 'start' });
  await vi.waitFor(() => expect(questions.length).toBe(3));
  await expect(cache.change('u1', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  questions[2]?.answer(running);
});

test('a pod about which the engine is slow to answer keeps no other waiting', async () => {
  const { questions, told, died } = setUp();
  died(OTHER);
  died(IDENTITY);
  await vi.waitFor(() => expect(questions.length).toBe(2));
  questions[1]?.answer(ended);
  await vi.waitFor(() => expect(told).toEqual(['u1']));
});

test('whoever asks while a question is on its way shares the next one, since things may have changed', async () => {
  const { cache, questions } = setUp();
  const first = cache.refresh(IDENTITY);
  const others = [cache.refresh(IDENTITY), cache.refresh(IDENTITY)];
  expect(questions.length).toBe(1);
  questions[0]?.answer(running);
  expect(await first).toBe(running);
  await vi.waitFor(() => expect(questions.length).toBe(2));
  questions[1]?.answer(ended);
  expect(await Promise.all(others)).toEqual([ended, ended]);
  expect(await cache.current(IDENTITY)).toBe(ended);
});

test('what was outdated while the engine was asked is asked again; nothing else is', async () => {
  const { cache, questions } = setUp();
  const before = cache.current(IDENTITY);
  cache.outdate('u1');
  questions[0]?.answer(running);
  expect(await before).toBe(running);
  const after = cache.current(IDENTITY);
  await vi.waitFor(() => expect(questions.length).toBe(2));
  // The question under way was put after the change, so it will do.
  const shared = cache.current(IDENTITY);
  questions[1]?.answer(ended);
  expect(await Promise.all([after, shared])).toEqual([ended, ended]);
  expect(questions.length).toBe(2);
});

test('a list that was slower than the answer about one pod does not bring the past back', async () => {
  const { cache, questions, told } = setUp();
  const relist = cache.refreshAll();
  const one = cache.refresh(IDENTITY);
  questions[1]?.answer(nothing);
  await one;
  questions[0]?.answer(running);
  await relist;
  expect(cache.has('u1')).toBe(false);
  expect(told).toEqual([]);
});

test('a list finds what events did not tell: what is new, other than known, or gone', async () => {
  const { cache, questions, told } = setUp();
  const relist = async (found: RuntimePod) => {
    const done = cache.refreshAll();
    questions.at(-1)?.answer(found);
    await done;
  };
  await relist(running);
  await relist(structuredClone(running));
  expect(told).toEqual(['u1']);
  await relist(ended);
  await relist({ ...running, identity: OTHER });
  expect(told).toEqual(['u1', 'u1', 'u2', 'u1']);
  expect(cache.list().map(({ identity }) => identity.uid)).toEqual(['u2']);
});

test('after a list the engine is not asked about a pod that is new, until it is touched or the connection was lost', async () => {
  const { cache, questions, happen } = setUp();
  const relist = cache.refreshAll();
  questions[0]?.answer(running);
  await relist;
  expect(await cache.current(OTHER)).toEqual({ ...nothing, identity: OTHER });
  expect(questions.length).toBe(1);
  cache.outdate('u2');
  const touched = cache.current(OTHER);
  expect(questions.length).toBe(2);
  questions[1]?.answer({ ...running, identity: OTHER });
  expect((await touched).sandboxes.length).toBe(1);
  happen({ type: 'resync' });
  await vi.waitFor(() => expect(questions.length).toBe(3));
  const third = { uid: 'u3', name: 'new', namespace: 'default' };
  const asked = cache.current(third);
  expect(questions.at(-1)?.uid).toBe('u3');
  questions.at(-1)?.answer({ ...nothing, identity: third });
  await asked;
});

test('a pod that was touched while everything was listed is asked about, also when it had been empty before', async () => {
  const { cache, questions } = setUp();
  const empty = cache.refresh(IDENTITY);
  questions[0]?.answer(nothing);
  await empty;
  const relist = cache.refreshAll();
  cache.outdate('u1');
  questions[1]?.answer({ ...running, identity: OTHER });
  await relist;
  const current = cache.current(IDENTITY);
  questions[2]?.answer(running);
  expect(await current).toBe(running);
});

test('after a lost connection nothing that was known counts, also when the engine cannot list', async () => {
  const { cache, questions, resyncs, happen } = setUp();
  const known = cache.refresh(IDENTITY);
  questions[0]?.answer(running);
  await known;
  happen({ type: 'resync' });
  await vi.waitFor(() => expect(questions.length).toBe(2));
  questions[1]?.fail();
  await vi.waitFor(() => expect(resyncs).toEqual([2]));
  const current = cache.current(IDENTITY);
  questions[2]?.answer(ended);
  expect(await current).toBe(ended);
});

test('a question that fails is put again by whoever asks next', async () => {
  const { cache, questions, told, died } = setUp();
  died(IDENTITY);
  await vi.waitFor(() => expect(questions.length).toBe(1));
  questions[0]?.fail();
  await vi.waitFor(() => expect(told).toEqual(['u1']));
  const current = cache.current(IDENTITY);
  questions[1]?.answer(ended);
  expect(await current).toBe(ended);
});
