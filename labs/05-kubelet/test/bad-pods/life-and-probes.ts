// Bad lives: hooks, init containers and sidecars that fail or hang, probes of what does not answer, containers that eat the node.

import { resources } from '@kube-labs/apiserver';
import type { Container, Probe } from 'kubernetes-types/core/v1';
import { kubectl } from '../kubectl.ts';
import { type Lab, script, shell } from '../lab.ts';
import { bad, type More, NEVER, once, type Row, WAIT } from './row.ts';

const DEADLINE =
  'phase Failed DeadlineExceeded: Pod was active on the node longer than the specified deadline';
const exec = (...command: string[]) => ({ exec: { command } });

const AGAIN = bad('again', {}, ['c ready'], { also: comesAgain });

export const LIFE: readonly Row[] = [
  AGAIN,
  bad('hook-fails', { lifecycle: { postStart: exec('false') } }, [
    'event FailedPostStartHook PostStartHook failed',
    'event Killing FailedPostStartHook',
    /c waiting PostStartHookError: Exec lifecycle hook \(\[false\]\) for Container "c" in Pod "hook-fails_default\(/,
  ]),
  // Every row's pod is deleted, and must go: these a grace period and a little later, whatever hangs.
  bad('hook-hangs', { lifecycle: { postStart: exec('sleep', '1000') } }, [
    'event Started Started container c',
    'c waiting ContainerCreating: ',
  ]),
  bad('stop-hangs', { lifecycle: { preStop: exec('sleep', '1000') } }, ['c ready']),
  bad('stop-ignored', once("trap '' TERM; sleep 1000 & wait; wait; sleep 1000"), ['c ready']),
  bad('init-hangs', {}, [DEADLINE], {
    spec: { activeDeadlineSeconds: 2, initContainers: [script('i', WAIT)] },
  }),
  bad('init-fails', {}, ['i terminated Error 7: ', 'phase Failed'], {
    spec: { restartPolicy: 'Never', initContainers: [script('i', 'exit 7')] },
  }),
  bad('init-loops', {}, ['i waiting CrashLoopBackOff: ', 'c waiting PodInitializing: '], {
    spec: { initContainers: [script('i', 'exit 7')] },
  }),
  bad('sidecar-fails', {}, ['s waiting CrashLoopBackOff: ', 'c waiting PodInitializing: '], {
    spec: { initContainers: [script('s', 'exit 7', { restartPolicy: 'Always' })] },
  }),
  bad('message-place', { terminationMessagePath: '/etc' }, [
    /c waiting RunContainerError: .*to rootfs at "\/etc"/,
  ]),
  bad('finalizer', {}, ['c ready'], {
    metadata: { finalizers: ['example.com/never'] },
    also: keepsOnlyTheObject,
  }),
];

/** The name is free again at once, and what had it before is still being cleaned up. */
async function comesAgain(lab: Lab): Promise<void> {
  const { pod } = AGAIN;
  for (let i = 0; i < 20; i++) {
    await lab.deletePod('again', { gracePeriodSeconds: 0 });
    await lab.client.create(resources.pods, pod);
  }
  const { metadata } = await lab.running('again');
  await lab.until('only the last one is there', async () => {
    const containers = await lab.containers('_again_');
    return containers.length === 2 && containers.every((one) => one.includes(metadata?.uid ?? '?'));
  });
}

async function keepsOnlyTheObject(lab: Lab): Promise<void> {
  const where = { namespace: 'default', name: 'finalizer' };
  await lab.client.delete(resources.pods, where);
  await lab.until(
    'its containers go',
    async () => (await lab.containers('_finalizer_')).length === 0,
  );
  const pod = await lab.pod('finalizer');
  if (pod?.metadata?.deletionTimestamp === undefined) throw new Error('The object did not stay');
  await lab.client.patch(
    resources.pods,
    where,
    { metadata: { finalizers: null } },
    { type: 'merge' },
  );
}

const soon: Partial<Probe> = { periodSeconds: 1, timeoutSeconds: 1 };
const unhealthy = (words: string | RegExp) => [
  words instanceof RegExp ? words : `event Unhealthy Readiness probe failed: ${words}`,
];
function probed(
  name: string,
  probe: Probe,
  shows: Row['shows'],
  container: Partial<Container> = {},
  more: More = {},
): Row {
  return bad(name, { ...container, readinessProbe: { ...soon, ...probe } }, shows, more);
}
const serve = (answer: string) => ({
  command: ['node', '-e', `require("http").createServer((q, r) => ${answer}).listen(8080)`],
});

