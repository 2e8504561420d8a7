// KubeletProcess: the kubelet of a lab's node as a process of its own, which can be killed.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { type Lab, NODE_ADDRESS } from './lab.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');
const START_MS_MAX = 60_000;

/** Any port, and the certificates of the lab. */
export function servingFlags({ rootDirectory }: Lab): readonly string[] {
  return [
    ...['--address=127.0.0.1', '--port=0', '--healthz-port=0'],
    `--tls-cert-file=${rootDirectory}/server.crt`,
    `--tls-private-key-file=${rootDirectory}/server.key`,
    `--client-ca-file=${rootDirectory}/ca.crt`,
  ];
}

export class KubeletProcess {
  output = '';
  readonly #child: ChildProcess;

  /** @param flags the last one wins. */
  constructor(lab: Lab, kubeconfig: string, ...flags: readonly string[]) {
    const all = [
      `--kubeconfig=${kubeconfig}`,
      '--hostname-override=node-1',
      `--cluster-name=${lab.cluster}`,
      `--root-dir=${lab.rootDirectory}`,
      `--bridge-name=${lab.bridge}`,
      `--node-ip=${NODE_ADDRESS}`,
      ...servingFlags(lab),
      ...flags,
    ];
    this.#child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...all]);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
  }

  isReady(): Promise<void> {
    return this.says('All sources of pods are ready');
  }

  async says(text: string): Promise<void> {
    const timeout = START_MS_MAX;
    await vi.waitFor(() => expect(this.output).toContain(text), { timeout });
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves with its exit code; null when it was killed. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return exitCode;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [code] = await ended;
    return code as number | null;
  }
}
