// kubectl, as it is released, verb by verb, against the server as a black box: three versions, on our store and on a real etcd.
//
// Every case has a namespace of its own and stands alone, so they run beside each other. What needs a stream (exec, attach, cp,
// port-forward, logs) is tested with the streams, server-side apply in test/apply, rights in test/authz, tokens in test/auth.
import { once } from 'node:events';
import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ContractServer,
  type StoreKind,
  startContractServer,
} from '../support/contract-server.ts';
import { type Layer, toolPath } from '../support/tools.ts';
import { READING } from './kubectl/reading.ts';
import { type Case, openScene } from './kubectl/scene.ts';
import { WORKLOADS } from './kubectl/workloads.ts';
import { WRITING } from './kubectl/writing.ts';

const CASES: readonly Case[] = [...READING, ...WRITING, ...WORKLOADS];
const ALWAYS = CASES.filter(({ always }) => always === true);
/** Twenty programs one after the other, beside four other cases, and each may come from a cold disk. */
const CASE_TIMEOUT_MS = 300_000;

interface Round {
  readonly layer: Layer;
  readonly store: StoreKind;
  readonly cases: readonly Case[];
}

const ROUNDS: readonly Round[] = [
  { layer: '35', store: 'our store', cases: CASES },
  { layer: '28', store: 'etcd', cases: CASES },
  { layer: '33', store: 'our store', cases: ALWAYS },
  { layer: '35', store: 'etcd', cases: ALWAYS },
];

for (const { layer, store, cases } of ROUNDS) {
  describe(`kubectl 1.${layer} on ${store}`, () => contract(layer, store, cases));
}

function contract(layer: Layer, store: StoreKind, cases: readonly Case[]): void {
  let server: ContractServer;
  beforeAll(async () => {
    await toolPath('kubectl', layer);
    server = await startContractServer(store);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  for (const [index, { name, run }] of cases.entries()) {
    const namespace = `case-${index}`;
    test.concurrent(name, { timeout: CASE_TIMEOUT_MS }, async () => {
      await run(await openScene(server, { layer, namespace, expect }));
    });
  }

  test('proxy passes everything through with the credentials of the kubeconfig', async () => {
    for await (const line of server.lines('kubectl', layer, ['proxy', '--port=0'])) {
      const address = /^Starting to serve on (\S+)/.exec(line)?.[1];
      const path = `http://${address}/api/v1/namespaces/default`;
      expect(await textOf(path)).toContain('"name":"default"');
      expect(await textOf(`http://${address}/readyz`)).toBe('ok');
      return;
    }
    throw new Error('kubectl proxy ended before it served');
  });
}

async function textOf(url: string): Promise<string> {
  const [answer] = await once(get(url), 'response');
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  return text;
}
