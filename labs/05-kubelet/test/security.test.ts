// What a security context becomes: users and groups, what is refused and in which words, seccomp, sysctls.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, PodSpec } from 'kubernetes-types/core/v1';
import { describe, expect, onTestFinished, test } from 'vitest';
import { capabilityProblem, missingCapabilities } from '#src/container/capabilities.ts';
import { securityFeatures, sysctlAllowlist } from '#src/container/pod-admission.ts';
import { seccompOf } from '#src/container/seccomp.ts';
import { dependsOnImageUser, securityOf, securityProblem } from '#src/container/security.ts';
import { container, pod } from './objects.ts';

type Context = NonNullable<Container['securityContext']>;
type PodContext = NonNullable<PodSpec['securityContext']>;

/** The machine of this project: all but CAP_SYS_RESOURCE. */
const STATUS = 'Name:\tinit\nCapBnd:\t000001fffeffffff\n';

describe('securityOf()', () => {
  test.each<{ name: string; own?: Context; shared?: PodContext; image?: string; want: object }>([
    { name: 'nothing: the image decides', image: 'app', want: { groups: [] } },
    {
      name: 'the container’s user before the pod’s',
      own: { runAsUser: 1 },
      shared: { runAsUser: 2, runAsGroup: 3 },
      want: { user: '1:3' },
    },
    { name: 'a user alone', shared: { runAsUser: 2 }, want: { user: '2' } },
    { name: 'a group alone: root’s', own: { runAsGroup: 3 }, want: { user: '0:3' } },
    {
      name: 'a group alone: the image’s user’s',
      own: { runAsGroup: 3 },
      image: 'app:staff',
      want: { user: 'app:3' },
    },
    {
      name: 'groups of the pod',
      shared: { supplementalGroups: [5, 6], fsGroup: 7 },
      want: { groups: ['5', '6', '7'] },
    },
    {
      name: 'capabilities, a read-only root, no new privileges',
      own: {
        capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
      },
      want: {
        capabilitiesAdd: ['NET_ADMIN'],
        capabilitiesDrop: ['ALL'],
        readOnlyRootFilesystem: true,
        noNewPrivileges: true,
      },
    },
  ])('$name', ({ own = {}, shared = {}, image, want }) => {
    const spec = container('c', { securityContext: own });
    expect(securityOf(pod({ securityContext: shared }), spec, image)).toMatchObject(want);
  });
});

describe('dependsOnImageUser()', () => {
  test.each<{ own: Context; shared?: PodContext; want: boolean }>([
    { own: {}, want: false },
    { own: { runAsGroup: 3 }, want: true },
    { own: {}, shared: { runAsNonRoot: true }, want: true },
    { own: { runAsNonRoot: true, runAsUser: 1 }, want: false },
    { own: { runAsNonRoot: false }, shared: { runAsNonRoot: true }, want: false },
    { own: { runAsGroup: 3 }, shared: { runAsUser: 1 }, want: false },
  ])('$own with $shared: $want', ({ own, shared = {}, want }) => {
    const spec = container('c', { securityContext: own });
    expect(dependsOnImageUser(pod({ securityContext: shared }), spec)).toBe(want);
  });
});

describe('securityProblem()', () => {
  const subject = '(pod: "web_default(u1)", container: c)';
  test.each<{ own: Context; shared?: PodContext; image: string; want: string | undefined }>([
    { own: {}, image: '', want: undefined },
    { own: { runAsNonRoot: false }, shared: { runAsNonRoot: true }, image: '', want: undefined },
    {
      own: { runAsNonRoot: true, runAsUser: 0 },
      image: '7',
      want: `container's runAsUser breaks non-root policy ${subject}`,
    },
    { own: { runAsNonRoot: true, runAsUser: 7 }, image: '', want: undefined },
    {
      own: {},
      shared: { runAsNonRoot: true },
      image: '',
      want: `container has runAsNonRoot and image will run as root ${subject}`,
    },
    {
      own: { runAsNonRoot: true },
      image: '0:0',
      want: `container has runAsNonRoot and image will run as root ${subject}`,
    },
    { own: { runAsNonRoot: true }, image: '7:7', want: undefined },
    {
      own: { runAsNonRoot: true },
      image: 'app:app',
      want: `container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root ${subject}`,
    },
  ])('$own with $shared on an image of "$image": $want', (row) => {
    const { own, shared = {}, image: imageUser, want } = row;
    const subject = pod({ securityContext: shared });
    const spec = container('c', { securityContext: own });
    expect(securityProblem(subject, spec, { imageUser, missingCapabilities: [] })).toBe(want);
  });
});

