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

const volumes: Check = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) =>
    VOLUME_TYPES.every((type) => volume[type] === undefined),
  );
  if (bad.length === 0) return undefined;
  const all = [...bad].sort((a, b) => (a.name < b.name ? -1 : 1));
  const types = all.map(({ name: _, ...source }) => Object.keys(source)[0] ?? 'unknown');
  const kinds = distinct(types);
  const what = kinds.length === 1 ? 'restricted volume type' : 'restricted volume types';
  const uses = all.length === 1 ? 'uses' : 'use';
  const names = distinct(all.map(({ name }) => name));
  const detail = `${named('volume', names)} ${uses} ${what} ${quoted(kinds)}`;
  return { reason: 'restricted volume types', detail };
};

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

const runAsUser: Check = ({ spec, containers }) => {
  const bad = containers.filter(({ securityContext }) => securityContext?.runAsUser === 0);
  const who = setters(spec.securityContext?.runAsUser === 0, bad);
  if (who === undefined) return undefined;
  return { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
};

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
