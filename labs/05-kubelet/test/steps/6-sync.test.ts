// Step 6, look, report, obey, report again: thin effects, and a failure ends the round.
import { lesson } from '@kube-labs/docs/lesson';
import { expect, vi } from 'vitest';
import { restartKey } from '#src/pod/back-off.ts';
import type { Ending } from '#src/pod/pod-worker.ts';
import { sandboxConfigOf } from '#src/pod/sandbox-config.ts';
import { RuntimeError } from '#src/runtime/runtime.ts';
import { container, IDENTITY, pod } from '../objects.ts';
import { expectLines } from './support/lines.ts';
import { settled } from './support/slow-engine.ts';
import {
  listen,
  messageOf,
  never,
  quiet,
  setUp,
  setUpActions,
  startOf,
  two,
  web,
  withoutEvents,
} from './support/syncing.ts';

const ACTIONS = 'src/pod/pod-actions.ts#';
const SYNCER = 'src/pod/pod-syncer.ts#KubeletPodSyncer';

const sandboxFirst = { kind: 'create-sandbox', attempt: 0 } as const;
const DELETED: Ending = { why: 'deleted' };

/** The program in the lesson: the whole life of a pod with the learner's own code. */
const BY_HAND = 'npx tsx /tmp/sync.ts (the program in Run: npx lab task)';

