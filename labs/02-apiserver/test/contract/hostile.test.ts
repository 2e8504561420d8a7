// Hostile input: thousands of generated requests on a server that is like any other. None ends the process, none is answered with 500,
// none takes long, and what was refused has changed nothing: whenever the store's revision moved, all its keys are compared. The
// seed is in the tests' names; SEED repeats a run, HOSTILE_ROUNDS makes it longer.
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { RESOURCES } from '#src/registry/resources.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { wire } from '../server/wire.ts';
import { ANSWER_MAX_MS, type Answer, HostileClient } from './hostile/ask.ts';
import { changedKeys, type Dump, dumpOf } from './hostile/dump.ts';
import { rightObject } from './hostile/objects.ts';
import { Random } from './hostile/random.ts';
import { type HostileRequest, hostileRequest, type Target } from './hostile/requests.ts';

const ROUNDS = Number(process.env.HOSTILE_ROUNDS ?? 2000);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const TIMEOUT_MS = 120_000 + ROUNDS * 100;
const AT_ONCE = 16;
const GROWTH_MAX_BYTES = 700 * 1024 * 1024;
const FAULTS_MAX = 10;
const REPEATS = 3;
const READS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const READY = { timeout: 30_000, interval: 20 };
/** What every server serves, and a custom resource, more often than its share. */
const widgets = { group: 'example.com', version: 'v1', resource: 'widgets', kind: 'Widget' };
const TARGETS: readonly Target[] = [
  ...RESOURCES,
  ...Array.from({ length: 4 }, () => ({ ...widgets, namespaced: true })),
];
const SECRET = 'dont-tell-3f9a';

let client: HostileClient | undefined;
afterEach(() => client?.close());

