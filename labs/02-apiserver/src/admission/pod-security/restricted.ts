// restricted: a pod that needs no trust says so: the checks of the level restricted, besides those of baseline. Pure.
//
// Same checks and words upstream: pod-security-admission, policy/check_*.go, as of 1.33.

import type { Volume } from '../../strategy/pod-types.ts';
import { seccompSetWrongly } from './baseline.ts';
import {
  type Check,
  type CheckHistory,
  distinct,
  isWindows,
  named,
  namesOf,
  quoted,
  setters,
} from './check.ts';

/** What brings data of the pod itself, or of claims that somebody granted; all others reach servers and disks directly. */
const VOLUME_TYPES: readonly (keyof Volume)[] = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** Programs with the set-user-id bit give no more rights than the container has. It must be said: the default is yes. */
const allowPrivilegeEscalation: Check = ({ containers }) => {
  const bad = containers.filter(
    ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false,
  );
  if (bad.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${named('container', namesOf(bad))} must set securityContext.allowPrivilegeEscalation=false`,
  };
};

/** Nothing of root's powers is left, but to listen on a low port for those who ask for it. */
const capabilities: Check = ({ containers }) => {
  const keeping = containers.filter(
    ({ securityContext }) => !(securityContext?.capabilities?.drop ?? []).includes('ALL'),
  );
  const added = ({ securityContext }: (typeof containers)[number]) =>
    (securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
  const adding = containers.filter((container) => added(container).length > 0);
  const details = [
    ...(keeping.length > 0
      ? [
          `${named('container', namesOf(keeping))} must set securityContext.capabilities.drop=["ALL"]`,
        ]
      : []),
    ...(adding.length > 0
      ? [
          `${named('container', namesOf(adding))} must not include ${quoted(distinct(adding.flatMap(added)))} in securityContext.capabilities.add`,
        ]
      : []),
  ];
  if (details.length === 0) return undefined;
  return { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

/** Reported by name and by kind of source; a volume without any source is a kind of its own. */
const volumes: Check = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) =>
    VOLUME_TYPES.every((type) => volume[type] === undefined),
  );
  if (bad.length === 0) return undefined;
  const all = [...bad].sort((a, b) => (a.name < b.name ? -1 : 1));
  const types = all.map(({ name: _, ...source }) => Object.keys(source)[0] ?? 'unknown');
  // Whatever else a volume has besides its name is its source.
  const kinds = distinct(types);
  const what = kinds.length === 1 ? 'restricted volume type' : 'restricted volume types';
  const uses = all.length === 1 ? 'uses' : 'use';
  const names = distinct(all.map(({ name }) => name));
  const detail = `${named('volume', names)} ${uses} ${what} ${quoted(kinds)}`;
  return { reason: 'restricted volume types', detail };
};

/** Nobody is root, also where the image says so: the kubelet then refuses to start it. A container's word counts more than the pod's. */
const runAsNonRoot: Check = ({ spec, containers }) => {
  const ofPod = spec.securityContext?.runAsNonRoot;
  const bad = containers.filter(({ securityContext }) => securityContext?.runAsNonRoot === false);
  const who = setters(ofPod === false, bad);
  const reason = 'runAsNonRoot != true';
  if (who !== undefined) {
    return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  }
  const silent = containers.filter(
    ({ securityContext }) => ofPod !== true && securityContext?.runAsNonRoot === undefined,
  );
  if (silent.length === 0) return undefined;
  const detail = `pod or ${named('container', namesOf(silent))} must set securityContext.runAsNonRoot=true`;
  return { reason, detail };
};

/** The same in numbers, since 1.23. */
const runAsUser: Check = ({ spec, containers }) => {
  const bad = containers.filter(({ securityContext }) => securityContext?.runAsUser === 0);
  const who = setters(spec.securityContext?.runAsUser === 0, bad);
  if (who === undefined) return undefined;
  return { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
};

/** System calls are filtered, and it is said: without a word the filter is off. */
const seccompProfile: Check = (pod) => {
  const wrong = seccompSetWrongly(pod);
  if (wrong !== undefined) return wrong;
  if (pod.spec.securityContext?.seccompProfile !== undefined) return undefined;
  const silent = pod.containers.filter(
    ({ securityContext }) => securityContext?.seccompProfile === undefined,
  );
  if (silent.length === 0) return undefined;
  const who = `pod or ${named('container', namesOf(silent))}`;
  const detail = `${who} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`;
  return { reason: 'seccompProfile', detail };
};

/** Linux matters only; since 1.25 a pod can say that it is not for Linux. */
function notOnWindows(check: Check): Check {
  return (pod) => (isWindows(pod) ? undefined : check(pod));
}

export const RESTRICTED_CHECKS: readonly CheckHistory[] = [
  {
    versions: [
      { sinceMinor: 8, check: allowPrivilegeEscalation },
      { sinceMinor: 25, check: notOnWindows(allowPrivilegeEscalation) },
    ],
  },
  {
    versions: [
      { sinceMinor: 22, check: capabilities },
      { sinceMinor: 25, check: notOnWindows(capabilities) },
    ],
  },
  { versions: [{ sinceMinor: 0, check: volumes }] },
  { versions: [{ sinceMinor: 0, check: runAsNonRoot }] },
  { versions: [{ sinceMinor: 23, check: runAsUser }] },
  {
    versions: [
      { sinceMinor: 19, check: seccompProfile },
      { sinceMinor: 25, check: notOnWindows(seccompProfile) },
    ],
  },
];
