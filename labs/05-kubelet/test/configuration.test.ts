// Configuration as containers find it: users, groups, capabilities, seccomp, variables, names, resolvers, cgroups; and what is
// refused, in words that kubectl shows.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resources } from '@kube-labs/apiserver';
import type { Container, PodSpec } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { missingCapabilities } from '#src/container/capabilities.ts';
import { kubectl } from './kubectl.ts';
import { FOREVER, IMAGE, Lab, script } from './lab.ts';
import { statusOf } from './objects.ts';

const folder = mkdtempSync(join(tmpdir(), 'kubelet-configuration-'));
const MISSING = missingCapabilities(readFileSync('/proc/1/status', 'utf8'));

let lab: Lab;
beforeAll(async () => {
  const resolver = join(folder, 'resolv.conf');
  writeFileSync(resolver, 'search node.example\nnameserver 192.0.2.53\n');
  lab = await Lab.start({ number: 231, flags: [`--resolv-conf=${resolver}`] });
  const profiles = join(lab.rootDirectory, 'seccomp');
  mkdirSync(profiles);
  const denied = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' };
  const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [denied] };
  writeFileSync(join(profiles, 'no-mkdir.json'), JSON.stringify(profile));
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

type Rest = Partial<Container>;
const forever = (name: string, rest: Rest = {}) => script(name, FOREVER, rest);

async function withPod(
  name: string,
  spec: Partial<PodSpec> & { containers: Container[] },
  look: () => Promise<void>,
): Promise<void> {
  await lab.createPod(name, spec);
  await lab.running(name);
  await look();
  await lab.deletePod(name);
}

/** Out of a container of a pod, as a person gets it. */
async function inside(pod: string, container: string, ...command: string[]): Promise<string> {
  const ran = await kubectl(lab, 'exec', pod, '-c', container, '--', ...command);
  expect(ran).toMatchObject({ code: 0 });
  return ran.stdout.trim();
}

test.concurrent('users, groups, capabilities and a read-only root are the container’s', async () => {
  const data = [{ name: 'data', mountPath: '/data' }];
  const restricted = {
    runAsUser: 0,
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
  };
  const spec = {
    securityContext: {
      runAsUser: 1000,
      runAsGroup: 3000,
      fsGroup: 2000,
      supplementalGroups: [4000],
    },
    volumes: [{ name: 'data', emptyDir: {} }],
    containers: [
      forever('shared', { volumeMounts: data }),
      forever('restricted', { volumeMounts: data, securityContext: restricted }),
    ],
  };
  await withPod('users', spec, async () => {
    const ids = await inside('users', 'shared', 'sh', '-c', 'id -u; id -g; id -G; touch /data/x');
    expect(ids.split('\n')).toEqual(['1000', '3000', '3000 2000 4000']);
    const look = 'id -u; stat -c "%u %g" /data/x; grep -E "CapEff|NoNewPrivs" /proc/1/status';
    const seen = await inside('users', 'restricted', 'sh', '-c', `${look}; touch /x 2>&1 || true`);
    expect(seen.split('\n')).toEqual([
      '0',
      '1000 2000',
      // Bit 10.
      'CapEff:\t0000000000000400',
      'NoNewPrivs:\t1',
      "touch: cannot touch '/x': Read-only file system",
    ]);
  });
});

test.concurrent('a group alone goes with the image’s own user', async () => {
  const securityContext = { runAsGroup: 3000 };
  await withPod('group', { containers: [forever('group', { securityContext })] }, async () => {
    expect(await lab.exec('group', 'sh', '-c', 'id -u; id -g')).toBe('0\n3000');
  });
});

test.concurrent('what a container may ask of the kernel is as its seccomp profile says', async () => {
  const engine = { type: 'RuntimeDefault' } as const;
  const local = { type: 'Localhost', localhostProfile: 'no-mkdir.json' } as const;
  const containers = [
    forever('free'),
    forever('default', { securityContext: { seccompProfile: engine } }),
    forever('local', { securityContext: { seccompProfile: local } }),
  ];
  await withPod('seccomp', { containers }, async () => {
    const mode = (name: string) => lab.exec(name, 'grep', 'Seccomp:', '/proc/1/status');
    expect(await mode('free')).toBe('Seccomp:\t0');
    expect(await mode('default')).toBe('Seccomp:\t2');
    expect(await lab.exec('local', 'sh', '-c', 'mkdir /x 2>&1 || true')).toContain(
      'Operation not permitted',
    );
    expect(await lab.exec('default', 'sh', '-c', 'mkdir /x && echo made')).toBe('made');
  });
});

test.concurrent('what cannot be given is refused in words, and the other containers run', async () => {
  const securityContext = (context: Container['securityContext']): Rest =>
    context === undefined ? {} : { securityContext: context };
  const lost = { type: 'Localhost', localhostProfile: 'none.json' } as const;
  await lab.createPod('refused', {
    containers: [
      forever('well'),
      forever('root', securityContext({ runAsNonRoot: true })),
      forever('small', { resources: { limits: { memory: '1Mi' } } }),
      forever('unlisted', securityContext({ seccompProfile: lost })),
    ],
  });
  const waiting = async (container: string, reason: string) => {
    const told = await lab.podWhen(
      'refused',
      (pod) => statusOf(pod, container)?.state?.waiting?.reason === reason,
    );
    return statusOf(told, container)?.state?.waiting?.message;
  };
  expect(await waiting('root', 'CreateContainerConfigError')).toMatch(
    /^container has runAsNonRoot and image will run as root \(pod: "refused_default\(.*\)", container: root\)$/,
  );
  expect(await waiting('small', 'CreateContainerError')).toContain(
    'Minimum memory limit allowed is 6MB',
  );
  expect(await waiting('unlisted', 'CreateContainerError')).toMatch(
    /^cannot load seccomp profile ".*\/seccomp\/none.json": no such file$/,
  );
  const running = await lab.podWhen('refused', (pod) => statusOf(pod, 'well')?.ready === true);
  expect(running.status?.phase).toBe('Pending');
  // Events are written beside the work, and may come after the status.
  await vi.waitFor(async () => {
    const { stdout } = await kubectl(lab, 'describe', 'pod', 'refused');
    expect(stdout).toMatch(
      /Warning\s+Failed.*Error: container has runAsNonRoot and image will run/,
    );
  });
  await lab.deletePod('refused');
});

test.concurrent.each([
  { name: 'privileged', securityContext: { privileged: true }, what: 'be privileged' },
  {
    name: 'resourceful',
    securityContext: { capabilities: { add: MISSING.slice(0, 1) } },
    what: `have CAP_${MISSING[0]}`,
  },
])('a $name container runs, or is told what the machine keeps back', async (row) => {
  const { name, securityContext, what } = row;
  await lab.createPod(name, { containers: [forever(name, { securityContext })] });
  const refusal = `Failed Error: container ${name} asks to ${what}, but this machine lets no process have CAP_${MISSING[0]}`;
  await (MISSING.length === 0 ? lab.running(name) : lab.eventWhen(name, refusal));
  await lab.deletePod(name);
});

test.concurrent('a sysctl that reaches beyond the pod is refused before anything starts', async () => {
  const sysctls = [{ name: 'kernel.shmmax', value: '1' }];
  await lab.createPod('sysctl', { securityContext: { sysctls }, containers: [forever('sysctl')] });
  const pod = await lab.podWhen('sysctl', ({ status }) => status?.phase === 'Failed');
  expect(pod.status?.reason).toBe('SysctlForbidden');
  expect(pod.status?.message).toContain('forbidden sysctl: "kernel.shmmax" not allowlisted');
  expect(await lab.containers('sysctl')).toEqual([]);
  await lab.deletePod('sysctl');
  const safe = [{ name: 'net.ipv4.tcp_syncookies', value: '0' }];
  const spec = { securityContext: { sysctls: safe }, containers: [forever('safe')] };
  await withPod('safe', spec, async () => {
    expect(await lab.exec('safe', 'cat', '/proc/sys/net/ipv4/tcp_syncookies')).toBe('0');
  });
});

test.concurrent('variables come from everywhere, a thousand of them, and commands use them', async () => {
  const namespace = 'default';
  const data = { COLOR: 'blue', SIZE: 'small', '1st': 'skipped' };
  await lab.client.create(resources.configMaps, { metadata: { name: 'conf', namespace }, data });
  const secret = { PASSWORD: Buffer.from('s3').toString('base64') };
  await lab.client.create(resources.secrets, {
    metadata: { name: 'key', namespace },
    data: secret,
  });
  const port = { name: 'db', port: 6379 };
  await lab.client.create(resources.services, {
    metadata: { name: 'redis', namespace },
    spec: { ports: [port] },
  });
  const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
  const many = [...Array(1_000).keys()].map((index) => ({ name: `V${index}`, value: `${index}` }));
  const containers = [
    {
      ...{ name: 'env', image: IMAGE, imagePullPolicy: 'IfNotPresent', workingDir: '/usr/share' },
      command: ['sh', '-c', 'echo "$0" "$@" > /dev/termination-log; exec sleep infinity'],
      args: ['$(COLOR)', '$$(COLOR)', '$(NOBODY)', '$(BOTH)'],
      envFrom: [
        { configMapRef: { name: 'conf' } },
        { prefix: 'S_', secretRef: { name: 'key' } },
        { configMapRef: { name: 'nobody', optional: true } },
      ],
      env: [
        { name: 'SIZE', value: 'large' },
        { name: 'BOTH', value: '$(SIZE)-$(S_PASSWORD)-$(REDIS_SERVICE_PORT)' },
        { name: 'NAME', ...field('metadata.name') },
        { name: 'LABEL', ...field("metadata.labels['app']") },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'requests.cpu' } } },
        { name: 'ONE', valueFrom: { configMapKeyRef: { name: 'conf', key: 'COLOR' } } },
        ...many,
      ],
      resources: { requests: { cpu: '1500m' } },
    },
  ];
  await withPod('env', { containers, terminationGracePeriodSeconds: 0 }, async () => {
    const variables = new Set((await inside('env', 'env', 'env')).split('\n'));
    const want = ['COLOR=blue', 'SIZE=large', 'S_PASSWORD=s3', 'BOTH=large-s3-6379', 'NAME=env'];
    const rest = ['LABEL=', 'CPU=2', 'ONE=blue', 'V999=999', 'REDIS_PORT_6379_TCP_PROTO=tcp'];
    for (const variable of [...want, ...rest]) expect(variables).toContain(variable);
    expect([...variables].filter((variable) => /^V\d+=/.test(variable))).toHaveLength(1_000);
    const said = 'pwd; tr "\\0" " " < /proc/1/cmdline; cat /dev/termination-log';
    expect((await lab.exec('env', 'sh', '-c', said)).split('\n')).toEqual([
      '/usr/share',
      'sleep infinity blue $(COLOR) $(NOBODY) large-s3-6379',
    ]);
    await lab.eventWhen(
      'env',
      'InvalidEnvironmentVariableNames Keys [1st] from the EnvFrom configMap default/conf were skipped since they are considered invalid environment variable names.',
    );
  });
});

