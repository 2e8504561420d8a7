// The life of pods on real containers, as stock kubectl sees it: sidecars, deadlines, gates, hooks, debugging.

import type { Container, Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runTool } from '../../02-apiserver/test/support/tools.ts';
import { kubectl, kubectlCommand } from './kubectl.ts';
import { FOREVER, IMAGE, isReady, Lab, script, shell } from './lab.ts';
import { statusOf } from './objects.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ number: 210 });
});
afterAll(() => lab[Symbol.asyncDispose]());

async function print(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await kubectl(lab, ...args);
  expect({ args, code, stderr }).toMatchObject({ code: 0 });
  return stdout.trim();
}

/** NAME READY STATUS RESTARTS, as people read it. */
async function row(name: string): Promise<string> {
  const columns = (await print('get', 'pod', name, '--no-headers')).split(/\s+/);
  return columns.slice(0, 4).join(' ');
}

function sidecar(name: string, text: string, rest: Partial<Container> = {}): Container {
  return script(name, text, { restartPolicy: 'Always', ...rest });
}

/** A directory that all containers of a pod write to, and that outlives them. */
function shared(name: string) {
  const path = `${lab.rootDirectory}/shared-${name}`;
  const volumes = [{ name: 'work', hostPath: { path, type: 'DirectoryOrCreate' } }];
  const volumeMounts = [{ name: 'work', mountPath: '/work' }];
  return { volumes, volumeMounts, log: () => shell('cat', [`${path}/log`]) };
}

/** Often, and with time enough for a machine that is busy with other things. */
const SOON = { periodSeconds: 1, timeoutSeconds: 10 };
/** For who ends by himself: more than he needs, however busy the machine is. */
const IN_PEACE = { terminationGracePeriodSeconds: 60 };

/** Its first words come when it listens to the signal: a shell that is only just being started does not yet. */
const untilTermThen = (text: string, first = ':') =>
  `trap '${text}; exit 0' TERM; ${first}; ${FOREVER}`;

test.concurrent('a sidecar starts before the main container, is restarted beside it, and ends after it', async () => {
  const { volumes, volumeMounts, log } = shared('mesh');
  const command = (text: string) => ['sh', '-c', text];
  await lab.createPod('mesh', {
    ...IN_PEACE,
    volumes,
    initContainers: [
      sidecar('proxy', '', {
        volumeMounts,
        command: command(
          untilTermThen('echo proxy down >> /work/log', 'echo proxy up >> /work/log'),
        ),
        startupProbe: {
          ...{ exec: { command: ['test', '-e', '/work/log'] }, ...SOON },
          failureThreshold: 30,
        },
      }),
    ],
    containers: [
      script('app', '', {
        volumeMounts,
        command: command(
          untilTermThen('sleep 0.5; echo app down >> /work/log', 'echo app up >> /work/log'),
        ),
      }),
    ],
  });
  await lab.running('mesh');
  expect(await row('mesh')).toBe('mesh 2/2 Running 0');
  await shell('docker', ['kill', '--signal=KILL', await lab.idOf('proxy')]);
  const again = await lab.podWhen(
    'mesh',
    (pod) => proxyOf(pod)?.restartCount === 1 && isReady(pod),
  );
  expect(proxyOf(again)?.lastState?.terminated?.exitCode).toBe(137);
  expect(statusOf(again, 'app')?.restartCount).toBe(0);
  const up = 'proxy up\napp up\nproxy up';
  await lab.until('both have begun', async () => (await log()) === up);
  await kubectl(lab, 'delete', 'pod', 'mesh');
  expect(await log()).toBe(`${up}\napp down\nproxy down`);
});

function proxyOf(pod: Pod) {
  return pod.status?.initContainerStatuses?.find(({ name }) => name === 'proxy');
}

test.concurrent('a pod is completed when its main container is, whatever its sidecars would do', async () => {
  await lab.createPod('task', {
    restartPolicy: 'Never',
    initContainers: [sidecar('s', FOREVER)],
    containers: [script('main', 'sleep 0.5')],
  });
  const pod = await lab.podWhen('task', ({ status }) => status?.phase === 'Succeeded');
  expect(pod.status?.initContainerStatuses?.[0]?.state?.terminated).toBeDefined();
  expect(await row('task')).toBe('task 0/2 Completed 0');
});

