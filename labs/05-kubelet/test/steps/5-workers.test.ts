// Step 5, one pod, one worker: never twice at once, no wake-up lost, and no way back.
import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import { lesson } from '@kube-labs/docs/lesson';
import type { Pod } from 'kubernetes-types/core/v1';
import { expect } from 'vitest';
import { PodWorkers } from '#src/pod/pod-worker.ts';
import { IDENTITY, pod } from '../objects.ts';
import { expectLines } from './support/lines.ts';
import { randomOf } from './support/random.ts';
import { settled } from './support/slow-engine.ts';
import { SlowSyncer } from './support/slow-syncer.ts';

const SEED = Number(process.env.SEED ?? 1);
const WORKERS = 'src/pod/pod-worker.ts#PodWorkers';

const web = pod();
const api = podNamed('api');
const EVICTED = { why: 'evicted', reason: 'Evicted', message: 'low on memory' } as const;
const DEADLINE = { why: 'deadline', reason: 'DeadlineExceeded', message: 'too long' } as const;

/** A line for a shell: workers `w` of the learner's own whose syncer and clock say what they are asked to do. */
const byHand = (code: string): string =>
  `npx tsx -e "import { PodWorkers } from './work/05-kubelet/src/pod/pod-worker.ts'; const metadata = { uid: 'u1', name: 'web', namespace: 'default' }; const say = (what) => async (_, o) => { console.log(what, o.graceSeconds ?? ''); return { final: false } }; const syncer = { syncPod: say('sync'), syncTerminating: say('terminating'), syncTerminated: say('terminated') }; const clock = { setTimeout: (f, ms) => console.log('timer', ms), clearTimeout() {}, now: Date.now }; const w = new PodWorkers({ syncer, clock, log: console, onGone: () => console.log('gone') }); ${code}"`;

const DELETED =
  "{ metadata: { ...metadata, deletionTimestamp: 'x', deletionGracePeriodSeconds: 5 } }";

function podNamed(name: string): Pod {
  return pod({}, { metadata: { uid: name, name, namespace: 'default' } });
}

/** The same pod, being deleted. */
function deleted({ metadata, ...rest }: Pod, graceSeconds: number): Pod {
  const deletion = { deletionTimestamp: 'x', deletionGracePeriodSeconds: graceSeconds };
  return { ...rest, metadata: { ...metadata, ...deletion } };
}

function setUp(options: { readonly resyncMs?: number } = {}) {
  const syncer = new SlowSyncer();
  const clock = new FakeClock();
  const gone: string[] = [];
  const logged: string[] = [];
  const log = {
    ...silentLogger,
    error: (text: string, { pod, state, err }: Record<string, unknown> = {}) => {
      logged.push(`${text}: ${pod}, ${state}, ${err}`);
    },
  };
  const onGone = ({ name }: { name: string }) => gone.push(name);
  const workers = new PodWorkers({ ...options, syncer, clock, log, onGone });
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  return { syncer, clock, workers, gone, logged, pass };
}

lesson(
  'A pod that is new or changed gets a step at once, with the pod as it is by then',
  {
    invariant: 1,
    byHand: byHand('w.update({ metadata })'),
    symbols: [`${WORKERS}.update`, `${WORKERS}.wake`, `${WORKERS}.#run`, `${WORKERS}.#step`],
  },
  async ({ event }) => {
    const { syncer, workers } = setUp();
    const version = (resourceVersion: string): Pod =>
      pod({}, { metadata: { ...IDENTITY, resourceVersion } });
    event('the pod is new');
    workers.update(version('1'));
    expectLines(syncer.log, ['web: sync, version 1']);
    await syncer.finish('web');
    event('it changes after the step has ended');
    workers.update(version('2'));
    await settled();
    expectLines(syncer.log, ['web: sync, version 1', 'web: sync, version 2']);
    expect(workers.stateOf('u1')?.state).toBe('syncing');
    event('wake a pod that nobody knows');
    workers.wake('u9');
    await settled();
    expectLines(syncer.log.slice(2), []);
  },
);

