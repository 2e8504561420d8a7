// Every kind of resource, made, shown, changed and deleted by stock kubectl, an old one and a new one.

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../src/server/test-api-server.ts';
import { type Kubectl, unpackKubectl } from '../authz/kubectl.ts';
import { wire } from '../server/wire.ts';

/** Up to forty programs one after the other. */
const TIMEOUT_MS = 400_000;
const EVERYTHING = [
  'sts',
  'controllerrevisions',
  'podtemplates',
  'pv',
  'pvc',
  'sc',
  'volumeattachments',
  'csidrivers',
  'csinodes',
  'csistoragecapacities',
  'netpol',
  'ingressclass',
  'limits',
  'runtimeclass',
  'validatingwebhookconfigurations',
  'flowschemas',
  'prioritylevelconfigurations',
];
const ALWAYS_CONFIGURED = [
  'statefulset.apps/s1 configured',
  'networkpolicy.networking.k8s.io/np1 configured',
  'limitrange/lr1 configured',
  'validatingwebhookconfiguration.admissionregistration.k8s.io/vw1 configured',
];
const read = (name: string) => readFile(new URL(name, import.meta.url), 'utf8');

describe.each([28, 35])('kubectl 1.%i', (minor) => {
  let server: TestApiServer;
  let kubectl: Kubectl;
  let kubeconfig: string;

  beforeAll(async () => {
    const runtimeConfig = { 'extensions/v1beta1': true };
    [server, kubectl] = await Promise.all([
      startTestApiServer({ runtimeConfig }),
      unpackKubectl(minor),
    ]);
    kubeconfig = await server.kubeconfig();
  }, TIMEOUT_MS);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await kubectl[Symbol.asyncDispose]();
  });

  // The group of Kubernetes 1.1 is served too, and comes first where a name is in both: hence the full names below.
  const ask = (command: string, input?: string) =>
    kubectl.run(kubeconfig, command.split(' '), input);

  /** What it prints, with the columns one space apart; fails when kubectl does. */
  async function run(command: string, input?: string): Promise<string> {
    const { code, stdout, stderr } = await ask(command, input);
    if (code !== 0) throw new Error(`kubectl ${command}: ${stderr}`);
    return stdout.replaceAll(/[ \t]+/g, ' ').replaceAll(/ \n/g, '\n');
  }

  const jsonOf = async (command: string): Promise<Record<string, unknown>> =>
    JSON.parse(await run(`${command} -o json`)) as Record<string, unknown>;

  test(
    'create makes what it has a command for',
    async () => {
      await run('create namespace made');
      const create = (rest: string) => run(`create ${rest} -n made`);
      await run('create job j1 -n made --image=busybox -- echo hi');
      const cron = [
        'create',
        'cronjob',
        'c1',
        '--image=busybox',
        '--schedule=*/5 * * * *',
        '-n',
        'made',
      ];
      const made = await kubectl.run(kubeconfig, [...cron, '--', 'date']);
      expect(made).toMatchObject({ code: 0, stdout: 'cronjob.batch/c1 created\n' });
      await create('job j2 --from=cronjob/c1');
      await create('ingress i1 --class=nginx --rule=foo.com/bar*=svc1:8080,tls=my-cert');
      await create('pdb p1 --selector=app=a --min-available=1');
      await create('quota q1 --hard=cpu=1,limits.memory=1Gi');
      await create('deployment d1 --image=nginx:1 --replicas=2');
      await run('create priorityclass high --value=1000 --description=x');
      await run('autoscale deployment.v1.apps/d1 --min=1 --max=5 --cpu-percent=70 -n made');
      const bad = await kubectl.run(kubeconfig, [
        ...['create', 'cronjob', 'c2', '--image=busybox', '--schedule=61 * * * *', '-n', 'made'],
      ]);
      expect(bad.code).toBe(1);
      expect(bad.stderr).toContain(
        'spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61',
      );

      const get = async (what: string) => (await run(`get ${what} -n made`)).split('\n')[1];
      expect(await get('jobs.v1.batch j1')).toMatch(/^j1 Running 0\/1 \d+[ms]\S*$/);
      expect(await get('cj c1')).toMatch(/^c1 \*\/5 \* \* \* \* <none> False 0 <none> \d+[ms]\S*$/);
      expect(await get('ingresses.v1.networking.k8s.io i1')).toMatch(
        /^i1 nginx foo.com 80, 443 \d+[ms]\S*$/,
      );
      expect(await get('pdb p1')).toMatch(/^p1 1 N\/A 0 \d+[ms]\S*$/);
      expect(await get('quota q1')).toMatch(/^q1 /);
      expect(await get('pc high')).toMatch(/^high 1000 false \d+[ms]\S* PreemptLowerPriority$/);
      expect(await get('hpa d1')).toMatch(
        /^d1 Deployment\/d1 cpu: <unknown>\/70% 1 5 0 \d+[ms]\S*$/,
      );
      const { metadata } = await jsonOf('get job j2 -n made');
      expect(metadata).toMatchObject({
        ownerReferences: [{ kind: 'CronJob', name: 'c1' }],
        annotations: { 'cronjob.kubernetes.io/instantiate': 'manual' },
      });
    },
    TIMEOUT_MS,
  );

  test(
    'apply makes the others; get -o wide, describe and explain know them all',
    async () => {
      await run('create namespace all');
      const manifest = await read('resources.yaml');
      const applied = await run('apply -n all -f -', manifest);
      expect(applied.trim().split('\n')).toHaveLength(manifest.split('\n---\n').length);
      const again = await run('apply -n all -f -', manifest);
      // Lists that are replaced as a whole differ by their defaults for ever; with upstream's server too.
      const configured = again.split('\n').filter((line) => line.endsWith(' configured'));
      expect(configured).toEqual(ALWAYS_CONFIGURED);
      for (const kind of EVERYTHING) {
        const rows = (await run(`get ${kind} -n all -o wide`)).trim().split('\n');
        expect(rows.length, kind).toBeGreaterThan(1);
        expect(await run(`describe ${kind} -n all`), kind).toContain('Name:');
      }
      expect((await run('get sc')).split('\n')[1]).toMatch(
        /^slow \(default\) example\.com\/slow Delete Immediate false \d+[ms]\S*$/,
      );
      expect(await run('explain cronjob.spec.jobTemplate.spec')).toContain('backoffLimit');
      expect(await run('explain netpol.spec.ingress.ports')).toContain('endPort');
      expect(await run('explain hpa.spec.metrics --api-version=autoscaling/v2')).toContain(
        'containerResource',
      );
    },
    TIMEOUT_MS,
  );

  test(
    'a stateful set is scaled, and waited for',
    async () => {
      await run('create namespace scaled');
      const [manifest = ''] = (await read('resources.yaml')).split('\n---\n');
      await run('apply -n scaled -f -', manifest);
      await run('scale sts s1 --replicas=3 -n scaled');
      expect(await jsonOf('get sts s1 -n scaled')).toMatchObject({
        metadata: { generation: 2 },
        spec: { replicas: 3 },
      });
      const waited = await ask('rollout status sts/s1 -n scaled --timeout=3s');
      expect(waited.code).toBe(1);
      expect(waited.stdout + waited.stderr).toMatch(/Waiting for \w+ /);
    },
    TIMEOUT_MS,
  );

  test(
    'an autoscaler is the same in both its versions',
    async () => {
      await run('create namespace auto');
      await run('create deployment d --image=nginx:1 -n auto');
      await run('autoscale deployment.v1.apps/d --max=5 --cpu-percent=70 -n auto');
      const change = JSON.stringify({ spec: { targetCPUUtilizationPercentage: 50 } });
      await run(
        `patch horizontalpodautoscalers.v1.autoscaling d -n auto --type=merge -p ${change}`,
      );
      expect(await jsonOf('get horizontalpodautoscalers.v2.autoscaling d -n auto')).toMatchObject({
        apiVersion: 'autoscaling/v2',
        spec: {
          metrics: [
            {
              type: 'Resource',
              resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
            },
          ],
        },
      });
    },
    TIMEOUT_MS,
  );

  test(
    'a job ends, is waited for, and leaves its pods behind when an old client deletes it',
    async () => {
      await run('create namespace work');
      await run('create job j --image=busybox -n work');
      const done = (conditions: string[]) =>
        JSON.stringify({
          status: {
            succeeded: 1,
            startTime: '2026-01-01T00:00:00Z',
            completionTime: '2026-01-01T00:01:00Z',
            conditions: conditions.map((type) => ({ type, status: 'True' })),
          },
        });
      const patch = 'patch jobs.v1.batch j -n work --subresource=status --type=merge -p';
      const refused = await ask(`${patch} ${done(['Complete'])}`);
      expect(refused.stderr).toContain(
        'cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
      );
      await run(`${patch} ${done(['SuccessCriteriaMet', 'Complete'])}`);
      expect(await run('wait jobs.v1.batch/j -n work --for=condition=complete --timeout=60s')).toBe(
        'job.batch/j condition met\n',
      );
      expect((await run('get jobs.v1.batch j -n work')).split('\n')[1]).toMatch(
        /^j Complete 1\/1 60s \d+[ms]\S*$/,
      );
      await run('delete jobs.v1.batch j -n work');
      const kept = '/apis/batch/v1/namespaces/work/jobs/k';
      await run('create job k --image=busybox -n work');
      const { json, headers } = await wire(server, kept, { method: 'DELETE' });
      expect(headers.warning).toMatch(/^299 - "child pods are preserved by default when jobs are/);
      expect(json).toMatchObject({ metadata: { finalizers: ['orphan'] } });
    },
    TIMEOUT_MS,
  );

  test(
    'drain asks the budget first',
    async () => {
      await run('create namespace drained');
      await run('apply -f -', NODE_WITH_POD);
      const status = (kind: string, value: object) =>
        run(
          `patch ${kind} -n drained --subresource=status --type=merge -p ${JSON.stringify({ status: value })}`,
        );
      await status('pod web', {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
      });
      await status('pdb p', {
        observedGeneration: 1,
        desiredHealthy: 1,
        currentHealthy: 1,
        disruptionsAllowed: 0,
      });
      const drain = 'drain drained-node --force --ignore-daemonsets --timeout=4s';
      const refused = await ask(drain);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(
        "Cannot evict pod as it would violate the pod's disruption budget.",
      );
      await status('pdb p', { disruptionsAllowed: 1 });
      const evicted = await ask(drain);
      expect(evicted.stdout).toContain('evicting pod drained/web');
      expect(await jsonOf('get pdb p -n drained')).toMatchObject({
        status: { disruptionsAllowed: 0, disruptedPods: { web: expect.any(String) } },
      });
      const { metadata, status: seen } = await jsonOf('get pod web -n drained');
      expect(metadata).toHaveProperty('deletionTimestamp');
      expect(seen).toMatchObject({
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'DisruptionTarget', reason: 'EvictionByEvictionAPI' }),
        ]),
      });
    },
    TIMEOUT_MS,
  );

  test(
    'debug adds a container to a pod, and only so',
    async () => {
      await run('create namespace looked');
      await run('apply -n looked -f -', POD);
      await run('debug dbg -n looked --image=busybox -c look --attach=false');
      expect(await jsonOf('get pod dbg -n looked')).toMatchObject({
        spec: { ephemeralContainers: [{ name: 'look', image: 'busybox' }] },
      });
      const gone = JSON.stringify({ spec: { ephemeralContainers: [] } });
      const patch = 'patch pod dbg -n looked --subresource=ephemeralcontainers --type=merge -p';
      const refused = await ask(`${patch} ${gone}`);
      expect(refused.code).toBe(1);
    },
    TIMEOUT_MS,
  );

  test(
    'events are shown under both their names',
    async () => {
      await run('create namespace told');
      await run('apply -n told -f -', EVENT);
      expect(await run('events -n told')).toContain('Something happened');
      expect(await jsonOf('get events.v1.events.k8s.io e -n told')).toMatchObject({
        apiVersion: 'events.k8s.io/v1',
        note: 'Something happened',
        regarding: { kind: 'Pod', name: 'p' },
        deprecatedCount: 2,
      });
    },
    TIMEOUT_MS,
  );

  test(
    'the health of the components is asked for when it is shown',
    async () => {
      const rows = (await run('get cs')).split('\n').slice(1, -1).sort();
      expect(rows.map((row) => row.split(' ').slice(0, 2).join(' '))).toEqual([
        'controller-manager Unhealthy',
        'etcd-0 Healthy',
        'scheduler Unhealthy',
      ]);
    },
    TIMEOUT_MS,
  );

  test(
    'what Kubernetes 1.1 wrote is today’s object under its old name',
    async () => {
      await run('create namespace old');
      const manifest = await read('extensions.yaml');
      await run('apply -n old -f -', manifest);
      await run(
        'apply -n old -f -',
        manifest.replace('image: nginx, ports', 'image: nginx:2, ports'),
      );
      expect(await jsonOf('get deployments.v1.apps old-web -n old')).toMatchObject({
        spec: {
          selector: { matchLabels: { app: 'old-web' } },
          template: { spec: { containers: [{ name: 'c', image: 'nginx:2' }] } },
        },
      });
      await run('scale deployments.v1beta1.extensions old-web --replicas=3 -n old');
      expect(await jsonOf('get deployments.v1beta1.extensions old-web -n old')).toMatchObject({
        apiVersion: 'extensions/v1beta1',
        spec: { replicas: 3, selector: { app: 'old-web' } },
      });
      expect(await jsonOf('get ingresses.v1.networking.k8s.io old-ing -n old')).toMatchObject({
        spec: {
          rules: [{ http: { paths: [{ backend: { service: { port: { number: 80 } } } }] } }],
        },
      });
      expect(await run('delete -n old -f -', manifest)).toContain('"old-job" deleted');
    },
    TIMEOUT_MS,
  );

  test(
    'the two priority classes of the system are there',
    async () => {
      expect(await run('get pc -o name')).toContain(
        'priorityclass.scheduling.k8s.io/system-cluster-critical\npriorityclass.scheduling.k8s.io/system-node-critical\n',
      );
    },
    TIMEOUT_MS,
  );
});

const NODE_WITH_POD = `
apiVersion: v1
kind: Node
metadata: {name: drained-node}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: drained, labels: {app: a}}
spec: {nodeName: drained-node, containers: [{name: c, image: nginx:1}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: p, namespace: drained}
spec: {minAvailable: 1, selector: {matchLabels: {app: a}}}
`;

const POD = `
apiVersion: v1
kind: Pod
metadata: {name: dbg}
spec: {containers: [{name: c, image: nginx:1}]}
`;

const EVENT = `
apiVersion: v1
kind: Event
metadata: {name: e}
involvedObject: {kind: Pod, name: p, namespace: told}
message: Something happened
reason: Happened
type: Normal
count: 2
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:01:00Z"
`;
