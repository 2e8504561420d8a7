// baseline: what no ordinary pod needs, and what would let it out of its box: the checks of the level baseline. Pure.
//
// Same checks and words upstream: pod-security-admission, policy/check_*.go, as of 1.33.

import type { SELinuxOptions } from 'kubernetes-types/core/v1';
import {
  type Check,
  type CheckHistory,
  distinct,
  named,
  namesOf,
  quoted,
  setters,
} from './check.ts';

/** What container runtimes give by default: asking for it asks for nothing. */
const CAPABILITIES: readonly string[] = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];
/** Kernel settings that count for the pod alone, as its namespaces keep them apart; the lists grow with the kernels that do. */
const SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_syncookies',
];
const SYSCTLS_27 = [...SYSCTLS, 'net.ipv4.ip_local_reserved_ports'];
const SYSCTLS_29 = [
  ...SYSCTLS_27,
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
];
const SYSCTLS_32 = [...SYSCTLS_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];
/** Types that confine a container; '' leaves the choice to the runtime. */
const SELINUX_TYPES = ['', 'container_init_t', 'container_kvm_t', 'container_t'];
const SELINUX_TYPES_31 = [...SELINUX_TYPES, 'container_engine_t'];
// The annotations of the time before there were fields. Kubelets no longer read them, but old manifests have them.
const APPARMOR_PREFIX = 'container.apparmor.security.beta.kubernetes.io/';
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';

