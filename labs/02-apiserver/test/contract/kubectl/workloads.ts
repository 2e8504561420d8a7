// Cases of kubectl about workloads and nodes: run, expose, autoscale, scale, set, rollout, drain, cordon, taint, debug.
// `auth can-i` and the like are in test/authz, tokens and certificates in test/auth. No controllers and no kubelets run beside the server: where a verb waits for one, the case does that one's part over the wire
// (a replica set for a deployment, a status), and says so. With the real ones, the whole-cluster tests run these verbs.
import { type Case, configMap, deployment, named, pod, type Scene } from './scene.ts';

/** What the deployment controller would make for the template that the deployment has now. */
async function replicaSetOf({ read, write }: Scene, name: string, revision: number): Promise<void> {
  const { metadata, spec } = await read(`deployments.apps/${name}`);
  const hash = `hash${revision}`;
  const labels = { ...spec.template.metadata.labels, 'pod-template-hash': hash };
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name,
    uid: metadata.uid,
    controller: true,
  };
  await write('POST', 'replicasets.apps', {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      labels,
      annotations: { 'deployment.kubernetes.io/revision': String(revision) },
      ownerReferences: [owner],
    },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { ...spec.template, metadata: { labels } },
    },
  });
  const annotations = { 'deployment.kubernetes.io/revision': String(revision) };
  await write('PATCH', `deployments.apps/${name}`, { metadata: { annotations } });
}

