// Bad wishes: rights that a container may not have, and room that the node has not.

import { bad, NEVER, once, type Row } from './row.ts';

const refused = (reason: string, message: string) => [
  `phase Failed ${reason}: Pod was rejected: ${message}`,
  `event ${reason} ${message}`,
];
const asks = (requests: Record<string, string>) => ({ resources: { requests } });

export const SECURITY: readonly Row[] = [
  bad('non-root-image', { securityContext: { runAsNonRoot: true } }, [
    'c waiting CreateContainerConfigError: container has runAsNonRoot and image will run as root (pod: "non-root-image_default(',
    'event Failed Error: container has runAsNonRoot and image will run as root',
  ]),
  bad('non-root-zero', { securityContext: { runAsNonRoot: true, runAsUser: 0 } }, [
    "c waiting CreateContainerConfigError: container's runAsUser breaks non-root policy",
  ]),
  bad('user-nobody-knows', { securityContext: { runAsUser: 2 ** 31 - 1 } }, ['c ready']),
  // There are machines that can.
  bad('privileged', { securityContext: { privileged: true } }, [
    /c ready|c waiting CreateContainerConfigError: .*privileged/,
  ]),
  bad('capability', { securityContext: { capabilities: { add: ['MAKE_COFFEE'] } } }, [
    /c waiting CreateContainer(Config)?Error: .*MAKE_COFFEE/,
  ]),
  bad(
    'seccomp',
    { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'none.json' } } },
    ['c waiting CreateContainerError: cannot load seccomp profile "', 'none.json'],
  ),
  bad(
    'sysctl',
    {},
    refused('SysctlForbidden', 'forbidden sysctl: "kernel.msgmax" not allowlisted'),
    {
      spec: { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } },
    },
  ),
  bad('sysctl-value', {}, ['event FailedCreatePodSandBox Failed to create pod sandbox: '], {
    spec: { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: 'maybe' }] } },
  }),
  bad(
    'read-only',
    { ...once('echo x > /file'), securityContext: { readOnlyRootFilesystem: true } },
    [/c terminated Error 2: .*Read-only file system/],
    NEVER,
  ),
  bad(
    'no-shell-rights',
    { ...once('echo x > /etc/passwd'), securityContext: { runAsUser: 1 } },
    [/c terminated Error 2: .*Permission denied/],
    NEVER,
  ),
];

export const ROOM: readonly Row[] = [
  bad('memory-tiny', { resources: { limits: { memory: '1Ki' } } }, [
    /c waiting CreateContainerError: .*Minimum memory limit allowed is/,
  ]),
  bad(
    'memory-exceeded',
    { command: ['tail', '/dev/zero'], resources: { limits: { memory: '20Mi' } } },
    ['c terminated OOMKilled 137: ', 'phase Failed'],
    NEVER,
  ),
  bad('cpu-zero', { resources: { limits: { cpu: '0' }, requests: { cpu: '0' } } }, ['c ready']),
  bad('cpu-most', asks({ cpu: '1000' }), [
    "phase Failed OutOfcpu: Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: ",
    "event OutOfcpu Node didn't have enough resource: cpu, requested: 1000000",
  ]),
  bad('memory-most', asks({ memory: '1Ei' }), [
    "phase Failed OutOfmemory: Pod was rejected: Node didn't have enough resource: memory",
  ]),
  bad('disk-most', asks({ 'ephemeral-storage': '1Ei' }), [
    "phase Failed OutOfephemeral-storage: Pod was rejected: Node didn't have enough resource: ephemeral-storage",
  ]),
  // Of a device that no node knows no node runs out.
  bad('device', { resources: { limits: { 'example.com/gpu': '1' } } }, ['c ready']),
  // The neighbour has it.
  bad(
    'port-taken',
    { ports: [{ containerPort: 80, hostPort: 31_245 }] },
    refused(
      'NodePorts',
      "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    ),
  ),
  bad(
    'node-other',
    {},
    refused(
      'NodeAffinity',
      "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    ),
    { spec: { nodeSelector: { disk: 'golden' } } },
  ),
  bad(
    'system-other',
    {},
    refused('PodOSNotSupported', "Failed to admit pod as the OS field doesn't match node OS"),
    {
      spec: { os: { name: 'windows' } },
    },
  ),
];