lesson(
  'Actions are done one after the other, as the plan has them, and each container starts in the sandbox that is there by then',
  {
    invariant: 1,
    byHand: BY_HAND,
    symbols: [`${ACTIONS}obeyActions`, `${ACTIONS}start`],
  },
  async ({ event }) => {
    const { runtime, find, obey, news } = await setUpActions(two);
    const [c, d] = [container('c'), container('d')];
    event('start c, and there is no sandbox');
    expect(await messageOf(obey([startOf(c)]))).toBe('No sandbox to start a container in');
    event('create a sandbox, start c in it');
    expect(JSON.stringify(await obey([sandboxFirst, startOf(c)]))).toBe('{}');
    const made = ['sandbox web', 'create c 0', 'start c'];
    expectLines(news(), made);
    event('start d in the sandbox that is there, as its third run');
    await obey([startOf(d, 2)]);
    expectLines(withoutEvents(news()), ['create d 2', 'start d']);
    const { sandboxes } = await runtime.podStatus(IDENTITY);
    for (const name of ['c', 'd']) {
      expect((await find(name)).sandboxId).toBe(sandboxes[0]?.id);
    }
    event('kill c with the time of the pod; start it; kill it within 7 s; stop all containers');
    const kill = async (graceSeconds?: number) => {
      const grace = graceSeconds === undefined ? {} : { graceSeconds };
      const kill = {
        kind: 'kill-container',
        container: await find('c'),
        message: 'wrong',
      } as const;
      await obey([{ ...kill, ...grace }]);
    };
    await kill();
    await obey([startOf(c, 1)]);
    await kill(7);
    await obey([{ kind: 'stop-containers' }]);
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
  'A container is given what is of its pod: address, services, volumes, and whose processes it is to see',
  { invariant: 1, byHand: BY_HAND, symbols: [`${ACTIONS}start`, `${ACTIONS}obeyActions`] },
  async ({ event }) => {
    const valueFrom = { fieldRef: { fieldPath: 'status.podIP' } };
    const hook = await listen();
    const c = container('c', {
      lifecycle: { preStop: { httpGet: { path: '/bye', port: hook.port } } },
      env: [{ name: 'ADDRESS', valueFrom }],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    });
    const debug = container('debug');
    const {
      actions: deps,
      runtime,
      find,
      obey,
    } = await setUpActions(
      pod({ containers: [c], ephemeralContainers: [{ ...debug, targetContainerName: 'c' }] }),
    );
    const data = { hostPath: '/disk', root: '/disk', readOnly: false, subPath: async () => '/' };
    const spec = { clusterIP: '10.96.0.7', ports: [{ port: 5432 }] };
    deps.services = async () => [{ metadata: { name: 'db', namespace: 'default' }, spec }];
    event('c starts in a new sandbox');
    await obey([sandboxFirst, startOf(c)], { volumes: new Map([['data', data]]) });
    const { env, mounts } = runtime.made[0] ?? expect.fail('c was not created');
    const [sandbox] = (await runtime.podStatus(IDENTITY)).sandboxes;
    expect(env).toContain(`ADDRESS=${sandbox?.ip}`);
    expect(env).toContain('DB_SERVICE_HOST=10.96.0.7');
    const from = (path: string) =>
      `${path} from ${mounts.find(({ containerPath }) => containerPath === path)?.hostPath}`;
    expectLines(
      [from('/data'), from('/etc/hosts')],
      ['/data from /disk', `/etc/hosts from ${deps.files.podDirectory('u1')}/etc-hosts`],
    );
    event('an ephemeral container that is to see the processes of c');
    await obey([startOf(debug)]);
    const first = await find('c');
    expect(runtime.made[1]?.pidNamespace).toEqual({ containerId: first.id });
    event('c is killed: its preStop hook asks it at the address of its sandbox, here 127.0.0.1');
    const seen = await runtime.podStatus(IDENTITY);
    const sandboxes = seen.sandboxes.map((one) => ({ ...one, ip: '127.0.0.1' }));
    runtime.podStatus = async () => ({ ...seen, sandboxes });
    await obey([{ kind: 'kill-container', container: first, message: 'wrong' }]);
    expect(`asked: ${hook.asked}`).toBe('asked: /bye');
  },
);

lesson(
  'Before each action the signal is looked at: an interrupted round starts nothing more',
  { invariant: 2, byHand: BY_HAND, symbols: [`${ACTIONS}obeyActions`] },
  async ({ event }) => {
    const { clock, runtime, obey, restarts, news } = await setUpActions(two);
    const interrupt = new AbortController();
    const start = runtime.startContainer.bind(runtime);
    runtime.startContainer = async (id) => {
      await start(id);
      interrupt.abort();
    };
    event('the pod is deleted while c is being started; next is d, for the second time');
    const d = container('d');
    const actions = [sandboxFirst, startOf(container('c')), startOf(d, 1, clock.now())];
    expect(await messageOf(obey(actions, interrupt))).toContain('aborted');
    expectLines(withoutEvents(news()), ['sandbox web', 'create c 0', 'start c']);
    const back = `d was not tried, its next back-off: ${restarts.delayMs(restartKey('u1', d))} ms`;
    expect(back).toBe('d was not tried, its next back-off: 0 ms');
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
    const { clock, runtime, waiting, restarts, news, ...set } = await setUpActions(two);
    const obey = async (...actions: Parameters<typeof set.obey>[0]) => {
      const { againAfterMs } = await set.obey(actions);
      return `${waiting.of('u1').get('c')?.reason ?? 'started'}, again: ${againAfterMs ?? '-'}`;
    };
    const [c, d] = [container('c'), container('d')];
    const nextOf = (spec: typeof c) =>
      `the next back-off: ${restarts.delayMs(restartKey('u1', spec))} ms`;
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
      expect(nextOf(c)).toBe(`the next back-off: ${delayMs} ms`);
    }
    event(
      'its image cannot be pulled: again after 5 s, then when the back-off of the image is over',
    );
    const other = container('c', { image: 'image:v2' });
    runtime.failNext('pullImage');
    expect(await obey(startOf(other, 2))).toBe('ErrImagePull, again: 5000');
    clock.advance(1_000);
    expect(await obey(startOf(other, 2))).toBe('ImagePullBackOff, again: 9000');
    event('back-offs of 3 s and 4 s beside it: what is due first counts');
    const backOff = (delayMs: number) => ({ kind: 'back-off', spec: d, delayMs }) as const;
    expect(await obey(startOf(other, 2), backOff(3_000), backOff(4_000))).toBe(
      'ImagePullBackOff, again: 3000',
    );
    event('the engine is away: the round fails, and the try counts all the same');
    runtime.failNext('createContainer', new RuntimeError('unavailable', 'connection refused'));
    const away = obey(startOf(c, 2, clock.now()), startOf(d, 1));
    expect(await messageOf(away)).toBe('connection refused');
    expect(nextOf(c)).toBe('the next back-off: 40000 ms');
  },
);