describe('capabilityProblem()', () => {
  const missing = missingCapabilities(STATUS);
  const one = { name: 'c', privileged: false, add: [] };
  const why = 'but this machine lets no process have CAP_SYS_RESOURCE';
  test.each([
    { name: 'nothing special', wanted: one, want: undefined },
    { name: 'what there is', wanted: { ...one, add: ['NET_ADMIN'] }, want: undefined },
    {
      name: 'privileged',
      wanted: { ...one, privileged: true },
      want: `container c asks to be privileged, ${why}`,
    },
    {
      name: 'all',
      wanted: { ...one, add: ['ALL'] },
      want: `container c asks to have all capabilities, ${why}`,
    },
    {
      name: 'what there is not',
      wanted: { ...one, add: ['CAP_SYS_RESOURCE'] },
      want: `container c asks to have CAP_SYS_RESOURCE, ${why}`,
    },
  ])('$name', ({ wanted, want }) => {
    const problem = capabilityProblem(wanted, missing);
    if (want === undefined) expect(problem).toBeUndefined();
    else expect(problem).toMatch(new RegExp(`^${want}`));
  });

  test('a machine that has all, or does not tell, refuses nothing', () => {
    expect(missing).toEqual(['SYS_RESOURCE']);
    expect(missingCapabilities('CapBnd:\t000001ffffffffff\n')).toEqual([]);
    expect(missingCapabilities('Name:\tinit\n')).toEqual([]);
  });
});

describe('seccompOf()', () => {
  const of = async (own: Context, shared: PodContext = {}, seccompDefault = false) => {
    const root = await mkdtemp(join(tmpdir(), 'kubelet-seccomp-'));
    onTestFinished(() => rm(root, { recursive: true, force: true }));
    await writeFile(join(root, 'fine.json'), '{\n "defaultAction": "SCMP_ACT_ALLOW"\n}');
    await writeFile(join(root, 'torn.json'), '{');
    const files = { seccompDefault, seccompProfileRoot: root };
    return seccompOf(
      pod({ securityContext: shared }),
      container('c', { securityContext: own }),
      files,
    );
  };
  const local = (localhostProfile: string): Context => ({
    seccompProfile: { type: 'Localhost', localhostProfile },
  });

  test('nobody’s word is Unconfined, or the kubelet’s', async () => {
    expect(await of({})).toBe('unconfined');
    expect(await of({}, {}, true)).toBeUndefined();
  });
  test('the container’s profile goes before the pod’s, and privileged before both', async () => {
    const engine = { seccompProfile: { type: 'RuntimeDefault' } } as const;
    const none = { seccompProfile: { type: 'Unconfined' } } as const;
    expect(await of({}, engine)).toBeUndefined();
    expect(await of(none, engine, true)).toBe('unconfined');
    expect(await of({ privileged: true }, engine)).toBe('unconfined');
  });
  test('a file of the node is read, and must be there', async () => {
    expect(await of(local('fine.json'))).toEqual({
      profile: '{"defaultAction":"SCMP_ACT_ALLOW"}',
    });
    await expect(of(local('none.json'))).rejects.toThrow(
      /^cannot load seccomp profile ".*\/none.json": no such file$/,
    );
    await expect(of(local('torn.json'))).rejects.toThrow('it is not JSON');
    await expect(of(local('../../../etc/passwd'))).rejects.toThrow(
      /kubelet-seccomp-.*no such file/,
    );
  });
});

describe('admission', () => {
  const refused = (reason: string, message: string) => ({ admitted: false, reason, message });
  const sysctl = (name: string, rest: Partial<PodSpec> = {}) =>
    pod({ securityContext: { sysctls: [{ name, value: '1' }] }, ...rest });

  test.each([
    { name: 'a safe one', subject: sysctl('net.ipv4.tcp_syncookies'), want: undefined },
    { name: 'a safe one with slashes', subject: sysctl('kernel/shm_rmid_forced'), want: undefined },
    {
      name: 'an unsafe one',
      subject: sysctl('kernel.shmmax'),
      want: 'forbidden sysctl: "kernel.shmmax" not allowlisted',
    },
    { name: 'an unsafe one that is allowed', subject: sysctl('kernel.msgmax'), want: undefined },
    { name: 'one of an allowed family', subject: sysctl('net.core.somaxconn'), want: undefined },
    {
      name: 'one of the node’s network',
      subject: sysctl('net.ipv4.tcp_syncookies', { hostNetwork: true }),
      want: 'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
    },
    {
      name: 'one of the node’s IPC',
      subject: sysctl('kernel.shm_rmid_forced', { hostIPC: true }),
      want: 'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host ipc enabled',
    },
  ])('sysctl: $name', ({ subject, want }) => {
    const answer = sysctlAllowlist(['kernel.msgmax', 'net.core.*']).admit(subject, []);
    expect(answer).toEqual(
      want === undefined ? { admitted: true } : refused('SysctlForbidden', want),
    );
  });

  test('what the node does not have is said in upstream’s words', () => {
    const admit = (spec: Partial<PodSpec>, appArmor = false) =>
      securityFeatures({ appArmor }).admit(pod(spec), []);
    const strict: object = { supplementalGroupsPolicy: 'Strict' };
    expect(admit({ securityContext: strict })).toEqual(
      refused(
        'SupplementalGroupsPolicyNotSupported',
        'SupplementalGroupsPolicy=Strict is not supported in this node',
      ),
    );
    const armored = { appArmorProfile: { type: 'RuntimeDefault' } } as const;
    const inContainer = { containers: [container('c', { securityContext: armored })] };
    const missing = refused(
      'AppArmor',
      'Cannot enforce AppArmor: AppArmor is not enabled on the host',
    );
    expect(admit({ securityContext: armored })).toEqual(missing);
    expect(admit(inContainer)).toEqual(missing);
    expect(admit(inContainer, true)).toEqual({ admitted: true });
    expect(admit({ securityContext: { appArmorProfile: { type: 'Unconfined' } } })).toEqual({
      admitted: true,
    });
  });
});
