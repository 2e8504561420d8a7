// What the tests of this lab share: objects as short data, and a cluster of real parts with a kubelet that only pretends.
import {
  ApiError,
  type Client,
  Informer,
  type KubernetesObject,
  keyOf,
  resources,
  startTestApiServer,
} from '@kube-labs/apiserver';
import type { Node, Pod, PodSpec, Service, Taint } from 'kubernetes-types/core/v1';
import { expect } from 'vitest';
import { ControllerManager, type ControllerManagerOptions } from '../src/controller-manager.ts';
import type { ControllerOptions } from '../src/options.ts';

export const WAIT = { timeout: 60_000, interval: 25 };
export const NOW_MS = Date.UTC(2015, 10, 9);

let sequence = 0;

export interface PodOptions {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly owner?: KubernetesObject;
  readonly phase?: string;
  readonly ready?: boolean;
  readonly ip?: string;
  readonly node?: string;
  readonly created?: string;
  readonly deleting?: boolean;
  readonly spec?: Partial<PodSpec>;
  readonly annotations?: Record<string, string>;
}

export function pod(options: PodOptions = {}): Pod {
  sequence++;
  const { name = `pod-${sequence}`, namespace = 'default', labels = {}, owner, ip } = options;
  const { phase = 'Running', ready = false, created = '2015-11-09T00:00:00Z', node } = options;
  const status = ready ? 'True' : 'False';
  const condition = { type: 'Ready', status, lastTransitionTime: '2015-11-09T00:00:00Z' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `uid-${sequence}`,
      labels,
      creationTimestamp: created,
      ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
      ...(options.deleting === true ? { deletionTimestamp: created } : {}),
      ...(owner === undefined ? {} : { ownerReferences: [referenceTo(owner)] }),
    },
    spec: {
      containers: [{ name: 'main', image: 'demo' }],
      ...(node ? { nodeName: node } : {}),
      ...options.spec,
    },
    status: { phase, conditions: [condition], ...(ip === undefined ? {} : { podIP: ip }) },
  };
}

export function referenceTo({ apiVersion = 'v1', kind = '', metadata }: KubernetesObject) {
  const { name = '', uid = '' } = metadata ?? {};
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export interface NodeOptions {
  readonly name?: string;
  readonly labels?: Record<string, string>;
  readonly taints?: Taint[];
  readonly ready?: string;
  readonly unschedulable?: boolean;
  readonly podCIDR?: string;
}

export function node(options: NodeOptions = {}): Node {
  const { name = 'node-1', labels = {}, taints, ready, unschedulable, podCIDR } = options;
  const at = '2015-11-09T00:00:00Z';
  const condition = {
    type: 'Ready',
    status: ready ?? '',
    lastHeartbeatTime: at,
    lastTransitionTime: at,
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    spec: {
      ...(taints === undefined ? {} : { taints }),
      ...(unschedulable === undefined ? {} : { unschedulable }),
      ...(podCIDR === undefined ? {} : { podCIDR, podCIDRs: [podCIDR] }),
    },
    ...(ready === undefined ? {} : { status: { conditions: [condition] } }),
  };
}

export function service(spec: Service['spec'] = {}, name = 'web'): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', uid: `uid-${name}` },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
  };
}

/** Labels, selector and template that fit together. */
export function workload(app = 'web', image = 'demo:1') {
  return {
    selector: { matchLabels: { app } },
    template: {
      metadata: { labels: { app } },
      spec: { containers: [{ name: 'main', image }] },
    },
  };
}

export interface TestCluster extends AsyncDisposable {
  readonly server: Awaited<ReturnType<typeof startTestApiServer>>;
  readonly client: Client;
  /** Starts a controller manager; the result stops it. */
  start(options?: Partial<ControllerOptions>, rest?: ControllerManagerOptions): () => Promise<void>;
  /** Plays the kubelet of every Pod: running and ready at once, gone as soon as it is deleted. */
  playKubelet(changed?: (pods: readonly Pod[]) => void): void;
  pods(labelSelector?: string): Promise<readonly Pod[]>;
}

export async function startCluster(): Promise<TestCluster> {
  const server = await startTestApiServer();
  const client = server.client();
  const stops: (() => Promise<void>)[] = [];
  const launch = (run: (signal: AbortSignal) => Promise<void>): (() => Promise<void>) => {
    const ending = new AbortController();
    const done = run(ending.signal);
    const stop = async () => {
      ending.abort();
      await done;
    };
    stops.push(stop);
    return stop;
  };
  return {
    server,
    client,
    start(options = {}, rest = {}) {
      const manager = new ControllerManager(server.client(), { ...rest, options });
      return launch((signal) => manager.run(signal));
    },
    playKubelet(changed) {
      const informer = new Informer(client, resources.pods);
      const playing = new Set<Promise<void>>();
      const play = (subject: Pod) => {
        const played = kubelet(client, subject).finally(() => playing.delete(played));
        playing.add(played);
        changed?.(informer.list());
      };
      informer.addHandler({
        onAdd: play,
        onUpdate: (_before, subject) => play(subject),
        onDelete: () => changed?.(informer.list()),
      });
      // A write that is on its way when a test ends has an answer before the server goes.
      launch(async (signal) => {
        await informer.run(signal);
        await Promise.all(playing);
      });
    },
    async pods(labelSelector) {
      return (await client.list(resources.pods, { namespace: 'default', labelSelector })).items;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(stops.map((stop) => stop()));
      await server[Symbol.asyncDispose]();
    },
  };
}

async function kubelet(client: Client, subject: Pod): Promise<void> {
  const { name = '', namespace } = subject.metadata ?? {};
  try {
    if (subject.metadata?.deletionTimestamp !== undefined) {
      await client.delete(
        resources.pods,
        { name, namespace: namespace ?? '' },
        { gracePeriodSeconds: 0 },
      );
    } else if (subject.status?.phase === 'Pending') {
      sequence++;
      const podIP = `10.244.${Math.floor(sequence / 250)}.${(sequence % 250) + 1}`;
      const ready = { type: 'Ready', status: 'True', lastTransitionTime: now() };
      const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions: [ready] };
      await client.updateStatus(resources.pods, { ...subject, status });
    }
  } catch (error) {
    if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
  }
}

export function now(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

export function namesOf(objects: readonly KubernetesObject[]): readonly string[] {
  return objects
    .map(keyOf)
    .map((key) => key.replace(/^.*\//, ''))
    .sort();
}

/** Waits until `look` gives `want`. */
export function eventually<T>(look: () => Promise<T> | T, want: unknown): Promise<void> {
  return expect.poll(look, WAIT).toEqual(want);
}

export async function isGone(read: Promise<unknown>): Promise<boolean> {
  try {
    await read;
    return false;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return true;
    throw error;
  }
}
