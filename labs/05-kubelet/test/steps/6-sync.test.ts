// Step 6, look, report, obey, report again: thin effects, and a failure ends the round.
import { lesson } from '@kube-labs/docs/lesson';
import { expect, vi } from 'vitest';
import { restartKey } from '#src/pod/back-off.ts';
import { obeyActions } from '#src/pod/pod-actions.ts';
import type { Ending } from '#src/pod/pod-worker.ts';
import { sandboxConfigOf } from '#src/pod/sandbox-config.ts';
import { RuntimeError } from '#src/runtime/runtime.ts';
import { container, IDENTITY, pod } from '../objects.ts';
import { expectLines } from './support/lines.ts';
import { settled } from './support/slow-engine.ts';
import { never, setUp, setUpActions, startOf, two, web } from './support/syncing.ts';

const ACTIONS = 'src/pod/pod-actions.ts#';
const SYNCER = 'src/pod/pod-syncer.ts#KubeletPodSyncer';

const volumes = new Map();
const sandboxFirst = { kind: 'create-sandbox', attempt: 0 } as const;
const DELETED: Ending = { why: 'deleted' };

/** The program in the lesson: the whole life of a pod with the learner's own code. */
const BY_HAND = 'npx tsx /tmp/sync.ts (the program in Run: npx lab task)';

const withoutEvents = (lines: readonly string[]) =>
  lines.filter((line) => !line.startsWith('event'));

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );

lesson(
  'Actions are done one after the other, as the plan has them, and each container starts in the sandbox that is there by then',
  {
    invariant: 1,
    byHand: BY_HAND,
    symbols: [`${ACTIONS}obeyActions`, `${ACTIONS}start`],
  },
  async ({ event }) => {
    const { actions: deps, runtime, find, news } = await setUpActions();
    const obey = async (...actions: Parameters<typeof obeyActions>[1]['actions']) => {
      const order = { pod: two, runtime: await runtime.podStatus(IDENTITY), volumes };
      return obeyActions(deps, { ...order, actions }, never);
    };
    const [c, d] = [container('c'), container('d')];
    event('start c, and there is no sandbox');
    expect(await messageOf(obey(startOf(c)))).toBe('No sandbox to start a container in');
    event('create a sandbox, start c in it');
    expect(JSON.stringify(await obey(sandboxFirst, startOf(c)))).toBe('{}');
    const made = ['sandbox web', 'create c 0', 'start c'];
    expectLines(news(), made);
    event('start d in the sandbox that is there, as its third run');
    await obey(startOf(d, 2));
    expectLines(withoutEvents(news()), ['create d 2', 'start d']);
    const { sandboxes } = await runtime.podStatus(IDENTITY);
    for (const name of ['c', 'd']) {
      expect((await find(name))?.sandboxId).toBe(sandboxes[0]?.id);
    }
    event('kill c with the time of the pod; start it; kill it within 7 s; stop all containers');
    const kill = async (graceSeconds?: number) => {
      const found = (await find('c')) ?? expect.fail('c is not there');
      const grace = graceSeconds === undefined ? {} : { graceSeconds };
      await obey({ kind: 'kill-container', container: found, message: 'it is wrong', ...grace });
    };
    await kill();
    await obey(startOf(c, 1));
    await kill(7);
    await obey({ kind: 'stop-containers' });
    expectLines(withoutEvents(news()), [
      'stop c within 30000 ms',
      'create c 1',
      'start c',
      'stop c within 7000 ms',
      'stop d within 30000 ms',
    ]);
  },
);

lesson(
  'Before each action the signal is looked at: an interrupted round starts nothing more',
  { invariant: 2, byHand: BY_HAND, symbols: [`${ACTIONS}obeyActions`] },
  async ({ event }) => {
    const { actions: deps, runtime, news } = await setUpActions();
    const interrupt = new AbortController();
    const start = runtime.startContainer.bind(runtime);
    runtime.startContainer = async (id) => {
      await start(id);
      interrupt.abort();
    };
    event('the pod is deleted while c, the first of two, is being started');
    const actions = [sandboxFirst, startOf(container('c')), startOf(container('d'))];
    const order = { pod: two, runtime: await runtime.podStatus(IDENTITY), volumes, actions };
    expect(await messageOf(obeyActions(deps, order, interrupt.signal))).toContain('aborted');
    expectLines(withoutEvents(news()), ['sandbox web', 'create c 0', 'start c']);
  },
);

