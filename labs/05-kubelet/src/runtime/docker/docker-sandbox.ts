// DockerSandbox: a pod's sandbox on the Docker Engine: a process that does nothing, and the network of its namespace.
//
// Invariant: a sandbox that is ready has its wire. One whose wire is gone, or whose node's network namespace is another
// one by now, is reported as not ready, and replaced. An address is given back only with its sandbox.
//
// An engine that does not let a sandbox make its own namespace is asked to make it, from then on.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/docker_sandbox.go.

import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { NetworkPlugin, SandboxNetwork } from '../../network/network-plugin.ts';
import type { CallLimit } from '../call-limit.ts';
import { type PodSandbox, type PodSandboxConfig, RuntimeError } from '../runtime.ts';
import { callEngine, createByName, ignoreDone } from './docker-call.ts';
import { type EngineScope, sandboxOf } from './docker-labels.ts';
import {
  hasMadeNamespace,
  mayMakeNamespace,
  type NamespaceMaker,
  type SandboxEngine,
  sandboxCreateOptions,
} from './docker-sandbox-config.ts';

const NAMESPACE_MAX_MS = 10_000;
const NAMESPACE_POLL_MS = 2;

export interface DockerSandboxesOptions extends EngineScope {
  readonly engine: SandboxEngine;
  readonly network: NetworkPlugin;
  /** Address of pods in the node's network. */
  readonly nodeAddress: string;
}

export class DockerSandboxes {
  readonly #docker: Docker;
  readonly #options: DockerSandboxesOptions;
  readonly #limit: CallLimit;
  /** The engine lets no sandbox make its own namespace. */
  #isRefused = false;

  constructor(docker: Docker, options: DockerSandboxesOptions, limit: CallLimit) {
    this.#docker = docker;
    this.#options = options;
    this.#limit = limit;
  }

  async run(config: PodSandboxConfig, signal: AbortSignal): Promise<PodSandbox> {
    const { network } = this.#options;
    const started = await this.#start(config);
    const { id: sandboxId, pid } = started;
    const { pod, portMappings } = config;
    try {
      signal.throwIfAborted();
      if (config.network === 'pod') {
        await network.setUp({ sandboxId, pid, netns: netnsOf(pid), pod, portMappings });
      }
      return this.withNetwork(started);
    } catch (error) {
      await this.stop(sandboxId);
      await this.remove(sandboxId);
      throw error;
    }
  }

  async #start(config: PodSandboxConfig): Promise<Started> {
    if (this.#isRefused || !mayMakeNamespace(config)) return this.#startMadeBy('engine', config);
    try {
      return await this.#startMadeBy('sandbox', config);
    } catch (error) {
      if (!RuntimeError.is(error, 'failed')) throw error;
      const started = await this.#startMadeBy('engine', config);
      this.#isRefused = true;
      return started;
    }
  }

  async #startMadeBy(maker: NamespaceMaker, config: PodSandboxConfig): Promise<Started> {
    const options = sandboxCreateOptions({ ...config, maker }, this.#options, this.#options.engine);
    const create = () => createByName(this.#docker, options);
    const created = await this.#limit.run(() => callEngine(create));
    try {
      await this.#limit.run(() => callEngine(() => created.start()));
      const sandbox = sandboxOf(await callEngine(() => created.inspect()));
      if (maker === 'sandbox') await untilMadeNamespace(sandbox.pid);
      return sandbox;
    } catch (error) {
      await this.remove(created.id);
      throw error;
    }
  }

  async stop(id: string): Promise<void> {
    const { network } = this.#options;
    if (network.sandboxIds().includes(id)) await network.tearDown(id);
    await callEngine(() => this.#docker.getContainer(id).kill(), ignoreDone);
  }

  async remove(id: string): Promise<void> {
    const container = this.#docker.getContainer(id);
    const remove = () => container.remove({ force: true, v: true });
    await this.#limit.run(() => callEngine(remove, ignoreDone));
  }

  /** What the engine says, together with what the network says. */
  withNetwork(sandbox: Started): PodSandbox {
    const found = sandbox.state === 'ready' ? this.#networkOf(sandbox) : undefined;
    return found === undefined
      ? { ...sandbox, state: 'notready', ips: [] }
      : { ...sandbox, ...found };
  }

  #networkOf({ id, network, pid }: Started): SandboxNetwork | undefined {
    if (network === 'pod') return this.#options.network.check(id);
    const { nodeAddress: ip } = this.#options;
    return isInOwnNetwork(pid) ? { ip, ips: [ip] } : undefined;
  }
}

type Started = Omit<PodSandbox, 'ip' | 'ips'>;

/** Before that it still is in the engine's own network. */
async function untilMadeNamespace(pid: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < NAMESPACE_MAX_MS; waitedMs += NAMESPACE_POLL_MS) {
    const processArguments = argumentsOf(pid);
    if (processArguments === undefined) break;
    if (hasMadeNamespace(processArguments)) return;
    await delay(NAMESPACE_POLL_MS);
  }
  throw new RuntimeError('failed', `Cannot make a network namespace in process ${pid}`);
}

/** Nothing for a moment, while it becomes another program; none of a process that has ended. */
function argumentsOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return undefined;
  }
}

function netnsOf(pid: number): string {
  return `/proc/${pid}/ns/net`;
}

function isInOwnNetwork(pid: number): boolean {
  try {
    return readlinkSync(netnsOf(pid)) === readlinkSync('/proc/self/ns/net');
  } catch {
    // Not our pid namespace: there is nothing to compare.
    return true;
  }
}
