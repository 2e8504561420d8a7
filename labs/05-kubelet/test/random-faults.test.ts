// A node under thousands of random faults: containers that end, sandboxes that lose their wires, an engine that refuses, answers
// nothing, loses events and restarts, an API server that goes away, and a kubelet that is killed between any two of its calls.
//
// At every moment nothing runs twice; when all is calm again, exactly what is wanted runs, nothing of anybody else is left, no phase
// that was final has been left, and every exit code has been told. The node's parts are the real ones, on the fake engine and the
// fake clock; the API is a list of pods that takes statuses.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, silentLogger, sleep } from '@kube-labs/apiserver';
import type { Pod, PodStatus } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { Housekeeping } from '#src/config/housekeeping.ts';
import { PodManager } from '#src/config/pod-manager.ts';
import { isStatic, staticPodOf } from '#src/config/static-pod.ts';
import { runHostCommand } from '#src/host-command.ts';
import { ImagePuller } from '#src/image/image-puller.ts';
import { nodeFit } from '#src/pod/node-fit.ts';
import { PodEvents } from '#src/pod/pod-events.ts';
import { podHandler } from '#src/pod/pod-handler.ts';
import { KubeletPodSyncer, type PodSyncerDeps } from '#src/pod/pod-syncer.ts';
import { PodWorkers } from '#src/pod/pod-worker.ts';
import type { StatusManager } from '#src/pod/status-manager.ts';
import { Prober } from '#src/probe/prober.ts';
import { PodCache } from '#src/runtime/pod-cache.ts';
import {
  type PodSandbox,
  type Runtime,
  type RuntimeContainer,
  RuntimeError,
} from '#src/runtime/runtime.ts';
import { VolumeManager } from '#src/volume/volume-manager.ts';
import { type FaultyRuntime, randomOf, seedOf, withFaults } from './fake-faults.ts';
import { FakeRuntime } from './fake-runtime.ts';

const STEPS = 3_000;
const PODS_MAX = 12;
const DISK_MS_MAX = 30_000;
const POLICIES = ['Always', 'OnFailure', 'Never'] as const;
const IMAGE = 'image:v1';

type Random = () => number;
const uidOf = ({ metadata }: Pod) => metadata?.uid ?? '';
const isOver = (status: PodStatus | undefined) =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** The pods that somebody wants, and what the kubelet has written of them. */
class Api {
  readonly pods = new Map<string, Pod>();
  readonly statics: readonly Pod[];
  isAway = false;
  /** What must never happen. */
  readonly wrongs: string[] = [];

  constructor(statics: readonly Pod[]) {
    this.statics = statics;
  }

  write(uid: string, status: PodStatus): void {
    const pod = this.pods.get(uid);
    if (pod === undefined) return;
    if (isOver(pod.status) && pod.status?.phase !== status.phase) {
      this.wrongs.push(`${uid} was ${pod.status?.phase} and is ${status.phase}`);
    }
    this.pods.set(uid, { ...pod, status });
  }
}

/** One process: from its start until it is killed. */
class Life {
  readonly #api: Api;
  readonly #manager = new PodManager();
  readonly #source = { hasSynced: false };
  readonly #seen = new Map<string, Pod>();
  readonly #told = new Map<string, { status: PodStatus; finished: boolean }>();
  readonly #running = new AbortController();
  readonly #workers: PodWorkers;
  readonly #prober: Prober;
  readonly #housekeeping: Housekeeping;
  readonly #stopped: Promise<unknown>;
  #isDead = false;