export const PROBES: readonly Row[] = [
  probed(
    'probe-port',
    { httpGet: { port: 9 } },
    unhealthy(
      /^event Unhealthy Readiness probe failed: Get "http:\/\/10\.[\d.]+:9\/": dial tcp 10\.[\d.]+:9: connect: connection refused/,
    ),
  ),
  probed(
    'probe-tcp',
    { tcpSocket: { port: 9 } },
    unhealthy(
      /^event Unhealthy Readiness probe failed: dial tcp 10\.[\d.]+:9: connect: connection refused/,
    ),
  ),
  probed(
    'probe-host',
    { httpGet: { port: 80, host: 'none.invalid' } },
    unhealthy(
      /^event Unhealthy Readiness probe failed: Get "http:\/\/none\.invalid:80\/": dial tcp: lookup none\.invalid: /,
    ),
  ),
  probed('probe-name', { httpGet: { port: 'none' } }, [
    "event Unhealthy Readiness probe errored and resulted in unknown state: couldn't find port: none",
  ]),
  probed(
    'probe-slow',
    { httpGet: { port: 8080 } },
    unhealthy(/Get "http:\/\/10\.[\d.]+:8080\/": context deadline exceeded/),
    { command: ['nc', '-lk', '8080'] },
  ),
  probed(
    'probe-huge',
    { httpGet: { port: 8080 } },
    ['c ready'],
    serve('{ const b = Buffer.alloc(1e6); const f = () => r.write(b, f); f(); }'),
  ),
  probed(
    'probe-grpc',
    { grpc: { port: 8080 } },
    [
      /^event Unhealthy Readiness probe failed: timeout: failed to connect service "10[\d.]+:8080" within 1s: context deadline exceeded/,
    ],
    serve('r.end("hello")'),
  ),
  probed(
    'probe-redirects',
    { httpGet: { port: 8080 } },
    [/^event Unhealthy Readiness probe failed: .*stopped after 10 redirects/],
    serve('r.writeHead(302, { location: "/" }).end()'),
  ),
  probed(
    'probe-hangs',
    // Its period leaves time in which none of them may be there.
    { ...exec('sh', '-c', 'sleep 54321; true'), periodSeconds: 3 },
    unhealthy(/^event Unhealthy Readiness probe failed: .*timed out/),
    {},
    {
      also: async (lab) => {
        const id = await lab.idOf('c_probe-hangs');
        await lab.until('no process of a probe that is over stays', async () => {
          const top = await shell('docker', ['top', id, '-eo', 'pid,args']);
          return !top.includes('sleep 54321');
        });
      },
    },
  ),
  probed('probe-none', exec('no-such-program'), [
    /^event Unhealthy Readiness probe (failed|errored).*no-such-program/,
  ]),
  bad('liveness', { livenessProbe: { ...soon, ...exec('false'), failureThreshold: 1 } }, [
    'event Unhealthy Liveness probe failed: ',
    'event Killing Container c failed liveness probe, will be restarted',
    'c restarts 1',
  ]),
];

const LOUD =
  'while :; do head -c 500000 /dev/zero | tr "\\0" x | fold -w 99; echo; sleep 0.1; done';

export const EATERS: readonly Row[] = [
  bad('loud', once(LOUD), ['c ready'], { also: logStaysSmall }),
  bad(
    'fork-bomb',
    { ...once('b() { b | b & b; }; b'), resources: { limits: { cpu: '200m' } } },
    [/c terminated (Error|OOMKilled) \d+: .*[Cc]annot fork/s],
    NEVER,
  ),
  bad(
    'zombies',
    once('i=0; while [ $i -lt 30 ]; do (sleep 0 &); i=$((i+1)); done; exec sleep 600'),
    ['c ready'],
  ),
];

/** 5 MB a second, two files of 1 MiB: soon there is more written than kept. */
async function logStaysSmall(lab: Lab): Promise<void> {
  await lab.until('its log was cut off', async () => {
    const { stdout } = await kubectl(lab, 'logs', 'loud', '--tail=5');
    return stdout.split('\n').length >= 5;
  });
  const { stdout } = await kubectl(lab, 'logs', 'loud');
  if (stdout.length > 2.2 * 1024 ** 2)
    throw new Error(`Of its log ${stdout.length} bytes are kept`);
}
