// Debian's python3-kubernetes, as it is released: objects, a watch, the dynamic client, and leader election between two programs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { wire } from '../server/wire.ts';
import { type ContractServer, startContractServer } from '../support/contract-server.ts';
import { runTool } from '../support/tools.ts';

/** Debian's own, which has Debian's packages, whatever other Python a machine has in front of it. */
const PYTHON = '/usr/bin/python3';
const SOON = { timeout: 60_000, interval: 50 };
const LOCK = '/api/v1/namespaces/default/configmaps/election';

function script(name: string): string {
  return join(import.meta.dirname, 'python', `${name}.py`);
}

describe.each(['our store', 'etcd'] as const)('python3-kubernetes on %s', (store) => {
  let server: ContractServer;
  beforeAll(async () => {
    const { code } = await runTool(PYTHON, ['-c', 'import kubernetes']).catch(() => ({ code: 1 }));
    if (code !== 0) {
      throw new Error(
        'These tests need the Python client of Kubernetes: install it with `apt-get install python3-kubernetes`',
      );
    }
    server = await startContractServer(store);
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test('makes, lists, watches, patches, scales and deletes', async () => {
    const { code, stdout, stderr } = await runTool(PYTHON, [script('objects'), server.kubeconfig]);
    expect(stderr.split('\n').slice(-3).join('\n')).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      created: { a: '1' },
      selected: ['settings'],
      patched: { a: '1', b: '2' },
      again: [409, 'AlreadyExists'],
      events: [
        ['MODIFIED', '3'],
        ['DELETED', '3'],
      ],
      replicas: 3,
      job: 1,
      left: [],
      version: '1',
    });
  });

  test('of two candidates one leads; when it is killed, the other one does', {
    timeout: 240_000,
  }, async () => {
    const candidates = ['ann', 'bea'].map((name) => new Candidate(server.kubeconfig, name));
    const leading = () => candidates.filter(({ hasLed }) => hasLed);
    try {
      await vi.waitFor(() => expect(leading()).toHaveLength(1), SOON);
      const [leader] = leading();
      expect(await holder(server)).toBe(leader?.name);
      // It renews its lock, and the other one stays behind.
      const renewed = async () => (await wire(server.api, LOCK)).json.metadata.resourceVersion;
      const before = await renewed();
      await vi.waitFor(async () => expect(await renewed()).not.toBe(before), SOON);
      expect(leading()).toHaveLength(1);
      await leader?.kill();
      await vi.waitFor(() => expect(leading()).toHaveLength(2), SOON);
      expect(await holder(server)).not.toBe(leader?.name);
    } finally {
      await Promise.all(candidates.map((candidate) => candidate.kill()));
    }
  });
});

class Candidate {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  hasLed = false;

  constructor(kubeconfig: string, name: string) {
    this.name = name;
    const child = spawn(PYTHON, [script('candidate'), kubeconfig, name], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child = child;
    this.#ended = once(child, 'close');
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === `leads ${name}`) this.hasLed = true;
    });
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

async function holder({ api }: ContractServer): Promise<string> {
  const { json } = await wire(api, LOCK);
  const record = json.metadata.annotations['control-plane.alpha.kubernetes.io/leader'];
  return JSON.parse(record).holderIdentity;
}