test.concurrent('a pod that is active longer than it may be has failed with DeadlineExceeded', async () => {
  await lab.createPod('late', {
    ...IN_PEACE,
    containers: [script('c', untilTermThen(':', 'echo up'))],
  });
  await lab.running('late');
  await lab.until('it has begun', async () => (await print('logs', 'late')) === 'up');
  await print('patch', 'pod', 'late', '-p', '{"spec": {"activeDeadlineSeconds": 1}}');
  const { status } = await lab.podWhen('late', (pod) => pod.status?.phase === 'Failed');
  const message = 'Pod was active on the node longer than the specified deadline';
  expect(status).toMatchObject({ reason: 'DeadlineExceeded', message });
  expect(status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(0);
  await lab.eventWhen('late', `DeadlineExceeded ${message}`);
  expect(await print('get', 'pod', 'late', '-o', 'jsonpath={.status.reason}')).toBe(
    'DeadlineExceeded',
  );
});

test.concurrent('a pod with a readiness gate is ready when somebody else says so', async () => {
  await lab.createPod('gated', {
    readinessGates: [{ conditionType: 'example.com/ready' }],
    containers: [script('c', FOREVER)],
  });
  const conditionOf = (pod: Pod | undefined, type: string) =>
    pod?.status?.conditions?.find((condition) => condition.type === type);
  const closed = await lab.podWhen(
    'gated',
    (pod) => conditionOf(pod, 'ContainersReady')?.status === 'True',
  );
  expect(conditionOf(closed, 'Ready')).toMatchObject({
    status: 'False',
    reason: 'ReadinessGatesNotReady',
    message: 'corresponding condition of pod readiness gate "example.com/ready" does not exist.',
  });
  const say = (status: string) => {
    const conditions = [{ type: 'example.com/ready', status }];
    const patch = JSON.stringify({ status: { conditions } });
    return kubectl(lab, 'patch', 'pod', 'gated', '--subresource=status', '-p', patch);
  };
  await say('True');
  await lab.running('gated');
  await say('False');
  const unready = await lab.podWhen('gated', (pod) => !isReady(pod));
  expect(conditionOf(unready, 'example.com/ready')?.status).toBe('False');
  expect(conditionOf(unready, 'Ready')?.message).toBe(
    'the status of pod readiness gate "example.com/ready" is not "True", but False',
  );
});

test.concurrent('kubectl debug puts a container into a running pod, which sees the processes of its target', async () => {
  await lab.createPod('sick', { containers: [script('c', `: patient; ${FOREVER}`)] });
  await lab.running('sick');
  const args = ['sick', `--image=${IMAGE}`, '--target=c', '--container=doctor'];
  const look = "read word; tr '\\0' ' ' < /proc/1/cmdline; echo; hostname; echo heard $word";
  const seen = await inTerminal('hello\n', 'debug', '-it', ...args, '--', 'sh', '-c', look);
  expect(seen.stdout).toContain(': patient;');
  expect(seen.stdout).toMatch(/^sick\r?$/m);
  expect(seen.stdout).toContain('heard hello');
  expect(seen.code).toBe(0);
  const pod = await lab.podWhen('sick', (one) => doctorOf(one)?.state?.terminated !== undefined);
  expect(doctorOf(pod)).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 0 } } });
  expect(pod.status?.phase).toBe('Running');
  expect(await print('logs', 'sick', '-c', 'doctor')).toContain('heard hello');
  // The second is looked into from outside.
  const wait = ['debug', 'sick', `--image=${IMAGE}`, '--container=nurse', '--', 'sleep', '60'];
  await kubectl(lab, ...wait);
  await lab.podWhen('sick', ({ status }) =>
    Boolean(status?.ephemeralContainerStatuses?.[1]?.state?.running),
  );
  expect(await print('exec', 'sick', '-c', 'nurse', '--', 'hostname')).toBe('sick');
});

function doctorOf(pod: Pod) {
  return pod.status?.ephemeralContainerStatuses?.find(({ name }) => name === 'doctor');
}

/** As a person at a terminal types it. */
async function inTerminal(input: string, ...args: readonly string[]) {
  const all = await kubectlCommand(lab, ...args);
  const command = all.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ');
  return runTool('script', ['--quiet', '--return', '--command', command, '/dev/null'], { input });
}

/** Serves gRPC's health protocol: SERVING (08 01) until /tmp/sick is there, then NOT_SERVING (08 02). */
const HEALTH = `require("http2").createServer().on("stream", (s) => {
  s.respond({ "content-type": "application/grpc" }, { waitForTrailers: true });
  s.on("wantTrailers", () => s.sendTrailers({ "grpc-status": "0" }));
  s.end(Buffer.from([0, 0, 0, 0, 2, 8, require("fs").existsSync("/tmp/sick") ? 2 : 1]));
}).listen(9000)`;

test.concurrent('a gRPC probe asks the server in the pod', async () => {
  const readinessProbe = { grpc: { port: 9000 }, ...SOON, failureThreshold: 1 };
  await lab.createPod('grpc', {
    containers: [script('server', `node -e '${HEALTH}' & wait`, { readinessProbe })],
  });
  await lab.running('grpc');
  await lab.exec('server', 'touch', '/tmp/sick');
  await lab.podWhen('grpc', (pod) => !isReady(pod));
  const text = 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")';
  await lab.eventWhen('grpc', `Unhealthy ${text}`);
});