describe('an administrator who sends anything', () => {
  let server: TestApiServer;
  beforeAll(async () => {
    server = await startTestApiServer();
    const crds = RESOURCES.filter(({ resource }) => resource === 'customresourcedefinitions');
    for (const target of crds) await make(target);
    await vi.waitFor(async () => {
      expect((await wire(server, '/apis/example.com/v1/widgets')).status).toBe(200);
    }, READY);
    for (const target of TARGETS) await make(target);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** One of each kind, so that there is something to change. Those of which nobody may make one are refused. */
  async function make({ group, version, resource, kind, namespaced }: Target): Promise<void> {
    const at = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    const path = `${at}${namespaced ? '/namespaces/default' : ''}/${resource}`;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    const body = rightObject({ resource, name: undefined, apiVersion, kind }) as object;
    await wire(server, path, { method: 'POST', body });
  }

  const asker = () => {
    const { ca = '', cert = '', key = '' } = server.adminOptions;
    return { url: server.url, ca: String(ca), cert: String(cert), key: String(key) };
  };

  let known: { readonly revision: number; readonly dump: Dump };

  /** Dumps are made only where something was written, and every write moves the revision. */
  async function changedSince(): Promise<string[]> {
    const { revision } = await server.store.status();
    if (revision === known.revision) return [];
    const before = known.dump;
    known = { revision, dump: await dumpOf(server.store) };
    return changedKeys(before, known.dump);
  }

  async function watched(by: HostileClient, hostile: HostileRequest): Promise<Outcome> {
    await changedSince();
    const startedMs = performance.now();
    const answer = await by.send(hostile);
    const tookMs = performance.now() - startedMs;
    return { answer, tookMs, changed: await changedSince() };
  }

  test(`${ROUNDS} requests, one after the other (seed ${SEED})`, { timeout: TIMEOUT_MS }, async ({
    annotate,
  }) => {
    client = new HostileClient(asker());
    known = { revision: 0, dump: await dumpOf(server.store) };
    const random = new Random(SEED);
    const before = process.memoryUsage().rss;
    const faults: string[] = [];
    const statuses = new Map<number, number>();
    for (let round = 0; round < ROUNDS && faults.length < FAULTS_MAX; round += 1) {
      const hostile = hostileRequest(random, TARGETS);
      let outcome = await watched(client, hostile);
      const status = outcome.answer.status ?? 0;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      let fault = faultOf(hostile, outcome);
      // The server writes by itself, too: it makes again what a request has deleted. A fault is there each time.
      for (let again = 0; fault?.includes('changed') && again < REPEATS; again += 1) {
        outcome = await watched(client, hostile);
        fault = faultOf(hostile, outcome);
      }
      if (fault !== undefined) {
        faults.push(`round ${round}: ${fault}\n${shown(hostile, outcome.answer)}`);
      }
    }
    const counts = [...statuses]
      .sort(([a], [b]) => a - b)
      .map(([status, count]) => `${status}: ${count}`);
    const growth = process.memoryUsage().rss - before;
    await annotate(
      `${counts.join(', ')} (0 = no answer); grew by ${Math.round(growth / 2 ** 20)} MiB`,
    );
    expect(faults).toEqual([]);
    expect(growth).toBeLessThan(GROWTH_MAX_BYTES);
    // A generator whose requests are all refused at the door would prove nothing.
    for (const status of [200, 201, 400, 404, 405, 415, 422])
      expect(statuses.get(status) ?? 0, String(status)).toBeGreaterThan(ROUNDS / 1000);
  });

  test(`${ROUNDS / 2} requests, ${AT_ONCE} at once (seed ${SEED + 1})`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    const many = new HostileClient(asker(), AT_ONCE);
    client = many;
    const random = new Random(SEED + 1);
    const faults: string[] = [];
    let left = ROUNDS / 2;
    const ask = async () => {
      while (left > 0 && faults.length < FAULTS_MAX) {
        left -= 1;
        const hostile = hostileRequest(random, TARGETS);
        const answer = await many.send(hostile);
        if (isFailure(answer)) faults.push(shown(hostile, answer));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, ask));
    expect(faults).toEqual([]);
  });

  test('after all that it is ready, and so is one that starts on what they stored', async () => {
    const ready = async () => expect((await wire(server, '/readyz')).text).toBe('ok');
    // A definition that came last has its first list still before it.
    await vi.waitFor(ready, READY);
    await server.restart();
    await vi.waitFor(ready, READY);
    for (const { group, version, resource, verbs } of RESOURCES) {
      if (!verbs.includes('list')) continue;
      const path = `${group === '' ? '/api' : `/apis/${group}`}/${version}/${resource}`;
      expect([path, (await wire(server, path)).status]).toEqual([path, 200]);
    }
  });
});

test(`${ROUNDS / 2} requests of somebody who may nothing change nothing and learn nothing (seed ${SEED + 2})`, {
  timeout: TIMEOUT_MS,
}, async () => {
  await using server = await startTestApiServer({
    authorization: { modes: ['RBAC'] },
    tokens: [{ token: 'nobodys', user: 'nobody', uid: '7', groups: [] }],
  });
  for (const name of ['x', 'y', 'z']) {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, labels: { app: 'x' } },
      stringData: { a: SECRET },
    };
    const path = '/api/v1/namespaces/default/secrets';
    expect((await wire(server, path, { method: 'POST', body: secret })).status).toBe(201);
  }
  const headers = { authorization: 'Bearer nobodys' };
  client = new HostileClient({ url: server.url, ca: String(server.adminOptions.ca), headers });
  const told = [SECRET, Buffer.from(SECRET).toString('base64')];
  const random = new Random(SEED + 2);
  const before = await dumpOf(server.store);
  expect(before.size).toBeGreaterThan(10);
  const faults: string[] = [];
  for (let round = 0; round < ROUNDS / 2 && faults.length < FAULTS_MAX; round += 1) {
    const hostile = hostileRequest(random, TARGETS);
    const answer = await client.send(hostile);
    const isTold = told.some((text) => answer.text.includes(text));
    if (isFailure(answer) || isTold) faults.push(`round ${round}: ${shown(hostile, answer)}`);
  }
  expect(faults).toEqual([]);
  expect(changedKeys(before, await dumpOf(server.store))).toEqual([]);
});

function isFailure({ status }: Answer): boolean {
  return status === 500;
}

interface Outcome {
  readonly answer: Answer;
  readonly tookMs: number;
  /** Keys of the store. */
  readonly changed: readonly string[];
}

function faultOf(
  hostile: HostileRequest,
  { answer, tookMs, changed }: Outcome,
): string | undefined {
  const { status } = answer;
  if (isFailure(answer)) return 'it was answered 500';
  if (tookMs > ANSWER_MAX_MS) return `it took ${Math.round(tookMs)} ms`;
  // Several requests may stand in raw bytes, and the first answer says nothing of the others.
  if (changed.length === 0 || hostile.raw !== undefined) return undefined;
  if (status === undefined || status >= 300) return `it was refused, and changed ${changed}`;
  return READS.has(hostile.method) ? `it only read, and changed ${changed}` : undefined;
}

function shown({ method, path, headers, body, raw }: HostileRequest, { text }: Answer): string {
  const answer = `→ ${text.slice(0, 300)}`;
  if (raw !== undefined)
    return `${JSON.stringify(raw.subarray(0, 400).toString('latin1'))}\n${answer}`;
  const sent = body?.subarray(0, 600).toString('latin1') ?? '';
  return `${method} ${path.slice(0, 400)} ${JSON.stringify(headers).slice(0, 300)} ${sent}\n${answer}`;
}
