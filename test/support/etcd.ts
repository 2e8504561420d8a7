// etcd: a real one that is not the cluster's own: Debian's etcd-server on an address of Docker's default bridge, which every container
// can reach.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { eventually } from './eventually.ts';
import { run } from './process.ts';

export interface Etcd {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startEtcd(): Promise<Etcd> {
  const address = await bridgeAddress();
  const port = await freePort();
  const url = `http://${address}:${port}`;
  const dataDir = mkdtempSync(join(tmpdir(), 'kl-test-etcd-'));
  const peer = `http://127.0.0.1:${await freePort()}`;
  const child = spawn('etcd', [
    ...['--data-dir', dataDir, '--listen-client-urls', url, '--advertise-client-urls', url],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', `default=${peer}`, '--log-level', 'error'],
  ]);
  await eventually(async () => {
    const response = await fetch(`${url}/health`);
    if (!response.ok) throw new Error(`etcd at ${url} is not healthy yet`);
  });
  return {
    url,
    stop: async () => {
      await ended(child);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The host's own address on Docker's default bridge. */
async function bridgeAddress(): Promise<string> {
  const { stdout } = await run('ip', ['-4', '-o', 'addr', 'show', 'docker0']);
  const address = /inet ([\d.]+)/.exec(stdout)?.[1];
  if (address === undefined)
    throw new Error("Cannot find the host's address on Docker's bridge docker0");
  return address;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