/** A profile may be chosen, but not taken off. Fields and annotations are reported together. */
const appArmorProfile: Check = ({ annotations, spec, containers }) => {
  const isBad = (type: string | undefined) =>
    type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
  const bad = containers.filter(({ securityContext }) =>
    isBad(securityContext?.appArmorProfile?.type),
  );
  const podType = spec.securityContext?.appArmorProfile?.type;
  const who = setters(isBad(podType), bad);
  const types = bad.map(({ securityContext }) => securityContext?.appArmorProfile?.type ?? '');
  const fields = distinct([...(isBad(podType) ? [podType ?? ''] : []), ...types]);
  // Annotations name a container each; nobody checks that it exists.
  const noted = Object.entries(annotations)
    .filter(([key, value]) => key.startsWith(APPARMOR_PREFIX) && !isAllowedProfile(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  if (who === undefined && noted.length === 0) return undefined;
  const values = [...fields, ...noted];
  const annotation = noted.length === 1 ? 'annotation' : 'annotations';
  const all = [...(who === undefined ? [] : [who]), ...(noted.length === 0 ? [] : [annotation])];
  return {
    reason: values.length === 1 ? 'forbidden AppArmor profile' : 'forbidden AppArmor profiles',
    detail: `${all.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  };
};

function isAllowedProfile(profile: string): boolean {
  return profile === '' || profile === 'runtime/default' || profile.startsWith('localhost/');
}

/** In the node's namespaces a pod sees, and can signal or overhear, everything that runs there. */
const hostNamespaces: Check = ({ spec }) => {
  const fields = ['hostNetwork', 'hostPID', 'hostIPC'] as const;
  const set = fields.filter((field) => spec[field] === true).map((field) => `${field}=true`);
  return set.length === 0 ? undefined : { reason: 'host namespaces', detail: set.join(', ') };
};

/** A port of the node reaches past network policies, and is gone for everybody else. */
const hostPorts: Check = ({ containers }) => {
  const portsOf = ({ ports = [] }: (typeof containers)[number]) =>
    ports.flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));
  const bad = containers.filter((container) => portsOf(container).length > 0);
  if (bad.length === 0) return undefined;
  const ports = distinct(bad.flatMap(portsOf));
  const uses = bad.length === 1 ? 'uses' : 'use';
  const what = ports.length === 1 ? 'hostPort' : 'hostPorts';
  const detail = `${named('container', namesOf(bad))} ${uses} ${what} ${ports.join(', ')}`;
  return { reason: 'hostPort', detail };
};

/** A privileged container is root on the node in all but name. */
const privileged: Check = ({ containers }) => {
  const bad = containers.filter(({ securityContext }) => securityContext?.privileged === true);
  if (bad.length === 0) return undefined;
  const who = named('container', namesOf(bad));
  return { reason: 'privileged', detail: `${who} must not set securityContext.privileged=true` };
};

/** The runtime hides parts of /proc that tell of, or steer, the node. */
const procMount: Check = ({ containers }) => {
  const typeOf = ({ securityContext }: (typeof containers)[number]) =>
    securityContext?.procMount ?? 'Default';
  const bad = containers.filter((container) => typeOf(container) !== 'Default');
  if (bad.length === 0) return undefined;
  const types = quoted(distinct(bad.map(typeOf)));
  const who = named('container', namesOf(bad));
  return {
    reason: 'procMount',
    detail: `${who} must not set securityContext.procMount to ${types}`,
  };
};

/** Another type may confine less; another user or role may enter other types. */
function seLinuxOptions(allowedTypes: readonly string[]): Check {
  return ({ spec, containers }) => {
    const isBad = (options: SELinuxOptions | undefined) =>
      options !== undefined &&
      (!allowedTypes.includes(options.type ?? '') || !!options.user || !!options.role);
    const ofPod = spec.securityContext?.seLinuxOptions;
    const bad = containers.filter(({ securityContext }) => isBad(securityContext?.seLinuxOptions));
    const who = setters(isBad(ofPod), bad);
    if (who === undefined) return undefined;
    const all = [ofPod, ...bad.map(({ securityContext }) => securityContext?.seLinuxOptions)];
    const types = distinct(all.map((options) => options?.type ?? '')).filter(
      (type) => !allowedTypes.includes(type),
    );
    const data = [
      ...(types.length > 0 ? [named('type', types)] : []),
      ...(all.some((options) => options?.user) ? ['user may not be set'] : []),
      ...(all.some((options) => options?.role) ? ['role may not be set'] : []),
    ];
    const detail = `${who} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`;
    return { reason: 'seLinuxOptions', detail };
  };
}

/** All other settings change the node for everybody on it. */
function sysctls(allowed: readonly string[]): Check {
  return ({ spec }) => {
    const names = (spec.securityContext?.sysctls ?? []).map(({ name }) => name);
    const bad = names.filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
  };
}

/** The privileged container of Windows. */
const hostProcess: Check = ({ spec, containers }) => {
  const bad = containers.filter(
    ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true,
  );
  const who = setters(spec.securityContext?.windowsOptions?.hostProcess === true, bad);
  if (who === undefined) return undefined;
  const detail = `${who} must not set securityContext.windowsOptions.hostProcess=true`;
  return { reason: 'hostProcess', detail };
};

/** Whatever goes beyond the runtime's default, like SYS_ADMIN, is most of what root can do. */
const capabilities: Check = ({ containers }) => {
  const added = ({ securityContext }: (typeof containers)[number]) =>
    (securityContext?.capabilities?.add ?? []).filter((name) => !CAPABILITIES.includes(name));
  const bad = containers.filter((container) => added(container).length > 0);
  if (bad.length === 0) return undefined;
  const names = quoted(distinct(bad.flatMap(added)));
  const detail = `${named('container', namesOf(bad))} must not include ${names} in securityContext.capabilities.add`;
  return { reason: 'non-default capabilities', detail };
};

/** Files of the node: its credentials, its container runtime's socket, other pods' volumes. */
const hostPathVolumes: Check = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined);
  if (bad.length === 0) return undefined;
  return {
    reason: 'hostPath volumes',
    detail: named(
      'volume',
      bad.map(({ name }) => name),
    ),
  };
};

/** Until 1.18 profiles were annotations, of the pod and of each container by its name. */
const seccompAnnotations: Check = ({ annotations, containers }) => {
  const keys = [SECCOMP_POD, ...namesOf(containers).map((name) => SECCOMP_CONTAINER + name)];
  const isAllowed = (value: string) =>
    value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');
  const bad = distinct(
    keys.flatMap((key) => {
      const value = annotations[key];
      return value === undefined || isAllowed(value) ? [] : [`${key}=${JSON.stringify(value)}`];
    }),
  );
  if (bad.length === 0) return undefined;
  const what = bad.length === 1 ? 'annotation' : 'annotations';
  return { reason: 'seccompProfile', detail: `forbidden ${what} ${bad.join(', ')}` };
};

/** Only what is set wrongly; that nothing is set is a matter of the level restricted. */
export const seccompSetWrongly: Check = ({ spec, containers }) => {
  const isBad = (type: string | undefined) =>
    type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
  const ofPod = spec.securityContext?.seccompProfile?.type;
  const typeOf = ({ securityContext }: (typeof containers)[number]) =>
    securityContext?.seccompProfile?.type;
  const bad = containers.filter((container) => isBad(typeOf(container)));
  // What the pod says counts for containers that say nothing: it is blamed itself.
  const who = setters(isBad(ofPod), bad);
  if (who === undefined) return undefined;
  const types = distinct([
    ...(isBad(ofPod) ? [ofPod ?? ''] : []),
    ...bad.map((c) => typeOf(c) ?? ''),
  ]);
  const detail = `${who} must not set securityContext.seccompProfile.type to ${quoted(types)}`;
  return { reason: 'seccompProfile', detail };
};

/** In the order in which upstream reports them. */
export const BASELINE_CHECKS: readonly CheckHistory[] = [
  { versions: [{ sinceMinor: 0, check: appArmorProfile }] },
  // `strictSinceMinor`: from then on restricted.ts asks for the same, and more.
  { versions: [{ sinceMinor: 0, check: capabilities }], strictSinceMinor: 22 },
  { versions: [{ sinceMinor: 0, check: hostNamespaces }] },
  { versions: [{ sinceMinor: 0, check: hostPathVolumes }], strictSinceMinor: 0 },
  { versions: [{ sinceMinor: 0, check: hostPorts }] },
  { versions: [{ sinceMinor: 0, check: privileged }] },
  { versions: [{ sinceMinor: 0, check: procMount }] },
  {
    versions: [
      { sinceMinor: 0, check: seLinuxOptions(SELINUX_TYPES) },
      { sinceMinor: 31, check: seLinuxOptions(SELINUX_TYPES_31) },
    ],
  },
  {
    versions: [
      { sinceMinor: 0, check: seccompAnnotations },
      { sinceMinor: 19, check: seccompSetWrongly },
    ],
    strictSinceMinor: 19,
  },
  {
    versions: [
      { sinceMinor: 0, check: sysctls(SYSCTLS) },
      { sinceMinor: 27, check: sysctls(SYSCTLS_27) },
      { sinceMinor: 29, check: sysctls(SYSCTLS_29) },
      { sinceMinor: 32, check: sysctls(SYSCTLS_32) },
    ],
  },
  { versions: [{ sinceMinor: 0, check: hostProcess }] },
];
