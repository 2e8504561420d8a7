// FakeFaults: an engine in memory that is slow, refuses, answers nothing after it has done what it was told, and forgets events.
//
// All by chance, from one seed: the same seed and the same calls give the same faults. A call that fails may have been
// done or not, as with a real engine whose connection breaks. An event may be lost; then the next one may be a resync, as
// after a new connection. calm() ends all faults, and tells of a resync: from then on the kubelet has to get everything right.
//
// Same purpose upstream: none; its fake runtime fails where a test says so.

import { type Clock, sleep } from '@kube-labs/apiserver';
import { type Runtime, RuntimeError, type RuntimeEvent } from '#src/runtime/runtime.ts';
import type { FakeRuntime } from './fake-runtime.ts';

export interface FaultOptions {
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly clock: Clock;
  /** Calls take up to this long. */
  readonly delayMsMax?: number;
  /** How many of a hundred calls are refused, and how many are done but not answered. */
  readonly refusedPercent?: number;
  readonly unansweredPercent?: number;
  readonly lostEventPercent?: number;
}

const CALLS = [
  'status',
  'listPods',
  'podStatus',
  'runPodSandbox',
  'stopPodSandbox',
  'removePodSandbox',
  'createContainer',
  'startContainer',
  'stopContainer',
  'removeContainer',
  'imageStatus',
  'pullImage',
  'execSync',
] as const satisfies readonly (keyof Runtime)[];

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** What the kubelet is given instead of the fake itself, which the test keeps to look into. */
export type FaultyRuntime = Runtime & { calm(): void };

export function withFaults(runtime: FakeRuntime, options: FaultOptions): FaultyRuntime {
  const { random, clock, delayMsMax = 0 } = options;
  const never = new AbortController().signal;
  let isCalm = false;
  const happens = (percent = 0) => !isCalm && random() * 100 < percent;
  const away = (name: string) =>
    new RuntimeError('unavailable', `Cannot connect to the Docker daemon: ${name} failed`);
  const faulty = (name: (typeof CALLS)[number]): Call => {
    const call = (runtime[name] as Call).bind(runtime);
    return async (...args) => {
      if (!isCalm && delayMsMax > 0) await sleep(Math.ceil(random() * delayMsMax), never, clock);
      // It says itself that it is away, and never fails.
      if (name === 'status') return call(...args);
      if (happens(options.refusedPercent)) throw away(name);
      const answer = await call(...args);
      if (happens(options.unansweredPercent)) throw away(name);
      return answer;
    };
  };
  async function* events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    let hasLost = false;
    for await (const event of runtime.events(signal)) {
      const isLost = event.type === 'pod' && happens(options.lostEventPercent);
      if (!isLost && hasLost && happens(50)) yield { type: 'resync' };
      hasLost = isLost || (hasLost && event.type === 'pod');
      if (!isLost) yield event;
    }
  }
  const calls = Object.fromEntries(CALLS.map((name) => [name, faulty(name)]));
  const calm = () => {
    isCalm = true;
    runtime.tell({ type: 'resync' });
  };
  const overrides: Readonly<Record<string, unknown>> = { ...calls, events, calm };
  const get = (_: FakeRuntime, name: string) => {
    const own = overrides[name] ?? Reflect.get(runtime, name, runtime);
    return typeof own === 'function' && !(name in overrides) ? own.bind(runtime) : own;
  };
  return new Proxy(runtime, { get: (target, name) => get(target, String(name)) }) as FakeRuntime &
    FaultyRuntime;
}

/** A small generator of numbers from 0 to below 1, so that a seed repeats a test exactly (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Of this run, or the one that SEED repeats; printed either way. */
export function seedOf(name: string): number {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed of ${name}: SEED=${seed}`);
  return seed;
}
