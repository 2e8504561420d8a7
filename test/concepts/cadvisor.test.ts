// cAdvisor tells what containers use: processor, memory, network and disk, from the kernel's own counters.
import { beforeAll, expect, test } from 'vitest';
import { nodeContainer } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { DEMO_IMAGE, pod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';
import { docker } from '../support/process.ts';

const ns = useNamespace('cadvisor');

interface Summary {
  readonly node: { readonly nodeName: string; readonly cpu: Usage; readonly memory: Usage };
  readonly pods: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers: readonly {
      readonly name: string;
      readonly cpu: Usage;
      readonly memory: Usage;
    }[];
  }[];
}
type Usage = Readonly<Record<string, number>>;

const ADDRESS = `$(getent hosts ${nodeContainer('node-1')} | cut -d' ' -f1)`;

/** Asks the kubelet of node-1 with the client certificate that the API server uses. */
function kubelet(path: string): Promise<string> {
  const file = (name: string) => `/etc/kubernetes/pki/${name}`;
  const tls = `--cacert ${file('ca.crt')} --cert ${file('kubelet-client.crt')} --key ${file('kubelet-client.key')}`;
  const command = `curl -sf -m 30 ${tls} https://${ADDRESS}:10250${path}`;
  return docker('exec', nodeContainer('control-plane'), 'sh', '-c', command);
}

beforeAll(async () => {
  const script = 'const hold = Buffer.alloc(50e6, 1); for (;;) { hold[0] += 1; }';
  const container = {
    name: 'main',
    image: DEMO_IMAGE,
    command: ['node', '-e', script],
    resources: { limits: { cpu: '200m' } },
  };
  const nodeSelector = { 'kubernetes.io/hostname': 'node-1' };
  await ns.apply(pod('busy', {}, { nodeSelector, containers: [container] }));
  await ns.ready('pod/busy');
});

test('the summary has the pod, with processor time near its limit and the memory that it holds', async () => {
  await eventually(
    async () => {
      const summary = JSON.parse(await kubelet('/stats/summary')) as Summary;
      expect(summary.node.nodeName).toBe('node-1');
      const busy = summary.pods.find(
        ({ podRef }) => podRef.name === 'busy' && podRef.namespace === ns.name,
      );
      const [container] = busy?.containers ?? [];
      expect(container?.memory.workingSetBytes).toBeGreaterThan(50e6);
      expect(container?.cpu.usageNanoCores).toBeGreaterThan(0.1e9);
      expect(container?.cpu.usageNanoCores).toBeLessThan(0.35e9);
      // Whatever else runs has its share of the processors first.
    },
    { timeoutMs: 180_000 },
  );
});

test('the Prometheus text has cAdvisor names and labels', async () => {
  const text = await kubelet('/metrics/cadvisor');
  const labels = `container="main"[^}]*namespace="${ns.name}"[^}]*pod="busy"`;
  expect(text).toMatch(new RegExp(`container_cpu_usage_seconds_total\\{[^}]*${labels}`));
  expect(text).toMatch(new RegExp(`container_memory_working_set_bytes\\{[^}]*${labels}`));
  expect(text).toMatch(/machine_cpu_cores(\{[^}]*\})? [1-9]/);
});

test('a client without a certificate gets nothing from the kubelet', async () => {
  const command = `curl -s -k -m 10 -o /dev/null -w '%{http_code}' https://${ADDRESS}:10250/stats/summary || true`;
  const status = await docker('exec', nodeContainer('control-plane'), 'sh', '-c', command);
  expect(status).toMatch(/^(401|403|000)$/);
});