export const WORKLOADS: readonly Case[] = [
  {
    name: 'run makes a pod, with labels, environment, limits by overrides, and a service beside it',
    async run({ expect, kubectl, read }) {
      expect(
        await kubectl('run p --image=busybox --labels=a=b --env=X=1 --restart=Never -- sleep 9'),
      ).toBe('pod/p created\n');
      expect(await read('pods/p')).toMatchObject({
        metadata: { labels: { a: 'b' } },
        spec: {
          restartPolicy: 'Never',
          containers: [{ args: ['sleep', '9'], env: [{ name: 'X', value: '1' }] }],
        },
      });
      expect(await kubectl('run web --image=nginx --port=80 --expose')).toMatch(
        /service\/web created\npod\/web created\n/,
      );
      const overrides = JSON.stringify({ spec: { nodeSelector: { disk: 'ssd' } } });
      await kubectl(`run o --image=x --overrides='${overrides}'`);
      expect((await read('pods/o')).spec.nodeSelector).toEqual({ disk: 'ssd' });
    },
  },
  {
    name: 'expose, autoscale and scale work on what a deployment selects and how many it has',
    always: true,
    async run({ expect, kubectl, tryKubectl, read, write }) {
      await write('POST', 'deployments.apps', deployment('web'));
      expect(await kubectl('expose deploy web --port=80 --target-port=8080 --type=NodePort')).toBe(
        'service/web exposed\n',
      );
      const { spec } = await read('services/web');
      expect(spec).toMatchObject({
        selector: { app: 'web' },
        type: 'NodePort',
        ports: [{ targetPort: 8080 }],
      });
      expect(spec.ports[0].nodePort).toBeGreaterThanOrEqual(30_000);
      expect(await kubectl('autoscale deploy web --min=2 --max=5 --cpu-percent=70')).toContain(
        'autoscaled\n',
      );
      expect((await read('horizontalpodautoscalers.autoscaling/web')).spec).toMatchObject({
        minReplicas: 2,
        maxReplicas: 5,
        scaleTargetRef: { kind: 'Deployment', name: 'web' },
        metrics: [{ resource: { name: 'cpu', target: { averageUtilization: 70 } } }],
      });
      expect(await kubectl('scale deploy web --replicas=4')).toBe('deployment.apps/web scaled\n');
      expect(
        (await tryKubectl('scale deploy web --replicas=9 --current-replicas=1')).stderr,
      ).toContain('Expected replicas to be 1, was 4');
      await kubectl('scale deploy web --replicas=0 --current-replicas=4');
      expect((await read('deployments.apps/web')).spec.replicas).toBe(0);
    },
  },
  {
    name: 'set changes image, env, resources, service account, selector and subjects',
    async run({ expect, kubectl, read, write }) {
      await write('POST', 'deployments.apps', deployment('web'));
      await write('POST', 'configmaps', configMap('cm', { word: 'x' }));
      await kubectl('set image deploy/web main=nginx:5');
      await kubectl('set env deploy/web A=1 B=2');
      await kubectl('set env deploy/web --from=configmap/cm');
      await kubectl('set env deploy/web A-');
      await kubectl('set resources deploy/web --limits=cpu=200m --requests=cpu=100m');
      await kubectl('set serviceaccount deploy/web robot');
      const { template } = (await read('deployments.apps/web')).spec;
      expect(template.spec).toMatchObject({
        serviceAccountName: 'robot',
        containers: [
          { image: 'nginx:5', resources: { limits: { cpu: '200m' }, requests: { cpu: '100m' } } },
        ],
      });
      const names = template.spec.containers[0].env.map(({ name }: { name: string }) => name);
      expect(names.sort()).toEqual(['B', 'WORD']);
      expect(await kubectl('set env deploy/web --list')).toContain('B=2\n');
      await write(
        'POST',
        'services',
        named('v1', 'Service', 's', { spec: { ports: [{ port: 80 }] } }),
      );
      await kubectl('set selector service s app=web');
      expect((await read('services/s')).spec.selector).toEqual({ app: 'web' });
      await kubectl('create rolebinding rb --clusterrole=view --user=ann');
      await kubectl('set subject rolebinding rb --user=bea');
      expect((await read('rolebindings.rbac.authorization.k8s.io/rb')).subjects).toHaveLength(2);
    },
  },
  {
    name: 'rollout pauses, resumes, restarts, and says when a deployment is there (its status written as the controller would)',
    always: true,
    async run({ expect, kubectl, read, write }) {
      await write('POST', 'deployments.apps', deployment('web'));
      expect(await kubectl('rollout pause deploy/web')).toBe('deployment.apps/web paused\n');
      expect(await kubectl('rollout resume deploy/web')).toBe('deployment.apps/web resumed\n');
      expect(await kubectl('rollout restart deploy/web')).toBe('deployment.apps/web restarted\n');
      const { metadata, spec } = await read('deployments.apps/web');
      expect(spec.template.metadata.annotations).toHaveProperty([
        'kubectl.kubernetes.io/restartedAt',
      ]);
      const waiting = kubectl('rollout status deploy/web --timeout=80s');
      const counts = { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
      const status = { observedGeneration: metadata.generation, ...counts };
      await write('PATCH', 'deployments.apps/web/status', { status });
      expect(await waiting).toContain('deployment "web" successfully rolled out\n');
    },
  },
  {
    name: 'rollout history and undo go by replica sets (made as the controller would)',
    async run(scene) {
      const { expect, kubectl, read, write } = scene;
      await write('POST', 'deployments.apps', deployment('web', 'nginx:1'));
      await replicaSetOf(scene, 'web', 1);
      await kubectl('set image deploy/web main=nginx:2');
      await replicaSetOf(scene, 'web', 2);
      expect(await kubectl('rollout history deploy/web')).toMatch(
        /REVISION +CHANGE-CAUSE\n1 .*\n2 /,
      );
      expect(await kubectl('rollout history deploy/web --revision=1')).toMatch(
        /Image:\s+nginx:1\n/,
      );
      expect(await kubectl('rollout undo deploy/web')).toBe('deployment.apps/web rolled back\n');
      expect((await read('deployments.apps/web')).spec.template.spec.containers[0].image).toBe(
        'nginx:1',
      );
    },
  },
  {
    name: 'cordon, uncordon and taint a node; drain evicts what is on it',
    always: true,
    async run({ expect, kubectl, read, write, namespace }) {
      const node = `n-${namespace}`;
      await write('POST', '/api/v1/nodes', named('v1', 'Node', node));
      expect(await kubectl(`cordon ${node}`)).toBe(`node/${node} cordoned\n`);
      const of = async () => (await read(`/api/v1/nodes/${node}`)).spec;
      // The NodeLifecycle controller, which would add the taint of an unschedulable node, is not here.
      expect(await of()).toMatchObject({ unschedulable: true });
      expect(await kubectl(`uncordon ${node}`)).toBe(`node/${node} uncordoned\n`);
      expect(await kubectl(`taint node ${node} team=blue:NoSchedule`)).toBe(
        `node/${node} tainted\n`,
      );
      expect((await of()).taints).toContainEqual({
        key: 'team',
        value: 'blue',
        effect: 'NoSchedule',
      });
      expect(await kubectl(`taint node ${node} team-`)).toBe(`node/${node} untainted\n`);
      await write('POST', 'pods', pod('on-it', { nodeName: node }));
      await write('POST', 'pods', pod('elsewhere', { nodeName: 'another' }));
      // The kubelet's part: a pod that is marked for deletion ends.
      const draining = kubectl(`drain ${node} --force --grace-period=0 --timeout=80s`);
      expect(await draining).toMatch(new RegExp(`node/${node} drained\n$`));
      expect(await kubectl('get pods -o name')).toBe('pod/elsewhere\n');
    },
  },
  {
    name: 'drain waits for a budget that allows nothing, and says why',
    async run({ expect, tryKubectl, write, namespace }) {
      const node = `n-${namespace}`;
      await write('POST', '/api/v1/nodes', named('v1', 'Node', node));
      await write('POST', 'pods', pod('kept', { nodeName: node }));
      await write('PATCH', 'pods/kept/status', {
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      });
      const selector = { matchLabels: { app: 'kept' } };
      const pdb = named('policy/v1', 'PodDisruptionBudget', 'b', {
        spec: { minAvailable: 1, selector },
      });
      await write('POST', 'poddisruptionbudgets.policy', pdb);
      // The disruption controller's part. Before it has counted, kubectl is told to come back in ten seconds.
      const counted = {
        expectedPods: 1,
        currentHealthy: 1,
        desiredHealthy: 1,
        disruptionsAllowed: 0,
      };
      await write('PATCH', 'poddisruptionbudgets.policy/b/status', {
        status: { observedGeneration: 1, ...counted },
      });
      // Before the time is over it must have asked once.
      const { code, stderr } = await tryKubectl(`drain ${node} --force --timeout=4s`);
      expect(code).toBe(1);
      expect(stderr).toContain("Cannot evict pod as it would violate the pod's disruption budget");
    },
  },
  {
    name: 'debug adds an ephemeral container, copies a pod, and makes a pod on a node',
    async run({ expect, kubectl, read, write, namespace }) {
      await write('POST', 'pods', pod('p'));
      await kubectl('debug p --image=busybox --container=look --attach=false -- sleep 1');
      expect((await read('pods/p')).spec.ephemeralContainers).toEqual([
        expect.objectContaining({ name: 'look', image: 'busybox', command: ['sleep', '1'] }),
      ]);
      await kubectl('debug p --image=busybox --copy-to=p-copy --attach=false -- sleep 1');
      expect((await read('pods/p-copy')).spec.containers).toHaveLength(2);
      const node = `n-${namespace}`;
      await write('POST', '/api/v1/nodes', named('v1', 'Node', node));
      await kubectl(`debug node/${node} --image=busybox --attach=false -- sleep 1`);
      const { items } = await read('pods');
      const made = items.find(
        ({ spec }: { spec: { nodeName?: string } }) => spec.nodeName === node,
      );
      expect(made.spec).toMatchObject({ hostNetwork: true, hostPID: true });
    },
  },
];
