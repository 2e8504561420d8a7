// Lab: one node for a test: a real API server in memory, a real kubelet in this process, real containers on Docker.
//
// The node has its own cluster label, directory, bridge and pod range, so that test files run side by side. It lives in
// this machine's network namespace. When it is disposed of, everything must be gone that it made: assertClean() says what is not.

import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  ApiError,
  type ApiServerOptions,
  Client,
  type Clock,
  createCertificateAuthority,
  issueCertificate,
  resources,
  silentLogger,
  startTestApiServer,
  type TestApiServer,
} from '@kube-labs/apiserver';
import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1';
import { Kubelet } from '#src/kubelet.ts';
import { type KubeletOptions, parseKubeletFlags } from '#src/options.ts';
import type { KubeletDeps } from '#src/parts/outside.ts';
import { freePort } from '../../../test/free-port.ts';
import { WireProxy } from './wire-proxy.ts';

export const IMAGE = 'kube-labs/node:v1';
export const NODE_ADDRESS = '127.0.0.1';
/** Longer than a kubelet waits until it looks at everything again. */
const DEADLINE_MS = 100_000;

/** Runs in real time, and can be moved on: what is due by then happens at once. */
export class JumpClock implements Clock {
  #offsetMs = 0;
  readonly #timers = new Map<
    object,
    { dueAt: number; callback: () => void; handle: NodeJS.Timeout }
  >();

  now(): number {
    return Date.now() + this.#offsetMs;
  }

  setTimeout(callback: () => void, ms: number): unknown {
    const key = {};
    const run = () => {
      this.#timers.delete(key);
      callback();
    };
    const handle = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
    this.#timers.set(key, { dueAt: this.now() + ms, callback: run, handle });
    return key;
  }

  clearTimeout(key: unknown): void {
    const timer = this.#timers.get(key as object);
    clearTimeout(timer?.handle);
    this.#timers.delete(key as object);
  }

  jump(ms: number): void {
    this.#offsetMs += ms;
    for (const { dueAt, callback, handle } of [...this.#timers.values()]) {
      if (dueAt > this.now()) continue;
      clearTimeout(handle);
      callback();
    }
  }
}

export interface LabOptions {
  /** Tells the test files apart: third number of the pod range, and part of every name. */
  readonly number: number;
  readonly deps?: KubeletDeps;
  /** More flags of the kubelet; the last one wins. */
  readonly flags?: readonly string[];
  /** How the API server differs: it knows this kubelet, and lets everybody do everything. */
  readonly server?: Partial<ApiServerOptions>;
}

export class Lab implements AsyncDisposable {
  readonly cluster: string;
  readonly rootDirectory: string;
  readonly bridge: string;
  /** The test's own; the kubelet's goes through the proxy. */
  readonly client: Client;
  readonly apiServer: WireProxy;
  readonly tls: { ca: string; cert: string; key: string };
  kubelet: Kubelet;
  readonly #options: KubeletOptions;
  readonly #deps: KubeletDeps;
  readonly #server: TestApiServer;
  #kubeconfig: Promise<string> | undefined;

  private constructor(parts: {
    options: KubeletOptions;
    deps: KubeletDeps;
    client: Client;
    apiServer: WireProxy;
    kubelet: Kubelet;
    tls: { ca: string; cert: string; key: string };
    server: TestApiServer;
  }) {
    this.#options = parts.options;
    this.#deps = parts.deps;
    this.#server = parts.server;
    this.cluster = parts.options.clusterName;
    this.rootDirectory = parts.options.rootDirectory;
    this.bridge = parts.options.bridgeName;
    this.client = parts.client;
    this.apiServer = parts.apiServer;
    this.kubelet = parts.kubelet;
    this.tls = parts.tls;
  }