lesson(
  'A container that cannot be started keeps no other from it: its reason is noted, and when to try again',
  {
    invariant: 3,
    byHand: BY_HAND,
    symbols: [`${ACTIONS}start`, `${ACTIONS}obeyActions`],
  },
  async ({ event }) => {
    const { actions: deps, clock, runtime, waiting, restarts, news } = await setUpActions();
    const obey = async (...actions: Parameters<typeof obeyActions>[1]['actions']) => {
      const order = { pod: two, runtime: await runtime.podStatus(IDENTITY), volumes };
      const { againAfterMs } = await obeyActions(deps, { ...order, actions }, never);
      return `${waiting.of('u1').get('c')?.reason ?? 'started'}, again: ${againAfterMs ?? '-'}`;
    };
    const [c, d] = [container('c'), container('d')];
    event('the engine refuses c; d is next');
    runtime.failNext('createContainer', new RuntimeError('failed', 'no such device'));
    expect(await obey(sandboxFirst, startOf(c), startOf(d))).toBe(
      'CreateContainerError, again: 5000',
    );
    expectLines(withoutEvents(news()), ['sandbox web', 'create d 0', 'start d']);
    event('it starts');
    expect(await obey(startOf(c))).toBe('started, again: -');
    event('it ended; its restart is tried twice, and fails twice: both count');
    runtime.exit('container-3', 1);
    const endedAt = clock.now();
    for (const delayMs of [10_000, 20_000]) {
      runtime.failNext('startContainer', new RuntimeError('failed', 'no such file'));
      expect(await obey(startOf(c, 1, endedAt))).toBe('RunContainerError, again: 5000');
      const back = `the next back-off: ${restarts.delayMs(restartKey('u1', c))} ms`;
      expect(back).toBe(`the next back-off: ${delayMs} ms`);
    }
    event(
      'its image cannot be pulled: again after 5 s, then when the back-off of the image is over',
    );
    const other = container('c', { image: 'image:v2' });
    runtime.failNext('pullImage');
    expect(await obey(startOf(other, 2))).toBe('ErrImagePull, again: 5000');
    clock.advance(1_000);
    expect(await obey(startOf(other, 2))).toBe('ImagePullBackOff, again: 9000');
    event('a back-off of 3 s beside it: what is due first counts');
    const backOff = { kind: 'back-off', spec: d, delayMs: 3_000 } as const;
    expect(await obey(startOf(other, 2), backOff)).toBe('ImagePullBackOff, again: 3000');
    event('the engine is away: the round fails');
    runtime.failNext('createContainer', new RuntimeError('unavailable', 'connection refused'));
    expect(await messageOf(obey(startOf(c, 2), startOf(d, 1)))).toBe('connection refused');
  },
);

lesson(
  'What must not stay goes at once: a container whose postStart hook failed, and all of a pod whose sandbox is replaced',
  {
    invariant: 3,
    byHand: BY_HAND,
    symbols: [`${ACTIONS}start`, `${ACTIONS}stopPod`],
  },
  async ({ event }) => {
    const { actions: deps, runtime, waiting, news } = await setUpActions();
    const postStart = { exec: { command: ['set', 'up'] } };
    const c = container('c', { lifecycle: { postStart } });
    const hooked = pod({ containers: [c, container('d')], terminationGracePeriodSeconds: 9 });
    const obey = async (...actions: Parameters<typeof obeyActions>[1]['actions']) => {
      const order = { pod: hooked, runtime: await runtime.podStatus(IDENTITY), volumes };
      return obeyActions(deps, { ...order, actions }, never);
    };
    runtime.execSync = async () => ({ kind: 'exited', exitCode: 3, output: '' });
    event('the postStart hook of c fails; d starts');
    expect(JSON.stringify(await obey(sandboxFirst, startOf(c), startOf(container('d'))))).toBe(
      '{}',
    );
    expect(waiting.of('u1').get('c')?.reason).toBe('PostStartHookError');
    expectLines(news(), [
      ...['sandbox web', 'create c 0', 'start c'],
      ...['event: FailedPostStartHook', 'event: Killing', 'stop c within 9000 ms'],
      ...['create d 0', 'start d'],
    ]);
    event('stop the pod, and create the next sandbox');
    await obey({ kind: 'stop-pod' }, { kind: 'create-sandbox', attempt: 1 });
    expectLines(news(), [
      ...['event: SandboxChanged', 'probes: forget', 'event: Killing', 'stop d within 9000 ms'],
      ...['remove sandbox', 'sandbox web'],
    ]);
  },
);