lesson(
  'Of one pod there is one step at a time; what wakes it meanwhile makes one more, whatever the number',
  {
    invariant: 2,
    byHand: byHand("w.update({ metadata }); for (let i = 0; i < 9; i++) w.wake('u1')"),
    symbols: [`${WORKERS}.wake`, `${WORKERS}.#run`],
  },
  async ({ event }) => {
    const { syncer, workers } = setUp();
    event('update web, wake it five times while its step goes on');
    workers.update(web);
    for (let count = 0; count < 5; count++) workers.wake('u1');
    await settled();
    expectLines(syncer.log, ['web: sync']);
    event('another pod does not wait for it');
    workers.update(api);
    await settled();
    expectLines(syncer.log, ['web: sync', 'api: sync']);
    event('the step of web ends; then the one after it');
    await syncer.finish('web');
    expectLines(syncer.log, ['web: sync', 'api: sync', 'web: sync']);
    await syncer.finish('web');
    expectLines(syncer.log, ['web: sync', 'api: sync', 'web: sync']);
    event('wake it just as its step ends: 0, 1, 2 … 11 awaits later');
    for (let awaits = 0; awaits < 12; awaits++) {
      const { syncer, workers } = setUp();
      workers.update(web);
      const ended = syncer.finish('web');
      for (let count = 0; count < awaits; count++) await undefined;
      workers.wake('u1');
      await ended;
      await settled();
      expectLines(
        [`awaits: ${awaits}`, ...syncer.log],
        [`awaits: ${awaits}`, 'web: sync', 'web: sync'],
      );
    }
  },
);

lesson(
  'When nothing happens, a pod is looked at after a minute, or when its step said so',
  {
    invariant: 6,
    byHand: byHand('w.update({ metadata })'),
    symbols: [`${WORKERS}.#run`, `${WORKERS}.#step`],
  },
  async ({ event }) => {
    const { syncer, clock, workers, pass } = setUp();
    event('the step says nothing; a minute passes');
    workers.update(web);
    expect(`timers while it goes on: ${clock.pendingTimers}`).toBe('timers while it goes on: 0');
    await syncer.finish('web');
    await pass(59_999);
    expectLines(syncer.log, ['web: sync']);
    await pass(1);
    expectLines(syncer.log, ['web: sync', 'web: sync']);
    event('the step says: again after 7 s');
    await syncer.finish('web', { final: false, againAfterMs: 7_000 });
    await pass(6_999);
    expectLines(syncer.log.slice(2), []);
    await pass(1);
    expectLines(syncer.log.slice(2), ['web: sync']);
    event('again after 7 s; it is woken after 5 s; that step says nothing; 59 s pass');
    await syncer.finish('web', { final: false, againAfterMs: 7_000 });
    await pass(5_000);
    workers.wake('u1');
    await settled();
    expect(`timers while it goes on: ${clock.pendingTimers}`).toBe('timers while it goes on: 0');
    await syncer.finish('web');
    await pass(59_000);
    expectLines(syncer.log.slice(3), ['web: sync']);
    expect(`timers: ${clock.pendingTimers}`).toBe('timers: 1');
    event('one second more; that step says: again after 0 s');
    await pass(1_000);
    await syncer.finish('web', { final: false, againAfterMs: 0 });
    await pass(0);
    expectLines(syncer.log.slice(4), ['web: sync', 'web: sync']);
    event('other workers, with a resyncMs of 5,000');
    const often = setUp({ resyncMs: 5_000 });
    often.workers.update(web);
    await often.syncer.finish('web');
    await often.pass(5_000);
    expectLines(often.syncer.log, ['web: sync', 'web: sync']);
  },
);

lesson(
  'A step that fails is told of and tried again, after pauses that grow; a wake-up does not wait for them',
  {
    invariant: 5,
    byHand: byHand(
      "syncer.syncPod = async () => { throw new Error('away') }; w.update({ metadata }); setTimeout(() => w.wake('u1'), 50)",
    ),
    symbols: [`${WORKERS}.#retry`, `${WORKERS}.#run`],
  },
  async ({ event }) => {
    const { syncer, workers, logged, pass } = setUp();
    workers.update(web);
    for (const pauseMs of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]) {
      event(`the step fails; the next one begins after ${pauseMs} ms`);
      const { length } = syncer.log;
      await syncer.fail('web');
      await pass(pauseMs - 1);
      expectLines(syncer.log.slice(length), []);
      await pass(1);
      expectLines(syncer.log.slice(length), ['web: sync']);
    }
    const line = 'Error syncing pod, will try again: default/web, syncing, the engine is away';
    expect(logged[0]).toBe(line);
    expect(`lines of the log: ${logged.length}`).toBe('lines of the log: 8');
    event('it fails, and is woken: a step at once');
    const { length } = syncer.log;
    await syncer.fail('web');
    workers.wake('u1');
    await settled();
    expectLines(syncer.log.slice(length), ['web: sync']);
    event('it is woken, and then fails: a step at once');
    workers.wake('u1');
    await syncer.fail('web');
    expectLines(syncer.log.slice(length), ['web: sync', 'web: sync']);
    event('that one succeeds; the next one fails: 500 ms again');
    await syncer.finish('web');
    workers.wake('u1');
    await syncer.fail('web');
    await pass(500);
    expectLines(syncer.log.slice(length + 2), ['web: sync', 'web: sync']);
  },
);

