// A hundred hostile or silly pods: each says clearly what is wrong with it, and neither the node nor its other pods mind.
//
// The tables are in bad-pods/, by topic. All run on one node, a dozen at a time, beside a neighbour that must not notice. At the
// end nothing is left of them. Some of them alone: BAD_POD=name,name.

import { ApiError, allResources, resources } from '@kube-labs/apiserver';
import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIGURATION } from './bad-pods/configuration.ts';
import { COMMANDS, IMAGES } from './bad-pods/images-and-commands.ts';
import { EATERS, LIFE, PROBES } from './bad-pods/life-and-probes.ts';
import { REFUSED } from './bad-pods/refused.ts';
import { bad, type Row } from './bad-pods/row.ts';
import { ROOM, SECURITY } from './bad-pods/security-and-room.ts';
import { Transcript } from './bad-pods/transcript.ts';
import { VOLUMES } from './bad-pods/volumes.ts';
import { Lab } from './lab.ts';
import { statusOf } from './objects.ts';

const AT_ONCE = 12;
const ROW_DEADLINE_MS = 120_000;
const only = process.env.BAD_POD;

const NEIGHBOUR = bad(
  'neighbour',
  {
    command: ['nc', '-lk', '8080'],
    ports: [{ containerPort: 8080, hostPort: 31_245 }],
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, timeoutSeconds: 20 },
    livenessProbe: { exec: { command: ['true'] }, periodSeconds: 2, timeoutSeconds: 20 },
  },
  [],
);

/** Those that take longest are begun with. */
const ROWS: readonly Row[] = [
  ...[...EATERS, ...LIFE, ...VOLUMES, ...PROBES],
  ...[...COMMANDS, ...SECURITY, ...CONFIGURATION, ...ROOM, ...IMAGES],
].filter(({ name }) => only === undefined || only.split(',').includes(name));

let lab: Lab;
let transcript: Transcript;

beforeAll(async () => {
  const flags = [
    '--pod-max-pids=60',
    '--container-log-max-size=1Mi',
    '--container-log-max-files=2',
  ];
  lab = await Lab.start({ number: 245, flags });
  transcript = await Transcript.start(lab.client);
  await createObjects();
  await lab.client.create(resources.pods, NEIGHBOUR.pod);
  // What it was before that must have been seen, too, or it would be seen later.
  const seen = () => transcript.missing('neighbour', ['c ready']).length === 0;
  await lab.until('the neighbour is ready', async () => seen());
  transcript.forget('neighbour');
});

afterAll(async () => {
  transcript?.stop();
  await letGo();
  await lab?.[Symbol.asyncDispose]();
});

/** When a row has failed, its pod's finalizer would keep it for ever. */
async function letGo(): Promise<void> {
  for (const { metadata } of (await lab.client.list(resources.pods)).items) {
    const { name = '', finalizers = [] } = metadata ?? {};
    if (finalizers.length === 0) continue;
    const patch = { metadata: { finalizers: null } };
    await lab.client.patch(resources.pods, { namespace: 'default', name }, patch, {
      type: 'merge',
    });
  }
}

async function createObjects(): Promise<void> {
  const metadata = { name: 'odd', namespace: 'default' };
  await lab.client.create(resources.configMaps, { metadata, data: { '1st': 'a', good: 'b' } });
  await lab.client.create(resources.secrets, { metadata, stringData: { good: 'b' } });
  await createClaim('unbound');
  const { uid = '' } = (await createClaim('block', 'Bound')).metadata ?? {};
  const claimRef = { namespace: 'default', name: 'block', uid };
  const hostPath = { path: '/dev/null' };
  await lab.client.create(allResources.persistentVolumes, {
    metadata: { name: 'block' },
    spec: { ...CLAIM, capacity: { storage: '1Mi' }, volumeMode: 'Block', hostPath, claimRef },
  });
}

const CLAIM = { accessModes: ['ReadWriteOnce'], volumeMode: 'Block', storageClassName: 'none' };

/** As its controller would leave it. */
function createClaim(name: string, phase = 'Pending'): Promise<PersistentVolumeClaim> {
  const { persistentVolumeClaims } = allResources;
  const metadata = { name, namespace: 'default' };
  const spec = { ...CLAIM, volumeName: name, resources: { requests: { storage: '1Mi' } } };
  return lab.client
    .create(persistentVolumeClaims, { metadata, spec })
    .then((claim) =>
      lab.client.updateStatus(persistentVolumeClaims, { ...claim, status: { phase } }),
    );
}

async function until(what: () => string, ask: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + ROW_DEADLINE_MS;
  while (!(await ask())) {
    if (Date.now() > deadlineMs) throw new Error(what());
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Throws what was not seen of the row's pod, and what was. Whether all of it went is looked at once, at the end. */
async function run({ name, pod, shows, also }: Row): Promise<void> {
  await lab.client.create(resources.pods, pod);
  const missing = () => transcript.missing(name, shows);
  const told = () =>
    `${name}: not seen: ${missing().join(' | ')}\nseen:\n${transcript.of(name).join('\n')}`;
  await until(told, () => missing().length === 0);
  await also?.(lab);
  await lab.client
    .delete(resources.pods, { namespace: 'default', name })
    .catch((error: unknown) => {
      if (!ApiError.is(error, 'NotFound')) throw error;
    });
  await until(
    () => `${name} does not go:\n${transcript.of(name).join('\n')}`,
    async () => (await lab.pod(name)) === undefined,
  );
}

async function runAll(rows: readonly Row[]): Promise<readonly string[]> {
  const waiting = [...rows];
  const problems: string[] = [];
  const worker = async () => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
      await run(row).catch((error: unknown) => problems.push(String(error)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return problems;
}

describe('a pod that the API server refuses', () => {
  test.concurrent.each(REFUSED)('$name', async ({ pod, says }) => {
    const { name = '' } = pod.metadata ?? {};
    const create = lab.client.create(resources.pods, pod);
    const answer = await create.then(() => 'taken', String);
    if (answer === 'taken') await lab.deletePod(name, { gracePeriodSeconds: 0 });
    expect(answer).toContain(says);
  });
});

test('each bad pod says why; its neighbour and its node do not notice, and nothing is left', async () => {
  expect(await runAll(ROWS)).toEqual([]);
  const bad = /not ready|restarts [1-9]|Killing|phase (?!Running)/;
  expect(transcript.of('neighbour').filter((line) => bad.test(line))).toEqual([]);
  expect(statusOf(await lab.pod('neighbour'), 'c')).toMatchObject({ ready: true, restartCount: 0 });
  expect(transcript.of('node-1').filter((line) => /Ready False|Pressure True/.test(line))).toEqual(
    [],
  );
  await lab.deletePod('neighbour');
  await until(
    () => 'something is left',
    async () => (await lab.leftovers()).length === 0,
  );
}, 600_000);