  static async start({ number, deps = {}, flags = [], ...rest }: LabOptions): Promise<Lab> {
    const cluster = `kubelet-test-${number}`;
    const rootDirectory = `/var/lib/kube-labs-test/${cluster}`;
    removeLeftovers(cluster, rootDirectory);
    mkdirSync(rootDirectory, { recursive: true });
    const tls = await writeCertificates(rootDirectory);
    const server = await startTestApiServer({ kubeletClient: tls, ...rest.server });
    const client = server.client();
    const options = parseKubeletFlags([
      '--kubeconfig=unused',
      '--hostname-override=node-1',
      `--cluster-name=${cluster}`,
      `--root-dir=${rootDirectory}`,
      `--bridge-name=kbl${number}`,
      `--node-ip=${NODE_ADDRESS}`,
      '--cluster-dns=10.96.0.10',
      '--address=127.0.0.1',
      '--port=0',
      '--healthz-port=0',
      `--tls-cert-file=${rootDirectory}/server.crt`,
      `--tls-private-key-file=${rootDirectory}/server.key`,
      `--client-ca-file=${rootDirectory}/ca.crt`,
      '--node-status-update-frequency=1s',
      '--node-lease-duration-seconds=4',
      ...flags,
    ]);
    const apiServer = new WireProxy({ port: await freePort() }, { port: server.port });
    const url = `https://127.0.0.1:${await apiServer.open()}`;
    const own = new Client({ ...server.adminOptions, server: url });
    const allDeps: KubeletDeps = { log: silentLogger, ...deps, client: own };
    const kubelet = await Kubelet.start(options, allDeps);
    const lab = new Lab({ options, deps: allDeps, client, apiServer, kubelet, tls, server });
    await lab.#giveRange(`10.244.${number}.0/24`);
    return lab;
  }

  /** A kubeconfig of an administrator, for kubectl; written once, since tests run beside each other. */
  kubeconfig(): Promise<string> {
    this.#kubeconfig ??= this.#server.kubeconfig();
    return this.#kubeconfig;
  }

  async stopKubelet(): Promise<void> {
    await this.kubelet[Symbol.asyncDispose]();
  }

  async startKubelet(): Promise<void> {
    this.kubelet = await Kubelet.start(this.#options, this.#deps);
  }

  async createPod(
    name: string,
    spec: Partial<PodSpec> & { containers: Container[] },
  ): Promise<Pod> {
    return this.client.create(resources.pods, {
      metadata: { name, namespace: 'default' },
      spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 3, ...spec },
    });
  }

