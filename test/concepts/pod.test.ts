// A pod: one or more containers that share a network, run together on one node, and live and die as one.
import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import {
  DEMO_IMAGE,
  pod,
  shellPod,
  toolboxPod,
  webContainer,
  webPod,
} from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('pod');

test('a pod gets a node, an address and becomes Ready', async () => {
  await ns.apply(webPod('web', { app: 'web' }));
  await ns.ready('pod/web');
  const web = await ns.getJson<Pod>('pod web');
  expect(web.spec?.nodeName).toMatch(/^node-\d+$/);
  expect(web.status?.podIP).toMatch(/^10\.\d+\.\d+\.\d+$/);
  expect(web.status?.phase).toBe('Running');
  const wide = await ns.kubectl('get pod web -o wide');
  expect(wide).toMatch(/NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\s+IP\s+NODE/);
  expect(wide).toMatch(/web\s+1\/1\s+Running\s+0/);
});

test('the containers of a pod share one network: localhost reaches the neighbour', async () => {
  const sidecar = { name: 'side', image: DEMO_IMAGE, command: ['sleep', 'infinity'] };
  await ns.apply(pod('pair', {}, { containers: [webContainer(), sidecar] }));
  await ns.ready('pod/pair');
  const answer = await ns.kubectl('exec pair -c side -- curl -s -m 5 http://localhost:8080/');
  expect(answer).toContain('pair');
});

test('pods reach each other by address, on whatever nodes they are', async () => {
  const on = (node: string) => ({ nodeSelector: { 'kubernetes.io/hostname': node } });
  await ns.apply([
    webPod('far', {}, on('node-2')),
    toolboxPod('near', on('node-1')),
    toolboxPod('same', on('node-2')),
  ]);
  await ns.ready('pod/far pod/near pod/same');
  const address = (await ns.getJson<Pod>('pod far')).status?.podIP;
  for (const from of ['near', 'same']) {
    expect(await ns.sh(from, `curl -s -m 5 http://${address}:8080/`)).toContain('far');
  }
});

describe('a pod that ends', () => {
  test('successfully is Succeeded, with its logs still there', async () => {
    await ns.apply(shellPod('done', 'echo the answer is 42'));
    await ns.kubectl('wait --for=jsonpath={.status.phase}=Succeeded pod/done --timeout=55s');
    expect(await ns.kubectl('logs done')).toBe('the answer is 42\n');
    expect(await ns.kubectl('get pod done')).toMatch(/done\s+0\/1\s+Completed\s+0/);
  });

  test('with an error is Failed and says the exit code', async () => {
    await ns.apply(shellPod('broken', 'echo oh no >&2; exit 3'));
    await ns.kubectl('wait --for=jsonpath={.status.phase}=Failed pod/broken --timeout=55s');
    const broken = await ns.getJson<Pod>('pod broken');
    expect(broken.status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(3);
    expect(await ns.kubectl('get pod broken')).toMatch(/broken\s+0\/1\s+Error\s+0/);
  });
});

test('a command given to exec has its output and its exit code', async () => {
  await ns.apply(toolboxPod('shell'));
  await ns.ready('pod/shell');
  const result = await ns.tryKubectl(['exec', '-i', 'shell', '--', 'sh', '-c', 'cat; exit 7'], {
    input: 'through stdin\n',
  });
  expect(result.stdout).toBe('through stdin\n');
  expect(result.code).toBe(7);
  expect(await ns.sh('shell', 'hostname', { version: '1.30' })).toBe('shell\n');
  const wrong = await ns.tryKubectl('exec shell -c nope -- true');
  expect(wrong.stderr).toContain('container nope is not valid for pod shell');
});

test('logs -f follows until the container ends', async () => {
  await ns.apply(shellPod('teller', 'for i in 1 2 3; do echo line $i; sleep 0.5; done'));
  await eventually(() => ns.kubectl('logs teller'));
  expect(await ns.kubectl('logs -f teller')).toBe('line 1\nline 2\nline 3\n');
});

test('an image that does not exist is said, and the pod waits', async () => {
  await ns.apply(
    pod('absent', {}, { containers: [{ name: 'main', image: 'kube-labs/no-such:v0' }] }),
  );
  await eventually(async () => {
    expect(await ns.kubectl('get pod absent')).toMatch(/ErrImagePull|ImagePullBackOff/);
  });
  await eventually(async () => {
    expect(await ns.kubectl('describe pod absent')).toContain(
      'Failed to pull image "kube-labs/no-such:v0"',
    );
  });
});

test('delete stops the containers within the grace period and removes the pod', async () => {
  await ns.apply(toolboxPod('leaving', { terminationGracePeriodSeconds: 2 }));
  await ns.ready('pod/leaving');
  await ns.kubectl('delete pod leaving --timeout=55s');
  expect((await ns.tryKubectl('get pod leaving')).stderr).toContain('pods "leaving" not found');
});