  constructor(api: Api, node: Node) {
    const { clock, volumes } = node;
    this.#api = api;
    const runtime = this.#mortal(node.faulty);
    const log = silentLogger;
    const events = new PodEvents({ event() {} });
    const cache = new PodCache({ runtime, log });
    const onChange = (uid: string) => this.#workers.wake(uid);
    this.#prober = new Prober({ runtime, events, clock, log, onChange });
    const statuses = this.#statuses(node) as unknown as StatusManager;
    const reader = { configMap: async () => undefined, secret: async () => undefined };
    const deps = {
      ...{ runtime, cache, volumes, statuses, events, clock, log, prober: this.#prober },
      objects: { ...reader, register() {}, unregister() {} },
      files: {
        dns: { address: undefined, domain: 'cluster.local' },
        podDirectory: (uid: string) => volumes.podDirectory(uid),
      },
      images: new ImagePuller({ runtime, events, clock } as ConstructorParameters<
        typeof ImagePuller
      >[0]),
      hostAddress: '192.0.2.1',
      memoryCapacityBytes: 1024 ** 3,
      allocatable: {},
      services: async () => [],
    };
    const syncer = new KubeletPodSyncer(deps as unknown as PodSyncerDeps);
    this.#workers = new PodWorkers({ syncer, clock, log });
    const network = { sandboxIds: () => [], tearDown: async () => {} };
    this.#housekeeping = new Housekeeping({
      ...{ pods: this.#manager, workers: this.#workers, cache, volumes, log },
      network: network as unknown as ConstructorParameters<typeof Housekeeping>[0]['network'],
    });
    cache.onChange((pod) => {
      if (this.#workers.has(pod.uid)) this.#workers.wake(pod.uid);
      else this.#housekeeping.look(pod);
    });
    this.#manager.addSource(this.#source);
    const admission = [nodeFit({ node: () => ({}), allocatable: { pods: '110' } })];
    const options = { pods: this.#manager, workers: this.#workers, statuses, events, admission };
    this.#manager.onChange(podHandler(options));
    const { signal } = this.#running;
    this.#stopped = Promise.all([
      cache.run(() => this.#workers.wakeAll(), signal),
      this.#relist(clock, signal),
    ]);
    for (const pod of api.statics) this.#manager.set(pod);
    this.follow();
  }

  /** What the API has, as a watch would bring it. */
  follow(): void {
    if (this.#api.isAway) return;
    const isFirst = !this.#source.hasSynced;
    this.#source.hasSynced = true;
    for (const [uid, pod] of this.#seen) {
      if (this.#api.pods.has(uid)) continue;
      this.#seen.delete(uid);
      this.#manager.remove(pod);
    }
    for (const [uid, pod] of this.#api.pods) {
      if (this.#seen.get(uid) === pod) continue;
      this.#seen.set(uid, pod);
      this.#manager.set(pod);
    }
    if (isFirst) void this.#cleanUp();
  }

  /** What was told and not yet written. */
  write(): void {
    if (this.#api.isAway || this.#isDead) return;
    for (const [uid, { status, finished }] of this.#told) {
      const pod = this.#api.pods.get(uid);
      if (pod === undefined) continue;
      if (JSON.stringify(pod.status) !== JSON.stringify(status)) this.#api.write(uid, status);
      if (finished) this.#api.pods.delete(uid);
    }
    this.follow();
  }

  statusOf(uid: string): PodStatus | undefined {
    return this.#told.get(uid)?.status;
  }

  /** As by `kill -9`: no call of it reaches the engine any more; those on their way may have been heard. */
  async kill(advance: () => Promise<void>): Promise<void> {
    this.#isDead = true;
    this.#running.abort();
    this.#prober.stop();
    let hasStopped = false;
    const stopped = Promise.allSettled([this.#workers.stop(), this.#stopped]).then(() => {
      hasStopped = true;
    });
    while (!hasStopped) await advance();
    await stopped;
  }

  #mortal(runtime: FaultyRuntime): Runtime {
    const life = this;
    return new Proxy(runtime, {
      get(target, name) {
        const call = Reflect.get(target, name) as unknown;
        if (typeof call !== 'function' || name === 'events') return call;
        return async (...args: unknown[]) => {
          if (life.#isDead) throw new RuntimeError('unavailable', 'killed');
          const answer = await (call as (...all: unknown[]) => unknown)(...args);
          if (life.#isDead) throw new RuntimeError('unavailable', 'killed');
          return answer;
        };
      },
    });
  }

  #statuses(node: Node) {
    const told = this.#told;
    const tell = (pod: Pod, status: PodStatus, finished: boolean) => {
      if (this.#isDead) return;
      const uid = uidOf(pod);
      if (isStatic(pod) && finished) told.delete(uid);
      else told.set(uid, { status, finished });
      node.noteTold(status);
    };
    return {
      set: (pod: Pod, status: PodStatus) =>
        tell(pod, status, told.get(uidOf(pod))?.finished ?? false),
      get: (uid: string) => told.get(uid)?.status,
      finish: (pod: Pod) => tell(pod, told.get(uidOf(pod))?.status ?? pod.status ?? {}, true),
      recheck() {},
      forget: (uid: string) => void told.delete(uid),
    };
  }

  async #relist(clock: FakeClock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#cleanUp();
      await sleep(60_000, signal, clock);
    }
  }

  /** The engine may be away: then the next time. */
  async #cleanUp(): Promise<void> {
    await this.#housekeeping.cleanUp().catch(() => {});
  }
}

/** The machine, which outlives its kubelets. */
class Node {
  readonly clock = new FakeClock();
  readonly runtime = new FakeRuntime(() => this.clock.now());
  readonly faulty: FaultyRuntime;
  readonly volumes: VolumeManager;
  readonly rootDirectory: string;
  /** Exit codes by container, and which of them have been told. */
  readonly exits = new Map<string, { uid: string; exitCode: number }>();
  readonly #told = new Map<string, number>();
  /** By pod: how many sandboxes were made, and how many more there may be, as others were lost. */
  readonly #made = new Map<string, number>();
  readonly #lost = new Map<string, number>();

  constructor(random: Random, rootDirectory: string) {
    this.rootDirectory = rootDirectory;
    this.runtime.images.add(IMAGE);
    const { clock, runtime } = this;
    const reader = { configMap: async () => undefined, secret: async () => undefined };
    const run = runHostCommand;
    this.volumes = new VolumeManager({ rootDirectory, hostRoot: '', reader, run, clock });
    const exit = runtime.exit.bind(runtime);
    runtime.exit = (id, exitCode) => {
      exit(id, exitCode);
      void this.#noteExits();
    };
    const runSandbox = runtime.runPodSandbox.bind(runtime);
    runtime.runPodSandbox = async (config) => {
      const sandbox = await runSandbox(config);
      count(this.#made, config.pod.uid);
      return sandbox;
    };
    this.faulty = withFaults(runtime, {
      ...{ random, clock, delayMsMax: 300 },
      ...{ refusedPercent: 4, unansweredPercent: 3, lostEventPercent: 25 },
    });
  }

  async containers(): Promise<readonly RuntimeContainer[]> {
    return (await this.runtime.listPods()).flatMap(({ containers }) => containers);
  }

  async running(): Promise<readonly RuntimeContainer[]> {
    return (await this.containers()).filter(({ status }) => status.state === 'running');
  }

  async sandboxes(): Promise<readonly PodSandbox[]> {
    const all = (await this.runtime.listPods()).flatMap(({ sandboxes }) => sandboxes);
    return all.filter(({ state }) => state === 'ready');
  }

  cutWire({ id, pod }: PodSandbox): void {
    count(this.#lost, pod.uid);
    this.runtime.loseNetwork(id);
  }

  /** Was something taken down that nobody had touched? */
  isMadeTooOften(uid: string): boolean {
    return (this.#made.get(uid) ?? 0) > 1 + (this.#lost.get(uid) ?? 0);
  }

  async restartEngine(): Promise<void> {
    for (const { pod } of await this.sandboxes()) count(this.#lost, pod.uid);
    this.runtime.restart();
    await this.#noteExits();
  }

  async #noteExits(): Promise<void> {
    for (const { id, pod, status } of await this.containers()) {
      if (status.state === 'exited')
        this.exits.set(id, { uid: pod.uid, exitCode: status.exitCode });
    }
  }

  noteTold({ containerStatuses = [] }: PodStatus): void {
    for (const { state, lastState } of containerStatuses) {
      for (const ended of [state?.terminated, lastState?.terminated]) {
        if (ended !== undefined) this.#told.set(ended.containerID ?? '', ended.exitCode);
      }
    }
  }

  untold(uids: ReadonlySet<string>): readonly string[] {
    return [...this.exits]
      .filter(
        ([id, { uid, exitCode }]) => uids.has(uid) && this.#told.get(`docker://${id}`) !== exitCode,
      )
      .map(([id, { uid, exitCode }]) => `${uid} ${id} ended with ${exitCode}`);
  }

  /** What is there twice. */
  async twins(): Promise<readonly string[]> {
    const pods = await this.runtime.listPods();
    const names = pods.flatMap(({ identity, sandboxes, containers }) => [
      ...sandboxes.filter(({ state }) => state === 'ready').map(() => `sandbox of ${identity.uid}`),
      ...containers
        .filter(({ status }) => status.state === 'running')
        .map(({ name }) => `${name} of ${identity.uid}`),
      ...containers.map(({ name, attempt }) => `run ${attempt} of ${name} of ${identity.uid}`),
    ]);
    return names.filter((name, index) => names.indexOf(name) !== index);
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function newPod(random: Random, number: number): Pod {
  const names = random() < 0.3 ? ['a', 'b'] : ['a'];
  return {
    metadata: { uid: `uid-${number}`, name: `pod-${number}`, namespace: 'default' },
    spec: {
      restartPolicy: POLICIES[Math.floor(random() * POLICIES.length)] ?? 'Always',
      terminationGracePeriodSeconds: 2,
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: names.map((name) => ({
        ...{ name, image: IMAGE, imagePullPolicy: 'IfNotPresent' },
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      })),
    },
    status: { phase: 'Pending' },
  };
}

function pick<T>(random: Random, list: readonly T[]): T | undefined {
  return list[Math.floor(random() * list.length)];
}

/** What of one pod is not as it should be when all is calm. */
async function complaints(node: Node, life: Life, pod: Pod): Promise<readonly string[]> {
  const uid = uidOf(pod);
  const { sandboxes, containers } = await node.runtime.podStatus({ uid, name: '', namespace: '' });
  const running = containers.filter(({ status }) => status.state === 'running');
  const status = life.statusOf(uid) ?? pod.status;
  if (isOver(status)) {
    return running.length + sandboxes.length === 0 ? [] : [`${uid} is over and still there`];
  }
  const policy = pod.spec?.restartPolicy ?? 'Always';
  const wanted = (pod.spec?.containers ?? []).filter(({ name }) => {
    const newest = containers.find((one) => one.name === name)?.status;
    const hasEnded = newest?.state === 'exited';
    return !hasEnded || policy === 'Always' || (policy === 'OnFailure' && newest.exitCode !== 0);
  });
  const found = running.map(({ name }) => name).sort();
  const missing = JSON.stringify(wanted.map(({ name }) => name)) !== JSON.stringify(found);
  return [
    ...(missing
      ? [`${uid} (${policy}) runs [${found}] of [${wanted.map(({ name }) => name)}]`]
      : []),
    ...(sandboxes.length === 1 ? [] : [`${uid} has ${sandboxes.length} sandboxes`]),
  ];
}

test('a node comes through random faults with exactly what is wanted, nothing twice and no exit code lost', async () => {
  const seed = seedOf('random-faults');
  const random = randomOf(seed);
  const rootDirectory = mkdtempSync(join(tmpdir(), 'kubelet-faults-'));
  try {
    await run(random, rootDirectory);
  } finally {
    rmSync(rootDirectory, { recursive: true, force: true });
  }
});

async function run(random: Random, rootDirectory: string): Promise<void> {
  const node = new Node(random, rootDirectory);
  const origin = { nodeName: 'node-1', seenAtMs: 0 };
  const api = new Api([
    staticPodOf(
      newPod(() => 0, 1_000),
      { ...origin, path: '/a' },
    ),
    staticPodOf(
      newPod(() => 0.2, 1_001),
      { ...origin, path: '/b' },
    ),
  ]);
  let life = new Life(api, node);
  let pods = 0;
  const advance = async (ms: number) => {
    node.clock.advance(ms);
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    life.write();
  };
  const change = (pod: Pod | undefined, metadata: Pod['metadata']) => {
    if (pod === undefined || pod.metadata?.deletionTimestamp !== undefined) return;
    api.pods.set(uidOf(pod), { ...pod, metadata: { ...pod.metadata, ...metadata } });
  };
  const restartKubelet = async () => {
    await life.kill(() => advance(100));
    life = new Life(api, node);
  };
  const steps: readonly (readonly [weight: number, step: () => unknown])[] = [
    [
      20,
      () => {
        if (api.pods.size >= PODS_MAX) return;
        const pod = newPod(random, ++pods);
        api.pods.set(uidOf(pod), pod);
      },
    ],
    [
      8,
      () =>
        change(pick(random, [...api.pods.values()]), {
          deletionTimestamp: 'now',
          deletionGracePeriodSeconds: Math.floor(random() * 3),
        }),
    ],
    [2, () => api.pods.delete(pick(random, [...api.pods.keys()]) ?? '')],
    [
      30,
      async () => {
        const container = pick(random, await node.running());
        if (container !== undefined) node.runtime.exit(container.id, Math.floor(random() * 3));
      },
    ],
    [
      4,
      async () => {
        const ready = pick(random, await node.sandboxes());
        if (ready !== undefined) node.cutWire(ready);
      },
    ],
    [1, () => node.restartEngine()],
    [4, restartKubelet],
    [
      6,
      () => {
        api.isAway = !api.isAway;
      },
    ],
    [60, () => advance(random() * 2_000)],
    [5, () => advance(random() * 60_000)],
  ];
  const all = steps.reduce((sum, [weight]) => sum + weight, 0);
  for (let count = 0; count < STEPS; count++) {
    let left = random() * all;
    const chosen = steps.find(([weight]) => {
      left -= weight;
      return left < 0;
    });
    await chosen?.[1]();
    await advance(random() * 50);
    expect(await node.twins()).toEqual([]);
    expect([...api.pods.keys()].filter((uid) => node.isMadeTooOften(uid))).toEqual([]);
  }
  api.isAway = false;
  node.faulty.calm();
  const wanted = () => [...api.statics, ...api.pods.values()];
  const state = async () => {
    const uids = new Set(wanted().map(uidOf));
    const found = (await node.runtime.listPods()).map(({ identity }) => identity.uid);
    const directories = await node.volumes.podsOnDisk();
    return [
      ...(await Promise.all(wanted().map((pod) => complaints(node, life, pod)))).flat(),
      ...found.filter((uid) => !uids.has(uid)).map((uid) => `${uid} is nobody’s`),
      ...directories.filter((uid) => !uids.has(uid)).map((uid) => `${uid} left its directory`),
      ...wanted().flatMap((pod) =>
        pod.metadata?.deletionTimestamp ? [`${uidOf(pod)} stays`] : [],
      ),
      ...node.untold(uids),
    ];
  };
  // Longer than any back-off; and the disk goes by another clock.
  const deadlineMs = Date.now() + DISK_MS_MAX;
  for (let second = 0; second < 900 || Date.now() < deadlineMs; second++) {
    if ((await state()).length === 0) break;
    await advance(1_000);
  }
  expect(await state()).toEqual([]);
  expect(api.wrongs).toEqual([]);
  expect(readdirSync(join(rootDirectory, 'pods')).length).toBe(wanted().length);
  expect(node.exits.size).toBeGreaterThan(50);
  await life.kill(() => advance(100));
  expect(node.clock.pendingTimers).toBe(0);
}
