// EngineFlags: what containers this kubelet makes on its engine, and where their files lie.
//
// Upstream has none of these but --root-dir and, in the dockershim years, --pod-infra-container-image.

import type { Command } from 'commander';

export interface EngineOptions {
  /** Keeps clusters on one engine apart. */
  readonly clusterName: string;
  /** The same path on the engine's host and, where the kubelet runs in a container, in there. */
  readonly rootDirectory: string;
  readonly pauseImage: string;
  /** Name or id of the container that this kubelet runs in; absent finds out by itself. */
  readonly nodeContainer: string | undefined;
  /** The engine's host as this process sees it: /proc/1/root in a node's container, nothing on the host itself. */
  readonly hostRoot: string;
}

export interface EngineFlags {
  readonly clusterName: string;
  readonly rootDir: string;
  readonly pauseImage: string;
  readonly nodeContainer?: string;
  readonly hostRoot: string;
}

export function addEngineFlags(command: Command): void {
  command
    .option('--cluster-name <name>', 'keeps clusters on one engine apart', 'kube-labs')
    .option('--root-dir <dir>', 'volumes and state', '/var/lib/kubelet')
    .option('--pause-image <image>', "image of pods' sandboxes", 'kube-labs/node:v1')
    .option('--node-container <name>', 'container that this kubelet runs in (default: found out)')
    .option(
      '--host-root <dir>',
      "the engine's host as seen from here (in a container: /proc/1/root)",
      '',
    );
}

export function engineOptionsOf(flags: EngineFlags): EngineOptions {
  const { clusterName, rootDir: rootDirectory, pauseImage, nodeContainer, hostRoot } = flags;
  return { clusterName, rootDirectory, pauseImage, nodeContainer, hostRoot };
}