lesson(
  'A round looks, reports, obeys and reports again; when nothing is to be done, it asks nobody and changes nothing',
  { invariant: 4, byHand: BY_HAND, symbols: [`${SYNCER}.syncPod`] },
  async ({ event }) => {
    const { clock, runtime, syncer, news, exit } = await setUp();
    const sync = async (what = web) => JSON.stringify(await syncer.syncPod(what, never));
    event('a new pod');
    expect(await sync()).toBe('{"final":false}');
    expectLines(withoutEvents(news()), [
      ...['objects: register', 'told: Pending, c ContainerCreating', 'volumes: set up'],
      ...['sandbox web', 'create c 0', 'start c', 'told: Running, c running'],
    ]);
    event('nothing happens: two more rounds');
    let asked = 0;
    const podStatus = runtime.podStatus.bind(runtime);
    runtime.podStatus = async (identity) => {
      asked++;
      return podStatus(identity);
    };
    await sync();
    await sync();
    expect(`questions to the engine: ${asked}`).toBe('questions to the engine: 0');
    const quiet = ['objects: register', 'told: Running, c running', 'volumes: set up'];
    expectLines(news(), [
      ...quiet,
      'told: Running, c running',
      ...quiet,
      'told: Running, c running',
    ]);
    event('c ends twice: a restart; then back-off, and the run before it goes');
    await exit('c', 1);
    expect(await sync()).toBe('{"final":false}');
    await exit('c', 1);
    news();
    expect(await sync()).toBe('{"final":false,"againAfterMs":10000}');
    expectLines(withoutEvents(news()), [
      ...['objects: register', 'told: Running, c 1', 'volumes: set up'],
      ...['told: Running, c CrashLoopBackOff', 'remove c'],
    ]);
    event('the back-off is over');
    clock.advance(10_000);
    await sync();
    expectLines(withoutEvents(news()), [
      ...['objects: register', 'told: Running, c CrashLoopBackOff', 'volumes: set up'],
      ...['create c 2', 'start c', 'told: Running, c running'],
    ]);
    event('it may be active for 60 s, 10 s of which are over; then all of them');
    const limited = pod({ activeDeadlineSeconds: 60 });
    expect(await sync(limited)).toBe('{"final":false,"againAfterMs":50000}');
    clock.advance(50_000);
    news();
    const { final, ending } = await syncer.syncPod(limited, never);
    expect(`final: ${final}, ending: ${ending?.why}`).toBe('final: false, ending: deadline');
    expectLines(news(), [
      'objects: register',
      'told: Running, c running',
      'event: DeadlineExceeded',
    ]);
  },
);

lesson(
  'A pod that has ended for good is said to be final, and nothing is done for it',
  { invariant: 4, byHand: BY_HAND, symbols: [`${SYNCER}.syncPod`] },
  async ({ event }) => {
    const { syncer, news, exit } = await setUp();
    const job = pod({ restartPolicy: 'Never' });
    await syncer.syncPod(job, never);
    event('its container ends with 0');
    await exit('c', 0);
    news();
    expect(JSON.stringify(await syncer.syncPod(job, never))).toBe('{"final":true}');
    expectLines(news(), ['objects: register', 'told: Succeeded, c 0']);
  },
);

lesson(
  'What fails ends the round, and what was known before no longer counts; the next round goes on from what is there',
  { invariant: 2, byHand: BY_HAND, symbols: [`${SYNCER}.syncPod`] },
  async ({ event, figure }) => {
    const first = await setUp();
    event('the engine goes away after the sandbox was made');
    first.runtime.failNext(
      'createContainer',
      new RuntimeError('unavailable', 'connection refused'),
    );
    expect(await messageOf(first.syncer.syncPod(web, never))).toBe('connection refused');
    await first.syncer.syncPod(web, never);
    const calls = first.news().filter((line) => !line.includes(':'));
    expectLines(calls, ['sandbox web', 'create c 0', 'start c']);
    event('without a network, no volume is mounted and no sandbox made');
    const offline = await setUp();
    offline.runtime.network = { ready: false, reason: 'NetworkPluginNotReady', message: 'none' };
    expect(await messageOf(offline.syncer.syncPod(web, never))).toContain('network is not ready');
    const told = 'told: Pending, c ContainerCreating';
    expectLines(offline.news(), ['objects: register', told, 'event: NetworkNotReady']);
    event('interrupt a round after its n-th line, for each n, and let a new kubelet go on');
    let interrupted = 0;
    for (let after = 1; after <= 14; after++) {
      const { deps, log, newSyncer, runtime, syncer, cache } = await setUp();
      const interrupt = new AbortController();
      const push = log.push.bind(log);
      log.push = (...lines) => {
        if (log.length + 1 === after) interrupt.abort();
        return push(...lines);
      };
      const outcome = await messageOf(syncer.syncPod(two, interrupt.signal));
      if (outcome !== 'it succeeded') interrupted++;
      cache.outdate('u1');
      await newSyncer().syncPod(two, never);
      const { sandboxes, containers } = await runtime.podStatus(IDENTITY);
      const states = containers.map(
        ({ name, attempt, status }) => `${name} ${attempt} ${status.state}`,
      );
      expectLines(states.sort(), ['c 0 running', 'd 0 running']);
      expect(`after line ${after}, sandboxes: ${sandboxes.length}`).toBe(
        `after line ${after}, sandboxes: 1`,
      );
      expect(deps.statuses.get('u1')?.phase).toBe('Running');
    }
    expect(interrupted).toBeGreaterThan(5);
    figure('interruptions', interrupted);
  },
);