lesson(
  'A pod that is deleted is interrupted, stopped, and cleaned up; it is never synced again',
  {
    invariant: 3,
    byHand: byHand(`w.update({ metadata }); w.update(${DELETED}); w.update({ metadata })`),
    symbols: [`${WORKERS}.#terminate`, `${WORKERS}.#run`, `${WORKERS}.#step`, `${WORKERS}.update`],
  },
  async ({ event }) => {
    const { syncer, clock, workers, logged } = setUp();
    event('web is being started, and is deleted with 30 s');
    workers.update(web);
    workers.update(deleted(web, 30));
    await settled();
    const all = ['web: sync', 'web: interrupted', 'web: terminating 30, deleted'];
    expectLines(syncer.log, all);
    expectLines(logged, []);
    event('it is updated as if nothing had been, and woken, while it stops');
    workers.update(web);
    workers.wake('u1');
    await settled();
    expectLines(syncer.log, all);
    event('it has stopped');
    await syncer.finish('web');
    expectLines(syncer.log.slice(3), ['web: terminated, deleted']);
    expect(workers.stateOf('u1')?.state).toBe('terminated');
    event('cleaning up fails once; it is tried again');
    await syncer.fail('web');
    clock.advance(500);
    await settled();
    expectLines(syncer.log.slice(4), ['web: terminated, deleted']);
    await syncer.finish('web');
    expect(workers.stateOf('u1')?.state).toBe('gone');
    event('it is updated once more');
    workers.update(web);
    await settled();
    expectLines(syncer.log.slice(5), []);
    expect(`timers: ${clock.pendingTimers}`).toBe('timers: 0');
  },
);

lesson(
  'Less time interrupts and begins anew, more time does not; the first reason stays',
  {
    invariant: 4,
    byHand: byHand(
      `syncer.syncTerminating = async (_, o) => { console.log('terminating', o.graceSeconds, o.ending.why); await new Promise(() => {}) }; w.end({ metadata }, { why: 'evicted', reason: 'Evicted', message: '' }, 10); w.update(${DELETED})`,
    ),
    symbols: [`${WORKERS}.#terminate`, `${WORKERS}.#run`, `${WORKERS}.#step`, `${WORKERS}.update`],
  },
  async ({ event }) => {
    const { syncer, workers, clock } = setUp();
    event('web is evicted with 10 s; deleted with 30 s; that comes again with 10 s; with 2 s');
    let told = 'nobody was told that it has ended';
    void workers.end(web, EVICTED, 10).then(() => {
      told = 'told that it has ended';
    });
    workers.update(deleted(web, 30));
    await settled();
    expectLines(syncer.log, ['web: terminating 10, evicted']);
    workers.update(deleted(web, 10));
    await settled();
    expectLines(syncer.log, ['web: terminating 10, evicted']);
    workers.update(deleted(web, 2));
    await settled();
    const shorter = ['web: interrupted', 'web: terminating 2, evicted'];
    expectLines(syncer.log.slice(1), shorter);
    event(
      'the step fails twice; then less time is given: no pause before, and the shortest one after',
    );
    await syncer.fail('web');
    clock.advance(500);
    await settled();
    await syncer.fail('web');
    workers.update(deleted(web, 1));
    await settled();
    expect(syncer.log.at(-1)).toBe('web: terminating 1, evicted');
    await syncer.fail('web');
    const { length } = syncer.log;
    clock.advance(500);
    await settled();
    expectLines(syncer.log.slice(length), ['web: terminating 1, evicted']);
    event('it has stopped');
    expect(told).toBe('nobody was told that it has ended');
    await syncer.finish('web');
    expect(told).toBe('told that it has ended');
    expect(syncer.log.at(-1)).toBe('web: terminated, deleted');
    expect(workers.stateOf('u1')).toEqual({ state: 'terminated', ending: EVICTED });
  },
);