lesson(
  'What must not stay goes at once: a container whose postStart hook failed, and all of a pod whose sandbox is replaced',
  {
    invariant: 3,
    byHand: BY_HAND,
    symbols: [`${ACTIONS}start`, `${ACTIONS}obeyActions`],
  },
  async ({ event }) => {
    const postStart = { exec: { command: ['set', 'up'] } };
    const c = container('c', { lifecycle: { postStart } });
    const hooked = pod({ containers: [c, container('d')], terminationGracePeriodSeconds: 9 });
    const { runtime, waiting, obey, news } = await setUpActions(hooked);
    runtime.execSync = async () => ({ kind: 'exited', exitCode: 3, output: '' });
    event('the postStart hook of c fails; d starts');
    const actions = [sandboxFirst, startOf(c), startOf(container('d'))];
    expect(JSON.stringify(await obey(actions))).toBe('{}');
    expect(waiting.of('u1').get('c')?.reason).toBe('PostStartHookError');
    expectLines(news(), [
      ...['sandbox web', 'create c 0', 'start c'],
      ...['event: FailedPostStartHook', 'event: Killing', 'stop c within 9000 ms'],
      ...['create d 0', 'start d'],
    ]);
    event('there is another sandbox of the pod; stop the pod, and create the next sandbox');
    await runtime.runPodSandbox(sandboxConfigOf(hooked, 1, 'cluster.local'));
    news();
    await obey([{ kind: 'stop-pod' }, { kind: 'create-sandbox', attempt: 2 }]);
    expectLines(news(), [
      ...['event: SandboxChanged', 'probes: forget', 'event: Killing', 'stop d within 9000 ms'],
      ...['remove sandbox', 'remove sandbox', 'sandbox web'],
    ]);
  },
);

