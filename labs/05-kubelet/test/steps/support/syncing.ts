// Syncing: the syncer on an engine in memory, and one log of all that it does, in order.
//
// A line of the log is a call that changes something (as in test/fake-runtime.ts), `told: …` for a status, `event: …`, and one
// for each thing that is made or forgotten elsewhere: `volumes: …`, `probes: …`, `objects: …`, `images: …`. Probes, volumes
// and the API are not the real ones; images, the back-off and the cache are. What takes something away takes a turn for it, so
// that whoever does not wait is found out.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import type { Container, Pod, PodStatus } from 'kubernetes-types/core/v1';
import { expect, onTestFinished } from 'vitest';
import { ImagePuller } from '#src/image/image-puller.ts';
import { BackOff } from '#src/pod/back-off.ts';
import { type ActionDeps, obeyActions } from '#src/pod/pod-actions.ts';
import { PodEvents } from '#src/pod/pod-events.ts';
import { KubeletPodSyncer, type PodSyncerDeps } from '#src/pod/pod-syncer.ts';
import type { PodAction } from '#src/pod/pod-view.ts';
import { WaitingReasons } from '#src/pod/waiting-reasons.ts';
import { PodCache } from '#src/runtime/pod-cache.ts';
import type { ContainerConfig, PodIdentity, RuntimePod } from '#src/runtime/runtime.ts';
import { FakeRuntime } from '../../fake-runtime.ts';
import { container, IDENTITY, pod } from '../../objects.ts';
import { settled } from './slow-engine.ts';

/** Events of every start: not worth a line. */
const ORDINARY = new Set(['Pulled', 'Pulling', 'Created', 'Started']);

export const never = new AbortController().signal;
export const web = pod();
export const two = pod({ containers: [container('c'), container('d')] });

/** An engine that also writes down how long a container has for its end, what it was made of, and how often it was asked. */
class NotingRuntime extends FakeRuntime {
  readonly made: ContainerConfig[] = [];
  asked = 0;

  override async podStatus(identity: PodIdentity): Promise<RuntimePod> {
    this.asked++;
    return super.podStatus(identity);
  }

  override async createContainer(config: ContainerConfig): Promise<string> {
    const id = await super.createContainer(config);
    this.made.push(config);
    return id;
  }

  override async removePodSandbox(id: string): Promise<void> {
    await settled();
    await super.removePodSandbox(id);
  }

  override async stopContainer(id: string, graceMs?: number): Promise<void> {
    await super.stopContainer(id);
    const last = this.calls.length - 1;
    if (graceMs !== undefined) this.calls[last] = `${this.calls[last]} within ${graceMs} ms`;
  }
}

