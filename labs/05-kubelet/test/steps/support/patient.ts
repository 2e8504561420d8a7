// Patient: a prober on a clock that the test turns, and containers that are as well as the test says.
//
// A probe is a command whose name says which it is (`ready`, `alive`, `up`). Each attempt is written down with its second.

import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import type { Container, Pod, Probe } from 'kubernetes-types/core/v1';
import { onTestFinished } from 'vitest';
import { PodEvents } from '#src/pod/pod-events.ts';
import { Prober } from '#src/probe/prober.ts';
import { type ExecResult, RuntimeError } from '#src/runtime/runtime.ts';
import { FakeRuntime } from '../../fake-runtime.ts';
import { container, pod as podOf, record } from '../../objects.ts';
import { settled } from './slow-engine.ts';

export const START_MS = Date.UTC(2015, 10, 9);

/**
 * How a command ends: the container is well or ill, says so two seconds late, or not until the test ends it; or the
 * engine cannot be asked.
 */
export type Health = 'well' | 'ill' | 'late' | 'slow' | 'away';

const LATE_MS = 2_000;

export function setUp(spec: Partial<Container>, { random = 0 } = {}) {
  const clock = new FakeClock(START_MS);
  const runtime = new FakeRuntime(() => clock.now());
  const attempts: string[] = [];
  const told: string[] = [];
  const changes: string[] = [];
  const measured: string[] = [];
  const health = new Map<string, Health>();
  /** Lets the slow command of a container end with this code. */
  const finish = new Map<string, (exitCode: number) => void>();
  runtime.execSync = async (id, [name = '']): Promise<ExecResult> => {
    const now = health.get(name) ?? 'well';
    if (now === 'away') throw new RuntimeError('unavailable', 'the engine is away');
    attempts.push(`${(clock.now() - START_MS) / 1_000} s: ${name} of ${id}`);
    if (now === 'late') await new Promise<void>((resolve) => clock.setTimeout(resolve, LATE_MS));
    if (now === 'slow') {
      const exitCode = await new Promise<number>((resolve) => finish.set(id, resolve));
      return { kind: 'exited', exitCode, output: 'killed' };
    }
    return { kind: 'exited', exitCode: now === 'ill' ? 1 : 0, output: `${name} is ill` };
  };
  const prober = new Prober({
    ...{ runtime, clock, log: silentLogger },
    events: new PodEvents({ event: (_, _type, reason, text) => told.push(`${reason} ${text}`) }),
    onChange: (podUid) => changes.push(podUid),
    metrics: {
      observe: ({ container: name }, { kind, result, seconds }) =>
        measured.push(`${kind} of ${name}: ${result} after ${seconds} s`),
    },
    random: () => random,
  });
  onTestFinished(() => prober.stop());
  const pod: Pod = podOf({ containers: [container('c', spec)] });
  /** The attempt-th run of c, running since the given second. */
  const run = (attempt = 0, second = 0, name = 'c') =>
    record(name, { state: 'running', startedAtMs: START_MS + second * 1_000, pid: 2 }, { attempt });
  /** Each second begins with what is due in it, and that is over before the next one begins. */
  let lastMs = START_MS - 1;
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      for (const untilMs of [lastMs + 1, lastMs + 1_000]) {
        clock.advance(untilMs - clock.now());
        for (let turn = 0; turn < 3; turn++) await settled();
      }
      lastMs += 1_000;
    }
  };
  return { prober, pod, run, pass, health, finish, attempts, told, changes, measured };
}

export const probe = (name: string, rest: Probe = {}): Probe => ({
  exec: { command: [name] },
  ...rest,
});

/** What the prober says of a container, in words. */
export function wordsOf({ ready, started }: { ready: boolean; started: boolean }): string {
  return `${started ? 'started' : 'not started'}, ${ready ? 'ready' : 'not ready'}`;
}
