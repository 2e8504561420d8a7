// Node: the kubelet as a process of its own, on a real API server in this process, and what a watch of its pods sees.
//
// Rules of use: everything it makes has its cluster's label, directory and bridge, and goes when it is disposed of; a run that
// was cut off is cleaned up by the next one.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  type Client,
  createCertificateAuthority,
  Informer,
  issueCertificate,
  resources,
  silentLogger,
  startTestApiServer,
  type TestApiServer,
} from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { freePort } from '../../../test/free-port.ts';
import { COMMAND, IMAGE } from './raw-docker.ts';

export const CLUSTER = 'kubelet-bench';
const ROOT = `/var/lib/kube-labs-bench/${CLUSTER}`;
const BRIDGE = 'kblbench';
const WAIT_MS_MAX = 120_000;
const POLL_MS = 10;
const MAIN = join(import.meta.dirname, '../src/main.ts');
/** Of /proc/PID/stat; the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Waiting {
  readonly holds: () => boolean;
  readonly resolve: () => void;
}

export class Node implements AsyncDisposable {
  readonly client: Client;
  readonly #server: TestApiServer;
  readonly #pods: Informer<Pod>;
  readonly #waiting = new Set<Waiting>();
  readonly #stop = new AbortController();
  #kubelet: ChildProcess | undefined;

  private constructor(server: TestApiServer) {
    this.#server = server;
    this.client = server.client();
    this.#pods = new Informer(this.client, resources.pods, { log: silentLogger });
    const look = () => this.#look();
    this.#pods.addHandler({ onAdd: look, onUpdate: look, onDelete: look });
  }

  static async start(): Promise<Node> {
    await removeLeftovers();
    await mkdir(ROOT, { recursive: true });
    const node = new Node(await startTestApiServer());
    void node.#pods.run(node.#stop.signal);
    await writeCertificate();
    await node.startKubelet();
    await node.#giveRange();
    return node;
  }

  /** Resolves with how long the process took until it answered; it is at work by then. */
  async startKubelet(): Promise<number> {
    const healthzPort = await freePort();
    const flags = [
      `--kubeconfig=${await this.#server.kubeconfig()}`,
      '--hostname-override=node-1',
      `--cluster-name=${CLUSTER}`,
      `--root-dir=${ROOT}`,
      `--bridge-name=${BRIDGE}`,
      '--node-ip=127.0.0.1',
      '--address=127.0.0.1',
      `--port=${await freePort()}`,
      `--healthz-port=${healthzPort}`,
      `--tls-cert-file=${ROOT}/server.crt`,
      `--tls-private-key-file=${ROOT}/server.key`,
      '--max-pods=200',
      '--v=1',
    ];
    const startedMs = performance.now();
    this.#kubelet = spawn(process.execPath, ['--import', 'tsx', MAIN, ...flags], {
      stdio: ['ignore', 'ignore', openSync(`${ROOT}/kubelet.log`, 'a')],
    });
    await until('the kubelet answers', async () => {
      if (this.#kubelet?.exitCode !== null) throw new Error(`It ended: see ${ROOT}/kubelet.log`);
      const answer = await fetch(`http://127.0.0.1:${healthzPort}/healthz`).catch(() => undefined);
      return answer !== undefined;
    });
    return performance.now() - startedMs;
  }

  async killKubelet(): Promise<void> {
    const child = this.#kubelet;
    if (child === undefined || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Seconds of a processor, since it started. */
  async cpuSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.#kubelet?.pid}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    return (Number(user) + Number(system)) / TICKS_PER_SECOND;
  }

  async residentMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.#kubelet?.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  }

  async createPod(name: string): Promise<void> {
    const container = { name: 'c', image: IMAGE, imagePullPolicy: 'IfNotPresent' };
    await this.client.create(resources.pods, {
      metadata: { name, namespace: 'default' },
      spec: {
        nodeName: 'node-1',
        terminationGracePeriodSeconds: 1,
        containers: [{ ...container, command: COMMAND }],
      },
    });
  }

  async deletePods(names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map((name) => this.client.delete(resources.pods, { namespace: 'default', name })),
    );
    await this.when('pods are gone', () => names.every((name) => this.pod(name) === undefined));
  }

  pod(name: string): Pod | undefined {
    return this.#pods.get(`default/${name}`);
  }

  /** Resolves as soon as a watch of the pods has shown it. */
  async when(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return;
    const limit = new AbortController();
    const seen = new Promise<void>((resolve) => this.#waiting.add({ holds, resolve }));
    const tooLong = wait(WAIT_MS_MAX, undefined, { signal: limit.signal }).then(() => {
      throw new Error(`Waited in vain: ${what}; see ${ROOT}/kubelet.log`);
    });
    await Promise.race([seen, tooLong]).finally(() => {
      tooLong.catch(() => {});
      limit.abort();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killKubelet();
    this.#stop.abort();
    await this.#server[Symbol.asyncDispose]();
    await removeLeftovers();
  }

  #look(): void {
    for (const waiting of this.#waiting) {
      if (!waiting.holds()) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  /** What the controller manager does in a cluster. */
  async #giveRange(): Promise<void> {
    const node = () => this.client.get(resources.nodes, { name: 'node-1' }).catch(() => undefined);
    await until('the node registers', async () => (await node()) !== undefined);
    const patch = { spec: { podCIDR: '10.244.250.0/24', podCIDRs: ['10.244.250.0/24'] } };
    await this.client.patch(resources.nodes, { name: 'node-1' }, patch, { type: 'merge' });
    await until('the node is ready', async () => {
      const { status } = (await node()) ?? {};
      return (status?.conditions ?? []).some(
        (one) => one.type === 'Ready' && one.status === 'True',
      );
    });
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS_MAX;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`Waited in vain: ${what}`);
    await wait(POLL_MS);
  }
}

async function writeCertificate(): Promise<void> {
  const ca = await createCertificateAuthority('kubelet-bench');
  const who = { commonName: 'system:node:node-1', ipAddresses: ['127.0.0.1'], server: true };
  const { cert, key } = await issueCertificate(ca, who);
  await writeFile(`${ROOT}/server.crt`, cert);
  await writeFile(`${ROOT}/server.key`, key, { mode: 0o600 });
}

async function removeLeftovers(): Promise<void> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const points = mounts.split('\n').map((line) => line.split(' ')[4] ?? '');
  const run = promisify(execFile);
  for (const point of points) if (point.startsWith(`${ROOT}/`)) await run('umount', [point]);
  await rm(ROOT, { recursive: true, force: true });
  await run('ip', ['link', 'del', BRIDGE]).catch(() => undefined);
}