test.concurrent('a pod is called as it wants, and asks whom it wants', async () => {
  const hostAliases = [{ ip: '192.0.2.7', hostnames: ['seven', 'seven.example'] }];
  const dnsConfig = {
    nameservers: ['192.0.2.1', '192.0.2.2', '192.0.2.3'],
    searches: ['mine.example'],
    options: [{ name: 'ndots', value: '2' }, { name: 'rotate' }],
  };
  const names = { hostname: 'db-0', subdomain: 'db', setHostnameAsFQDN: true };
  const spec = { ...names, hostAliases, dnsConfig, containers: [forever('names')] };
  await withPod('names', spec, async () => {
    const full = 'db-0.db.default.svc.cluster.local';
    const look = 'hostname; grep db-0 /etc/hosts; grep seven /etc/hosts; cat /etc/resolv.conf';
    const seen = (await inside('names', 'names', 'sh', '-c', look)).split('\n');
    expect(seen[0]).toBe(full);
    expect(seen[1]).toMatch(new RegExp(`\\t${full}\\tdb-0$`));
    expect(seen[2]).toMatch(/^192.0.2.7\tseven\tseven.example$/);
    expect(seen.slice(3)).toEqual([
      'search default.svc.cluster.local svc.cluster.local cluster.local node.example mine.example',
      'nameserver 10.96.0.10',
      'nameserver 192.0.2.1',
      'nameserver 192.0.2.2',
      'options ndots:2 rotate',
    ]);
    await lab.eventWhen(
      'names',
      'DNSConfigForming Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.96.0.10 192.0.2.1 192.0.2.2',
    );
  });
});