lesson(
  'A round looks, reports, obeys and reports again; when nothing is to be done, it asks nobody and changes nothing',
  { invariant: 4, byHand: BY_HAND, symbols: [`${SYNCER}.syncPod`] },
  async ({ event }) => {
    const { clock, deps, runtime, probed, syncer, newSyncer, news, exit } = await setUp();
    const sync = async (what = web) => JSON.stringify(await syncer.syncPod(what, never));
    event('a new pod');
    expect(await sync()).toBe('{"final":false}');
    expectLines(withoutEvents(news()), [
      ...['objects: register', 'told: Pending, c ContainerCreating', 'volumes: set up'],
      ...['sandbox web', 'create c 0', 'start c', 'told: Running, c running'],
    ]);
    const probes = () => `the prober knows: ${[...probed]}`;
    expect(probes()).toBe('the prober knows: c');
    event('nothing happens: two more rounds');
    probed.clear();
    runtime.asked = 0;
    await sync();
    await sync();
    expect(`questions to the engine: ${runtime.asked}`).toBe('questions to the engine: 0');
    expect(probes()).toBe('the prober knows: c');
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
    event('c ends once more, under a kubelet that keeps all that have ended');
    await exit('c', 1);
    Object.assign(deps, { deadContainersMax: -1 });
    news();
    await newSyncer().syncPod(web, never);
    expectLines(withoutEvents(news()).slice(-3), [
      ...['create c 3', 'start c', 'told: Running, c running'],
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
    const lifecycle = { postStart: { exec: { command: ['set', 'up'] } } };
    const job = pod({ containers: [container('c', { lifecycle })], restartPolicy: 'Never' });
    await syncer.syncPod(job, never);
    event('its container ends with 0');
    await exit('c', 0);
    news();
    expect(JSON.stringify(await syncer.syncPod(job, never))).toBe('{"final":true}');
    expectLines(news(), ['objects: register', 'told: Succeeded, c 0']);
    event('another one of its kind: its hook fails, so it has ended when the round is over');
    const other = await setUp();
    other.runtime.execSync = async () => ({ kind: 'exited', exitCode: 3, output: '' });
    expect(JSON.stringify(await other.syncer.syncPod(job, never))).toBe('{"final":true}');
    expect(other.news().at(-1)).toBe('told: Failed, c 143');
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
    const { cache, known, runtime, probed, syncer, log, news } = await setUp();
    void cache.run(() => {}, signal);
    await settled();
    await syncer.syncPod(two, never);
    news();
    probed.clear();
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
    expect(`the prober knows: ${[...probed].sort()}`).toBe('the prober knows: c,d');
    event('that one ends, too');
    open();
    await stopping;
    const rest = withoutEvents(news());
    expect(rest[0]).toBe('stop d within 9000 ms');
    expectLines(rest.slice(-2), ['probes: forget', 'told: Failed, c 143, d 143']);
    event('after the end nothing more is told');
    cache.outdate('u1');
    runtime.tell({ type: 'pod', pod: IDENTITY, action: 'die' });
    await quiet();
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
  'A stop that fails or is interrupted tells nothing more, and the next one goes on from what is there',
  { invariant: 5, byHand: BY_HAND, symbols: [`${SYNCER}.syncTerminating`] },
  async ({ event }) => {
    const { cache, runtime, syncer, news } = await setUp();
    await syncer.syncPod(two, never);
    news();
    const work = { identity: IDENTITY, pod: two };
    const stop = (signal = never) =>
      messageOf(syncer.syncTerminating(work, { graceSeconds: 9, ending: DELETED }, signal));
    event('it is interrupted before it has stopped anything');
    expect(await stop(AbortSignal.abort())).toContain('aborted');
    const told = ['probes: readiness only', 'told: Running, c running, d running'];
    expectLines(withoutEvents(news()), told);
    event('c is stopped, and then the engine goes away');
    const stopContainer = runtime.stopContainer.bind(runtime);
    runtime.stopContainer = async (id, graceMs) => {
      if (id.endsWith('3')) throw new Error('the engine is away');
      await stopContainer(id, graceMs);
    };
    expect(await stop()).toBe('the engine is away');
    expectLines(withoutEvents(news()), [...told, 'stop c within 9000 ms']);
    event('once more, and no event has told of the end of c');
    expect(await stop()).toBe('the engine is away');
    expectLines(withoutEvents(news()), [
      'probes: readiness only',
      'told: Running, c 143, d running',
    ]);
    event('d ends, and nobody stops the pod at the moment');
    runtime.exit('container-3', 1);
    await cache.refreshAll();
    await quiet();
    expectLines(news(), []);
  },
);

lesson(
  'Of a finished pod goes what costs something; of a deleted one all, and its object only when nothing is left',
  { invariant: 6, byHand: BY_HAND, symbols: [`${SYNCER}.syncTerminated`] },
  async ({ event }) => {
    const { cache, runtime, syncer, news } = await setUp();
    await syncer.syncPod(web, never);
    const work = { identity: IDENTITY, pod: web };
    await syncer.syncTerminating(work, { graceSeconds: 1, ending: { why: 'finished' } }, never);
    news();
    runtime.asked = 0;
    event('the pod has finished');
    await syncer.syncTerminated(work, { deleted: false });
    expectLines(news(), ['remove sandbox', 'objects: unregister', 'volumes: unmount']);
    expect(`questions to the engine: ${runtime.asked}`).toBe('questions to the engine: 0');
    const { sandboxes } = await cache.current(IDENTITY);
    expect(`sandboxes that are known: ${sandboxes.length}`).toBe('sandboxes that are known: 0');
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

lesson(
  'What was remembered of a deleted pod is forgotten: one that comes again under its uid waits for nothing',
  { invariant: 6, byHand: BY_HAND, symbols: [`${SYNCER}.syncTerminated`] },
  async ({ event }) => {
    const { known, syncer, exit, news } = await setUp();
    event('c crashes twice, and is in back-off');
    for (let crash = 0; crash < 2; crash++) {
      await syncer.syncPod(web, never);
      await exit('c', 1);
    }
    await syncer.syncPod(web, never);
    expect(news().at(-2)).toBe('told: Running, c CrashLoopBackOff');
    event('the pod is deleted; the same one comes again, as static pods do');
    const work = { identity: IDENTITY, pod: web };
    await syncer.syncTerminating(work, { graceSeconds: 1, ending: DELETED }, never);
    await syncer.syncTerminated(work, { deleted: true });
    known.clear();
    news();
    await syncer.syncPod(web, never);
    expect(news()[1]).toBe('told: Pending, c ContainerCreating');
    event('c crashes for the first time');
    await exit('c', 1);
    news();
    await syncer.syncPod(web, never);
    expectLines(withoutEvents(news()).slice(-3), [
      ...['create c 1', 'start c', 'told: Running, c running'],
    ]);
  },
);