test.concurrent('a probe’s own grace period is shorter than its pod’s', async () => {
  const livenessProbe = {
    exec: { command: ['test', '!', '-e', '/tmp/sick'] },
    ...{ ...SOON, failureThreshold: 1, terminationGracePeriodSeconds: 1 },
  };
  await lab.createPod('deaf', {
    terminationGracePeriodSeconds: 600,
    containers: [
      {
        name: 'c',
        image: IMAGE,
        command: ['sh', '-c', "trap '' TERM; touch /tmp/sick; sleep 600"],
        livenessProbe,
      },
    ],
  });
  const pod = await lab.podWhen('deaf', (one) => (statusOf(one, 'c')?.restartCount ?? 0) > 0);
  expect(statusOf(pod, 'c')?.lastState?.terminated?.exitCode).toBe(137);
});

test.concurrent('hooks: after the start a command has run; before the end there is a while to sleep', async () => {
  const { volumes, volumeMounts, log } = shared('hooks');
  const stamp = (word: string) => `echo ${word} $(date +%s%N) >> /work/log`;
  await lab.createPod('hooks', {
    ...IN_PEACE,
    volumes,
    containers: [
      {
        ...{ name: 'c', image: IMAGE, volumeMounts },
        command: ['sh', '-c', untilTermThen(stamp('term'))],
        lifecycle: {
          postStart: { exec: { command: ['sh', '-c', stamp('started')] } },
          preStop: { sleep: { seconds: 1 } },
        },
      },
    ],
  });
  await lab.running('hooks');
  expect(await log()).toMatch(/^started \d+$/);
  const beganAtMs = Date.now();
  await lab.deletePod('hooks');
  const [, termAt = '0'] = /^term (\d+)$/m.exec(await log()) ?? [];
  expect(Number(termAt) / 1e6 - beganAtMs).toBeGreaterThan(990);
});

test.concurrent('hooks may be requests, to another container of the pod as well', async () => {
  const { volumes, volumeMounts, log } = shared('requests');
  const serve = `require("http").createServer((asked, answer) => {
    require("fs").appendFileSync("/work/log", asked.url + " " + asked.headers["user-agent"] + "\\n");
    answer.end();
  }).listen(8080)`;
  const request = (path: string) => ({ httpGet: { path, port: 8080 } });
  await lab.createPod('requests', {
    ...IN_PEACE,
    volumes,
    initContainers: [
      sidecar('web', `node -e '${serve}' & wait`, {
        volumeMounts,
        startupProbe: { tcpSocket: { port: 8080 }, ...SOON, failureThreshold: 30 },
      }),
    ],
    containers: [
      script('c', FOREVER, {
        lifecycle: { postStart: request('/started'), preStop: request('/stopping') },
      }),
    ],
  });
  await lab.running('requests');
  await lab.deletePod('requests');
  expect(await log()).toBe('/started kube-lifecycle/1.33\n/stopping kube-lifecycle/1.33');
});

test.concurrent('a hook that fails leaves PostStartHookError, and no word of what it said in the events', async () => {
  const lifecycle = { postStart: { exec: { command: ['sh', '-c', 'echo s3cret; exit 3'] } } };
  await lab.createPod('unhooked', { containers: [script('c', FOREVER, { lifecycle })] });
  await lab.eventWhen('unhooked', 'FailedPostStartHook PostStartHook failed');
  await lab.eventWhen('unhooked', 'Killing FailedPostStartHook');
  const pod = await lab.podWhen('unhooked', (one) =>
    /PostStartHookError|CrashLoopBackOff/.test(statusOf(one, 'c')?.state?.waiting?.reason ?? ''),
  );
  expect(statusOf(pod, 'c')?.lastState?.terminated).toBeDefined();
  expect((await lab.events('unhooked')).join()).not.toContain('s3cret');
});

test.concurrent('containers of a pod may share their processes', async () => {
  await lab.createPod('family', {
    shareProcessNamespace: true,
    containers: [script('a', `: elder; ${FOREVER}`), script('b', `: younger; ${FOREVER}`)],
  });
  await lab.running('family');
  const processes = await print('exec', 'family', '-c', 'b', '--', 'ps', 'axo', 'args');
  expect(processes).toContain(': elder;');
  expect(processes).toContain(': younger;');
});

test.concurrent('the last words of a container are what it wrote to its file, or the end of its log', async () => {
  const fallback = { terminationMessagePolicy: 'FallbackToLogsOnError' };
  const own = { ...fallback, terminationMessagePath: '/tmp/last' };
  await lab.createPod('words', {
    restartPolicy: 'Never',
    containers: [
      script('log', 'echo first; echo the end; exit 1', fallback),
      script('file', 'echo log; echo file > /tmp/last; exit 1', own),
      script('well', 'echo log; exit 0', fallback),
    ],
  });
  const pod = await lab.podWhen('words', ({ status }) => status?.phase === 'Failed');
  const said = (name: string) => statusOf(pod, name)?.state?.terminated?.message;
  expect(said('log')).toBe('first\nthe end\n');
  expect(said('file')).toBe('file\n');
  expect(said('well')).toBeUndefined();
});