  async pod(name: string): Promise<Pod | undefined> {
    try {
      return await this.client.get(resources.pods, { namespace: 'default', name });
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async deletePod(name: string, options: { gracePeriodSeconds?: number } = {}): Promise<void> {
    await this.client.delete(resources.pods, { namespace: 'default', name }, options);
    await this.until(`pod ${name} is gone`, async () => (await this.pod(name)) === undefined);
  }

  /** The pod, as soon as `condition` holds. */
  podWhen(name: string, condition: (pod: Pod) => boolean): Promise<Pod> {
    return this.until(`pod ${name}`, async () => {
      const pod = await this.pod(name);
      return pod !== undefined && condition(pod) ? pod : undefined;
    });
  }

  running(name: string): Promise<Pod> {
    return this.podWhen(name, isReady);
  }

  /** Polls until the answer is truthy. */
  async until<T>(what: string, ask: () => Promise<T | undefined | false>): Promise<T> {
    const deadlineMs = Date.now() + DEADLINE_MS;
    for (;;) {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      if (Date.now() > deadlineMs) {
        const pods = (await this.client.list(resources.pods)).items;
        const seen = JSON.stringify(pods.map(({ metadata, status }) => [metadata?.name, status]));
        throw new Error(`Waited in vain: ${what}; ${seen}; ${(await this.events()).join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** `REASON MESSAGE` of the events about a pod, or about anything. */
  async events(about?: string): Promise<readonly string[]> {
    const { items } = await this.client.list(resources.events);
    return items
      .filter(({ involvedObject }) => about === undefined || involvedObject.name === about)
      .map(({ reason, message }) => `${reason} ${message}`);
  }

  eventWhen(about: string, text: string | RegExp): Promise<string> {
    return this.until(`event ${text} of ${about}`, async () =>
      (await this.events(about)).find((event) =>
        typeof text === 'string' ? event.includes(text) : text.test(event),
      ),
    );
  }

  /** What Docker has of this node, as `name id`. */
  async containers(filter = ''): Promise<readonly string[]> {
    const args = ['ps', '-a', '--no-trunc', '--filter', `label=kube-labs=${this.cluster}`];
    const listed = await shell('docker', [...args, '--format', '{{.Names}} {{.ID}}']);
    return listed
      .split('\n')
      .filter((line) => line !== '' && line.includes(filter))
      .sort();
  }

  async exec(container: string, ...command: string[]): Promise<string> {
    return shell('docker', ['exec', await this.idOf(container), ...command]);
  }

  /** Id of the newest container whose name in the pod is this one. */
  async idOf(container: string): Promise<string> {
    const filters = [`label=kube-labs=${this.cluster}`, `name=k8s_${container}_`];
    const args = filters.flatMap((filter) => ['--filter', filter]);
    const ids = await shell('docker', ['ps', '-a', '-q', '--no-trunc', ...args]);
    const [newest] = ids.split('\n').filter(Boolean);
    if (newest === undefined) throw new Error(`There is no container ${container}`);
    return newest;
  }

  /** Pods go first, so that what stays is what the kubelet forgot. */
  async [Symbol.asyncDispose](): Promise<void> {
    const pods = (await this.client.list(resources.pods)).items;
    await Promise.all(
      pods.map(({ metadata }) => this.deletePod(metadata?.name ?? '', { gracePeriodSeconds: 1 })),
    );
    await this.until('nothing is left', async () => (await this.leftovers()).length === 0).catch(
      () => {},
    );
    const left = await this.leftovers();
    await this.stopKubelet();
    await this.#deps.client?.[Symbol.asyncDispose]();
    this.apiServer.cut();
    await this.#server[Symbol.asyncDispose]();
    removeLeftovers(this.cluster, this.rootDirectory);
    await shell('ip', ['link', 'del', this.bridge]).catch(() => {});
    if (left.length > 0) throw new Error(`Left over: ${left.join(', ')}`);
  }

  async leftovers(): Promise<readonly string[]> {
    const links = await shell('ip', ['-o', 'link', 'show', 'master', this.bridge]);
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const addresses = readdirSync(join(this.rootDirectory, 'network', this.bridge));
    const directories = readdirSync(join(this.rootDirectory)).includes('pods')
      ? readdirSync(join(this.rootDirectory, 'pods'))
      : [];
    return [
      ...(await this.containers()),
      ...links.split('\n').filter(Boolean),
      ...mounts.filter((line) => line.includes(`${this.rootDirectory}/`)),
      ...addresses.filter((file) => file !== 'last_reserved_ip'),
      ...directories,
    ];
  }

  /** What the controller manager does in a cluster. */
  async #giveRange(podCIDR: string): Promise<void> {
    await this.until('the node registers', async () => {
      const nodes = (await this.client.list(resources.nodes)).items;
      return nodes.length > 0;
    });
    const patch = { spec: { podCIDR, podCIDRs: [podCIDR] } };
    await this.client.patch(resources.nodes, { name: 'node-1' }, patch, { type: 'merge' });
    await this.until('the node is ready', async () => {
      const node = await this.client.get(resources.nodes, { name: 'node-1' });
      return node.status?.conditions?.some(
        ({ type, status }) => type === 'Ready' && status === 'True',
      );
    });
  }
}

export function isReady(pod: Pod): boolean {
  return (pod.status?.conditions ?? []).some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
}

/** A container that runs a shell script and ends at once when it is told to. */
export function script(name: string, text: string, rest: Partial<Container> = {}): Container {
  const command = ['sh', '-c', `trap 'exit 0' TERM; ${text}`];
  return { name, image: IMAGE, imagePullPolicy: 'IfNotPresent', command, ...rest };
}

/** Waits in the shell itself, so that the trap runs at once. */
export const FOREVER = 'while true; do sleep 0.1; done';

export async function shell(command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args]);
  return stdout.trim();
}

/** Of a run that was cut off. */
function removeLeftovers(cluster: string, rootDirectory: string): void {
  const filter = `label=kube-labs=${cluster}`;
  const ids = execFileSync('docker', ['ps', '-aq', '--filter', filter])
    .toString()
    .split('\n')
    .filter(Boolean);
  if (ids.length > 0) execFileSync('docker', ['rm', '-f', ...ids]);
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  for (const point of points)
    if (point.startsWith(`${rootDirectory}/`)) execFileSync('umount', [point]);
  rmSync(rootDirectory, { recursive: true, force: true });
}

async function writeCertificates(directory: string) {
  const ca = await createCertificateAuthority('kubelet-test');
  const server = await issueCertificate(ca, {
    commonName: 'system:node:node-1',
    ipAddresses: ['127.0.0.1'],
    server: true,
  });
  const client = await issueCertificate(ca, {
    commonName: 'kube-apiserver-kubelet-client',
    client: true,
  });
  writeFileSync(join(directory, 'ca.crt'), ca.cert);
  writeFileSync(join(directory, 'server.crt'), server.cert);
  writeFileSync(join(directory, 'server.key'), server.key);
  return { ca: ca.cert, cert: client.cert, key: client.key };
}