export async function setUp() {
  const root = await mkdtemp(join(tmpdir(), 'kubelet-lesson-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const clock = new FakeClock();
  const runtime = new NotingRuntime(() => clock.now());
  runtime.images.add('image:v1');
  const log = runtime.calls;
  const note = (line: string) => void log.push(line);
  const cache = new PodCache({ runtime, log: silentLogger });
  const events = new PodEvents({
    event: (_, _type, reason) => (ORDINARY.has(reason) ? undefined : note(`event: ${reason}`)),
  });
  const images = new ImagePuller({ runtime, events, clock });
  const podDirectory = (uid: string) => join(root, uid);
  const known = new Map<string, PodStatus>();
  const probed = new Set<string>();
  const deps = {
    ...{ runtime, cache, events, clock, log: silentLogger },
    images: Object.assign(images, { forget: () => note('images: forget') }),
    files: { dns: { address: undefined, domain: 'cluster.local' }, resolverFile: '', podDirectory },
    objects: {
      register: () => note('objects: register'),
      unregister: () => note('objects: unregister'),
      configMap: async () => undefined,
      secret: async () => undefined,
    },
    volumes: volumesOf(note, podDirectory),
    prober: proberOf(note, probed),
    statuses: {
      get: (uid: string) => known.get(uid),
      set: (of: Pod, status: PodStatus) => {
        known.set(of.metadata?.uid ?? '', status);
        note(`told: ${statusText(status)}`);
      },
      finish: () => note('told: finished'),
    },
    hostAddress: '192.0.2.1',
    memoryCapacityBytes: 1024 ** 3,
    allocatable: {},
    services: async () => [],
  };
  const newSyncer = () => new KubeletPodSyncer(deps as unknown as PodSyncerDeps);
  /** What was logged since the last call. */
  const news = () => log.splice(0);
  const exit = async (name: string, exitCode: number) => {
    const found = await find(name);
    runtime.exit(found.id, exitCode);
    cache.outdate(IDENTITY.uid);
  };
  const find = async (name: string) =>
    (await runtime.podStatus(IDENTITY)).containers.find((one) => one.name === name) ??
    expect.fail(`the engine has no container ${name}`);
  return {
    clock,
    runtime,
    cache,
    deps,
    known,
    probed,
    log,
    news,
    exit,
    find,
    syncer: newSyncer(),
    newSyncer,
  };
}

/** For obeyActions() alone: `obey` does what it is given, as if it were the plan of a round. */
export async function setUpActions(of: Pod) {
  const set = await setUp();
  const { clock } = set;
  const restarts = new BackOff({ clock });
  const waiting = new WaitingReasons();
  const surroundingsOf = (podAddress?: string) => ({
    podAddress,
    hostAddress: '',
    allocatable: {},
  });
  const deps = { ...set.deps, restarts, waiting, surroundingsOf } as unknown as ActionDeps;
  const obey = async (
    actions: readonly PodAction[],
    { volumes = new Map(), signal = never } = {},
  ) => {
    const seen = await set.runtime.podStatus(IDENTITY);
    return obeyActions(deps, { pod: of, runtime: seen, actions, volumes }, signal);
  };
  return { ...set, actions: deps, obey, restarts, waiting };
}

export const startOf = (
  spec: Container,
  attempt = 0,
  finishedAtMs: number | undefined = undefined,
): PodAction => ({ kind: 'start-container', spec, attempt, finishedAtMs });

function volumesOf(note: (line: string) => void, podDirectory: (uid: string) => string) {
  return {
    podDirectory,
    setUp: async () => {
      note('volumes: set up');
      return { kind: 'ready', volumes: new Map(), warnings: [] };
    },
    tearDownVolumes: async () => {
      await settled();
      note('volumes: unmount');
    },
    tearDown: async () => {
      await settled();
      note('volumes: remove');
    },
  };
}

/** @param probed the names of those that it was told of, until the test clears it. */
function proberOf(note: (line: string) => void, probed: Set<string>) {
  return {
    sync: (_: Pod, { containers }: RuntimePod) => {
      for (const { name, status } of containers) if (status.state === 'running') probed.add(name);
    },
    watch: () => () => {},
    failures: () => new Map(),
    verdict: () => ({ ready: true, started: true }),
    stopLivenessAndStartup: () => note('probes: readiness only'),
    forget: () => note('probes: forget'),
    forgetContainer: () => {},
  };
}

/** As `Running, c running, d CrashLoopBackOff`. */
function statusText({ phase, reason, containerStatuses = [] }: PodStatus): string {
  const words = containerStatuses.map(({ name, state = {} }) => {
    if (state.running !== undefined) return `${name} running`;
    return `${name} ${state.waiting?.reason ?? state.terminated?.exitCode}`;
  });
  return [reason === undefined ? phase : `${phase} (${reason})`, ...words].join(', ');
}

export const withoutEvents = (lines: readonly string[]): readonly string[] =>
  lines.filter((line) => !line.startsWith('event'));

export const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );

/** What could still follow has followed, reading a file on the way, too. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await settled();
}

/** A container's own server, on this machine: its port, and the paths that it was asked for. */
export async function listen(): Promise<{ port: number; asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, answer) => {
    asked.push(url);
    answer.end();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, asked };
}
