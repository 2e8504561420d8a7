// DockerSandbox: a pod's sandbox on the Docker Engine: a process that does nothing, and the network of its namespace.
//
// Invariant: a sandbox that is ready has its wire. One whose wire is gone, or whose node's network namespace is another
// one by now, is reported as not ready, and replaced. An address is given back only with its sandbox.
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/docker_sandbox.go.

import { readlinkSync } from 'node:fs';
import type Docker from 'dockerode';
import type { NetworkPlugin, SandboxNetwork } from '../../network/network-plugin.ts';
import type { PodSandbox, PodSandboxConfig } from '../runtime.ts';
import { callEngine, createByName, ignoreDone } from './docker-call.ts';
import { type SandboxEngine, sandboxCreateOptions } from './docker-config.ts';
import { type EngineScope, sandboxOf } from './docker-labels.ts';

export interface DockerSandboxesOptions extends EngineScope {
  readonly engine: SandboxEngine;
  readonly network: NetworkPlugin;
  /** Address of pods in the node's network. */
  readonly nodeAddress: string;
}

export class DockerSandboxes {
  readonly #docker: Docker;
  readonly #options: DockerSandboxesOptions;

  constructor(docker: Docker, options: DockerSandboxesOptions) {
    this.#docker = docker;
    this.#options = options;
  }

  async run(config: PodSandboxConfig, signal: AbortSignal): Promise<PodSandbox> {
    const { engine, network } = this.#options;
    const options = sandboxCreateOptions(config, this.#options, engine);
    const created = await callEngine(() => createByName(this.#docker, options));
    try {
      await callEngine(() => created.start());
      signal.throwIfAborted();
      const sandbox = sandboxOf(await callEngine(() => created.inspect()));
      const { id: sandboxId, pid } = sandbox;
      if (config.network === 'pod') {
        const { pod, portMappings } = config;
        await network.setUp({ sandboxId, pid, netns: netnsOf(pid), pod, portMappings });
      }
      return this.withNetwork(sandbox);
    } catch (error) {
      await this.stop(created.id);
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
    await callEngine(() => container.remove({ force: true, v: true }), ignoreDone);
  }

  /** What the engine says, together with what the network says. */
  withNetwork(sandbox: Omit<PodSandbox, 'ip' | 'ips'>): PodSandbox {
    const found = sandbox.state === 'ready' ? this.#networkOf(sandbox) : undefined;
    return found === undefined
      ? { ...sandbox, state: 'notready', ips: [] }
      : { ...sandbox, ...found };
  }

  #networkOf({ id, network, pid }: Omit<PodSandbox, 'ip' | 'ips'>): SandboxNetwork | undefined {
    if (network === 'pod') return this.#options.network.check(id);
    const { nodeAddress: ip } = this.#options;
    return isInOwnNetwork(pid) ? { ip, ips: [ip] } : undefined;
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