lesson(
  'A pod that has ended for good is cleaned up and costs nothing; its worker waits for the deletion',
  {
    invariant: 6,
    byHand: byHand('syncer.syncPod = async () => ({ final: true }); w.update({ metadata })'),
    symbols: [`${WORKERS}.#step`, `${WORKERS}.update`, `${WORKERS}.#run`, `${WORKERS}.#terminate`],
  },
  async ({ event }) => {
    const { syncer, workers, clock, pass } = setUp();
    event('the step of web says that it has ended for good');
    workers.update(web);
    await syncer.finish('web', { final: true });
    expectLines(syncer.log, ['web: sync', 'web: terminating 0, finished']);
    await syncer.finish('web');
    expectLines(syncer.log.slice(2), ['web: terminated']);
    event('it is deleted while that goes on');
    workers.update(deleted(web, 30));
    await syncer.finish('web');
    expectLines(syncer.log.slice(3), ['web: terminated, deleted']);
    await syncer.finish('web');
    expect(workers.stateOf('u1')?.state).toBe('gone');
    event('the API says of job that it has succeeded; its spec gives it 7 s');
    const job = podNamed('job');
    const spec = { containers: [], terminationGracePeriodSeconds: 7 };
    workers.update({ ...job, spec, status: { phase: 'Succeeded' } });
    await syncer.finish('job');
    await syncer.finish('job');
    expectLines(syncer.log.slice(4), ['job: terminating 7, finished', 'job: terminated']);
    event('an hour later somebody deletes job; its phase is the same');
    await pass(3_600_000);
    workers.update({ ...deleted(job, 30), spec, status: { phase: 'Succeeded' } });
    await syncer.finish('job');
    expectLines(syncer.log.slice(6), ['job: terminated, deleted']);
    expect(workers.stateOf('job')?.state).toBe('gone');
    event('the step of late says that it has ended for good, as its time is over; its spec: 7 s');
    workers.update({ ...podNamed('late'), spec });
    await syncer.finish('late', { final: true, ending: DEADLINE });
    await syncer.finish('late');
    await syncer.finish('late');
    const late = ['late: sync', 'late: terminating 7, deadline', 'late: terminated'];
    expectLines(syncer.log.slice(7), late);
    expect(workers.stateOf('late')).toEqual({ state: 'terminated', ending: DEADLINE });
    expect(`timers: ${clock.pendingTimers}`).toBe('timers: 0');
  },
);

lesson(
  'What the API does not know is taken away, and its worker with it',
  {
    invariant: 6,
    byHand: byHand('w.remove(metadata, 1)'),
    symbols: [`${WORKERS}.#step`],
  },
  async ({ event }) => {
    const { syncer, workers, gone } = setUp();
    event('there are containers of web, and the API knows of no such pod');
    workers.remove(IDENTITY, 1);
    await settled();
    await syncer.finish('web');
    expect(`web has a worker: ${workers.has('u1')}`).toBe('web has a worker: true');
    await syncer.finish('web');
    expectLines(syncer.log, ['web: terminating 1, deleted', 'web: terminated, deleted']);
    expect(`web has a worker: ${workers.has('u1')}`).toBe('web has a worker: false');
    expectLines(gone, ['web']);
    event('api is deleted, and taken away; then its object goes');
    workers.update(deleted(api, 30));
    await settled();
    await syncer.finish('api');
    await syncer.finish('api');
    expect(`api has a worker: ${workers.has('api')}`).toBe('api has a worker: true');
    workers.remove({ ...IDENTITY, uid: 'api', name: 'api' }, 1);
    expect(`api has a worker: ${workers.has('api')}`).toBe('api has a worker: false');
    expectLines(gone, ['web', 'api']);
    expectLines(syncer.log.slice(2), ['api: terminating 30, deleted', 'api: terminated, deleted']);
    event('the API says of job that it has failed; it is cleaned up; then its object goes');
    workers.update({ ...podNamed('job'), status: { phase: 'Failed' } });
    await syncer.finish('job');
    await syncer.finish('job');
    workers.remove({ ...IDENTITY, uid: 'job', name: 'job' }, 1);
    await settled();
    const job = ['job: terminating 30, finished', 'job: terminated', 'job: terminated, deleted'];
    expectLines(syncer.log.slice(4), job);
    await syncer.finish('job');
    expect(`job has a worker: ${workers.has('job')}`).toBe('job has a worker: false');
    expectLines(gone, ['web', 'api', 'job']);
  },
);