test.concurrent('a name that the kernel cannot hold keeps its pod from starting', async () => {
  const names = { hostname: 'a'.repeat(40), subdomain: 'db', setHostnameAsFQDN: true };
  await lab.createPod('long', { ...names, containers: [forever('long')] });
  await lab.eventWhen(
    'long',
    /FailedCreatePodSandBox Failed to create pod sandbox: failed to construct FQDN .* is too long \(64 characters is the max, 69 characters requested\)/,
  );
  await lab.deletePod('long');
});

test.concurrent('a pod of the node sees the node’s processes, IPC and resolver', async () => {
  const host = { hostPID: true, hostIPC: true, dnsPolicy: 'Default' };
  await withPod('node', { ...host, containers: [forever('node')] }, async () => {
    const own = readFileSync('/proc/1/comm', 'utf8');
    const look = 'cat /proc/1/comm; cat /etc/resolv.conf';
    expect(await lab.exec('node', 'sh', '-c', look)).toBe(
      `${own}search node.example\nnameserver 192.0.2.53`,
    );
  });
});

test.concurrent('requests and limits are the cgroup’s, and the class decides who is killed first', async () => {
  const amounts = { cpu: '250m', memory: '64Mi' };
  const containers = [
    forever('bounded', { resources: { limits: amounts, requests: { ...amounts, cpu: '100m' } } }),
    forever('greedy'),
  ];
  await withPod('classes', { containers }, async () => {
    expect((await lab.pod('classes'))?.status?.qosClass).toBe('Burstable');
    const cgroup = '/sys/fs/cgroup';
    const files = ['cpu/cpu.shares', 'cpu/cpu.cfs_quota_us', 'memory/memory.limit_in_bytes'];
    const look = `cd ${cgroup}; if [ -f cpu.max ]; then cat cpu.max memory.max; else cat ${files.join(' ')}; fi`;
    const seen = (await lab.exec('bounded', 'sh', '-c', look)).split('\n');
    expect(seen).toEqual(
      seen.length === 3 ? ['102', '25000', '67108864'] : ['25000 100000', '67108864'],
    );
    const score = async (name: string) =>
      Number(await lab.exec(name, 'cat', '/proc/1/oom_score_adj'));
    expect(await score('greedy')).toBe(999);
    expect(await score('bounded')).toBeLessThan(999);
  });
  await withPod('nothing', { containers: [forever('nothing')] }, async () => {
    expect((await lab.pod('nothing'))?.status?.qosClass).toBe('BestEffort');
    expect(await lab.exec('nothing', 'cat', '/proc/1/oom_score_adj')).toBe('1000');
  });
});