lesson(
  'Who stops a pod tells its end before, meanwhile and after; its probes go when nothing runs',
  { invariant: 5, byHand: BY_HAND, symbols: [`${SYNCER}.syncTerminating`] },
  async ({ event, signal }) => {
    const { cache, known, runtime, syncer, log, news } = await setUp();
    void cache.run(() => {}, signal);
    await settled();
    await syncer.syncPod(two, never);
    news();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const stop = runtime.stopContainer.bind(runtime);
    runtime.stopContainer = async (id, graceMs) => {
      if (id.endsWith('3')) await gate;
      await stop(id, graceMs);
    };
    const work = { identity: IDENTITY, pod: two };
    event('two containers are stopped within 9 s; the second one takes longer');
    const stopping = syncer.syncTerminating(work, { graceSeconds: 9, ending: DELETED }, never);
    await vi.waitFor(() => expect(log.at(-1)).toBe('told: Running, c 143, d running'));
    expectLines(withoutEvents(news()), [
      ...['probes: readiness only', 'told: Running, c running, d running'],
      ...['stop c within 9000 ms', 'told: Running, c 143, d running'],
    ]);
    event('that one ends, too');
    open();
    await stopping;
    const rest = withoutEvents(news());
    expect(rest[0]).toBe('stop d within 9000 ms');
    expectLines(rest.slice(-2), ['probes: forget', 'told: Failed, c 143, d 143']);
    event('after the end nothing more is told');
    cache.outdate('u1');
    runtime.tell({ type: 'pod', pod: IDENTITY, action: 'die' });
    for (let turn = 0; turn < 20; turn++) await settled();
    expectLines(news(), []);
    event('an evicted pod tells why; one of which the API knows nothing, nothing');
    const evicted = { why: 'evicted', reason: 'Evicted', message: 'low on memory' } as const;
    known.clear();
    await syncer.syncTerminating(work, { graceSeconds: 0, ending: evicted }, never);
    expect(news().at(-1)).toBe('told: Failed (Evicted), c 143, d 143');
    const unknown = { identity: IDENTITY, pod: undefined };
    await syncer.syncTerminating(unknown, { graceSeconds: 1, ending: DELETED }, never);
    expectLines(news(), ['probes: readiness only', 'probes: forget']);
  },
);

lesson(
  'Of a finished pod goes what costs something; of a deleted one all, and its object only when nothing is left',
  { invariant: 6, byHand: BY_HAND, symbols: [`${SYNCER}.syncTerminated`] },
  async ({ event }) => {
    const { runtime, syncer, news } = await setUp();
    await syncer.syncPod(web, never);
    const work = { identity: IDENTITY, pod: web };
    await syncer.syncTerminating(work, { graceSeconds: 1, ending: { why: 'finished' } }, never);
    news();
    event('the pod has finished');
    await syncer.syncTerminated(work, { deleted: false });
    expectLines(news(), ['remove sandbox', 'objects: unregister', 'volumes: unmount']);
    event('it is deleted; behind the back of the kubelet there is another sandbox of it');
    await runtime.runPodSandbox(sandboxConfigOf(web, 1, 'cluster.local'));
    news();
    const remove = runtime.removeContainer.bind(runtime);
    runtime.removeContainer = async () => {
      throw new Error('the engine is away');
    };
    event('the engine fails: its object must stay');
    const failing = syncer.syncTerminated(work, { deleted: true });
    expect(await messageOf(failing)).toBe('the engine is away');
    expectLines(news(), ['remove sandbox', 'objects: unregister']);
    event('it can be asked again');
    runtime.removeContainer = remove;
    await syncer.syncTerminated(work, { deleted: true });
    const all = ['objects: unregister', 'remove c', 'volumes: remove', 'images: forget'];
    expectLines(news(), [...all, 'told: finished']);
    event('once more, and of one that the API does not know');
    await syncer.syncTerminated({ identity: IDENTITY, pod: undefined }, { deleted: true });
    expectLines(news(), ['objects: unregister', 'volumes: remove', 'images: forget']);
    expect(`pods in the engine: ${(await runtime.listPods()).length}`).toBe(
      'pods in the engine: 0',
    );
  },
);