lesson(
  'Workers that are stopped begin nothing more, and have stopped when their last step has ended',
  {
    invariant: 2,
    byHand: byHand(
      "w.stop().then(() => w.update({ metadata })).then(() => console.log('stopped'))",
    ),
    symbols: [`${WORKERS}.wake`, `${WORKERS}.#run`],
  },
  async ({ event }) => {
    const { syncer, clock, workers } = setUp();
    event(
      'web is being cleaned up, which cannot be interrupted; stop; wake it, and update another pod',
    );
    workers.remove(IDENTITY, 1);
    await settled();
    await syncer.finish('web');
    let state = 'stopping';
    const stopped = workers.stop().then(() => {
      state = 'stopped';
    });
    workers.wake('u1');
    workers.update(api);
    await settled();
    expect(state).toBe('stopping');
    event('its step ends');
    await syncer.fail('web');
    await stopped;
    expectLines(syncer.log, ['web: terminating 1, deleted', 'web: terminated, deleted']);
    expect(`timers: ${clock.pendingTimers}`).toBe('timers: 0');
  },
);

lesson(
  'In 2,000 random moves no step runs beside another, no wake-up is lost, and no pod comes back',
  {
    invariant: 3,
    byHand: 'npx lab check (SEED=2 npx lab check takes other moves)',
    symbols: [`${WORKERS}.#run`, `${WORKERS}.#step`, `${WORKERS}.#terminate`],
  },
  async ({ event, figure }) => {
    event(`seed ${SEED}`);
    const random = randomOf(SEED);
    const { syncer, workers, pass } = setUp();
    const ORDER = ['sync', 'terminating', 'terminated'];
    let number = 0;
    let current = podNamed('pod-0');
    /** How far the pod has come, the least time it was given, and whether a step is due to it. */
    let [reached, grace, owed] = [0, Number.POSITIVE_INFINITY, false];
    const problems: string[] = [];
    syncer.onBegin = (line) => {
      const [, what = '', seconds] = /: (\w+) ?(\d+)?/.exec(line) ?? [];
      if (line.includes('while another')) problems.push(line);
      if (ORDER.indexOf(what) < reached) problems.push(`${line}, after ${ORDER[reached]}`);
      if (Number(seconds ?? 0) > grace) problems.push(`${line}, after ${grace}`);
      [reached, owed] = [ORDER.indexOf(what), false];
      if (seconds !== undefined) grace = Number(seconds);
    };
    const wake = (act: () => void) => {
      owed = true;
      act();
    };
    const name = () => current.metadata?.name ?? '';
    const move = async (which: number): Promise<void> => {
      const { uid = '' } = current.metadata ?? {};
      if (which < 5 && syncer.isOpen(name())) return syncer.finish(name());
      if (which < 7 && syncer.isOpen(name())) return syncer.fail(name());
      if (which === 7 && syncer.isOpen(name())) return syncer.finish(name(), { final: true });
      if (which === 8) return wake(() => workers.update(deleted(current, 1 + random(30))));
      if (which === 9) return wake(() => workers.remove({ ...IDENTITY, uid, name: name() }, 1));
      if (which === 10) return pass(random(70_000));
      if (which < 13) return wake(() => workers.update(current));
      return wake(() => workers.wake(uid));
    };
    workers.update(current);
    for (let count = 0; count < 2_000; count++) {
      await move(random(16));
      await settled();
      const state = workers.stateOf(name())?.state ?? 'gone';
      if (owed && state !== 'gone' && !syncer.isOpen(name()))
        problems.push(`move ${count}: a wake-up of ${name()} is lost; it is ${state}`);
      expectLines(problems, []);
      if (state !== 'gone') continue;
      current = podNamed(`pod-${++number}`);
      [reached, grace, owed] = [0, Number.POSITIVE_INFINITY, false];
      workers.update(current);
    }
    expect(number).toBeGreaterThan(50);
    figure('moves', 2_000);
    figure('pods', number);
  },
);
