// A real node under random faults: containers, sandboxes, its kubelet and its engine are killed, its API server goes away, while
// pods come and go. When all is calm again, exactly what is wanted runs, nothing twice; and when the pods are gone, nothing of
// them is left. FAULT_SECONDS and FAULT_PODS make it longer and larger.

import { readFileSync, writeFileSync } from 'node:fs';
import { ApiError, resources } from '@kube-labs/apiserver';
import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomOf, seedOf } from './fake-faults.ts';
import { KubeletProcess } from './kubelet-process.ts';
import { FOREVER, IMAGE, Lab, script, shell } from './lab.ts';
import { Engine } from './support/engine.ts';

const NUMBER = 218;
const SECONDS = Number(process.env.FAULT_SECONDS ?? 10);
const PODS_MAX = Number(process.env.FAULT_PODS ?? 6);
const CALM_MS_MAX = 180_000;

let engine: Engine;
let lab: Lab;
let kubelet: KubeletProcess;
let kubeconfig: string;

beforeAll(async () => {
  engine = await Engine.start(NUMBER);
  lab = await Lab.start({ number: NUMBER, flags: [`--pause-image=${IMAGE}`] });
  await lab.stopKubelet();
  // Through the proxy, which can be cut.
  lab.apiServer.cut();
  const port = await lab.apiServer.open();
  kubeconfig = `${lab.rootDirectory}/kubeconfig`;
  const direct = readFileSync(await lab.kubeconfig(), 'utf8');
  writeFileSync(kubeconfig, direct.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`));
  startKubelet();
});
afterAll(async () => {
  try {
    await kubelet.end('SIGKILL');
    await lab.startKubelet();
    await lab[Symbol.asyncDispose]();
  } finally {
    await engine[Symbol.asyncDispose]();
  }
});

function startKubelet(): void {
  kubelet = new KubeletProcess(lab, kubeconfig, `--pause-image=${IMAGE}`);
}

async function wantedPods(): Promise<readonly Pod[]> {
  return (await lab.client.list(resources.pods, { namespace: 'default' })).items;
}

/** `POD-UID CONTAINER` of all that run. */
async function running(): Promise<readonly string[]> {
  const uid = '{{.Label "io.kubernetes.pod.uid"}}';
  const name = '{{.Label "io.kubernetes.container.name"}}';
  const listed = await shell('docker', ['ps', '--format', `${uid} ${name}`]);
  return listed.split('\n').filter(Boolean).sort();
}

function twins(names: readonly string[]): readonly string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}

/** What is not (yet) as the pods' owners want it. */
async function wrongs(): Promise<readonly string[]> {
  const pods = await wantedPods();
  const found = await running();
  const wanted = pods.flatMap(({ metadata, spec, status }) => {
    if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
    const names = ['POD', ...(spec?.containers ?? []).map(({ name }) => name)];
    return names.map((name) => `${metadata?.uid} ${name}`);
  });
  const known = new Set(pods.map(({ metadata }) => metadata?.uid));
  const all = (await lab.containers()).map((line) => line.split(' ')[0]?.split('_')[4]);
  return [
    ...wanted.filter((one) => !found.includes(one)).map((one) => `${one} does not run`),
    ...found.filter((one) => !wanted.includes(one)).map((one) => `${one} runs`),
    ...twins(found).map((one) => `${one} runs twice`),
    ...all.filter((uid) => !known.has(uid)).map((uid) => `${uid} is nobody’s`),
    ...pods
      .filter(({ metadata }) => metadata?.deletionTimestamp !== undefined)
      .map(({ metadata }) => `${metadata?.name} is still being deleted`),
  ];
}

const KINDS: readonly Pick<PodSpec, 'restartPolicy' | 'containers'>[] = [
  { restartPolicy: 'Always', containers: [script('a', FOREVER), script('b', FOREVER)] },
  { restartPolicy: 'Always', containers: [script('a', FOREVER)] },
  { restartPolicy: 'OnFailure', containers: [script('a', 'sleep 2; exit 0')] },
  { restartPolicy: 'Never', containers: [script('a', FOREVER)] },
];

test(
  'a node whose parts are killed at random runs exactly what is wanted at the end, and leaves nothing behind',
  async () => {
    const random = randomOf(seedOf('faults'));
    const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)];
    let count = 0;
    const steps: Readonly<Record<string, readonly [weight: number, step: () => Promise<unknown>]>> =
      {
        create: [
          12,
          async () => {
            if ((await wantedPods()).length >= PODS_MAX) return;
            const volumes = [
              { name: 'memory', emptyDir: { medium: 'Memory' } },
              { name: 'disk', emptyDir: {} },
            ];
            const kind = pick(KINDS) ?? { containers: [] };
            const mounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
            const containers = kind.containers.map((one) => ({ ...one, volumeMounts: mounts }));
            await lab.createPod(`pod-${++count}`, {
              ...{ ...kind, volumes, containers },
              terminationGracePeriodSeconds: 2,
            });
          },
        ],
        delete: [
          5,
          async () => {
            const name = pick(await wantedPods())?.metadata?.name;
            if (name === undefined) return;
            const grace = pick([undefined, 1, 0]);
            const options = grace === undefined ? {} : { gracePeriodSeconds: grace };
            await lab.client.delete(resources.pods, { namespace: 'default', name }, options);
          },
        ],
        killContainer: [
          10,
          async () => {
            const ids = (await shell('docker', ['ps', '-q'])).split('\n').filter(Boolean);
            await shell('docker', ['kill', pick(ids) ?? '']);
          },
        ],
        killKubelet: [
          3,
          async () => {
            await kubelet.end('SIGKILL');
            startKubelet();
          },
        ],
        stopKubelet: [
          1,
          async () => {
            await kubelet.end('SIGTERM');
            startKubelet();
          },
        ],
        cutApi: [2, async () => lab.apiServer.cut()],
        openApi: [4, async () => void (await lab.apiServer.open())],
        killEngine: [
          0.5,
          async () => {
            await engine.killDaemon();
            await new Promise((resolve) => setTimeout(resolve, random() * 1_000));
            await engine.startDaemon();
          },
        ],
      };
    const all = Object.entries(steps);
    const weights = all.reduce((sum, [, [weight]]) => sum + weight, 0);
    let isCut = false;
    const until = Date.now() + SECONDS * 1_000;
    const done = new Map<string, number>();
    while (Date.now() < until) {
      let left = random() * weights;
      const chosen = all.find(([, [weight]]) => {
        left -= weight;
        return left < 0;
      });
      if (chosen === undefined) continue;
      const [name, [, step]] = chosen;
      if ((name === 'openApi' && !isCut) || (name === 'cutApi' && isCut)) continue;
      if (name.endsWith('Api')) isCut = name === 'cutApi';
      await step().catch((error: unknown) => {
        // Somebody else was faster.
        if (!ApiError.is(error, 'NotFound') && !String(error).includes('docker kill')) throw error;
      });
      done.set(name, (done.get(name) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, random() * 500));
      expect(twins(await running())).toEqual([]);
    }
    console.log(JSON.stringify(Object.fromEntries(done)));
    if (isCut) await lab.apiServer.open();
    // A pod of two seconds may end at any moment: one look without a wrong is the calm, another would be chance.
    const deadline = Date.now() + CALM_MS_MAX;
    let wrong = await wrongs();
    while (wrong.length > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      wrong = await wrongs();
    }
    expect(wrong).toEqual([]);
    await Promise.all(
      (await wantedPods()).map(({ metadata }) => lab.deletePod(metadata?.name ?? '')),
    );
    await lab.until('nothing is left', async () => (await lab.leftovers()).length === 0);
  },
  (SECONDS + 300) * 1_000,
);
