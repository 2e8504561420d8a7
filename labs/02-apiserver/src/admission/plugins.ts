// plugins: which admission plugins run, and in which order.
//
// The order is upstream's: it decides what a later plugin sees of an earlier one's work, so it is no matter of taste or of flags. Flags only
// say which of them run: those that are on by default, and those of --enable-admission-plugins, without those of
// --disable-admission-plugins.
//
// To add a plugin: its file, and one line in MAKERS. `isDefault` says whether it runs when no flag speaks of it.
//
// Same lists upstream: pkg/kubeapiserver/options/plugins.go.

import {
  certificateApproval,
  certificateSigning,
  certificateSubjectRestriction,
} from '../auth/certificate-admission.ts';
import { nodeLookups } from '../authz/build-authorization.ts';
import type { EscalationDeps } from '../authz/escalation.ts';
import type { ServerEnv } from '../server/server-env.ts';
import { AdmissionChain, type AdmissionPlugin } from './admission.ts';
import type { AdmissionMetrics } from './admission-metrics.ts';
import { claimResize } from './claim-resize.ts';
import { defaultIngressClass, defaultStorageClass } from './default-classes.ts';
import { defaultTolerationSeconds } from './default-tolerations.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { podSecurity } from './pod-security/plugin.ts';
import { priority } from './priority.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { runtimeClass } from './runtime-class.ts';
import { type ServiceAccountOptions, serviceAccount } from './service-account.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';
import { mutatingWebhooks } from './webhook/mutating.ts';
import { validatingWebhooks } from './webhook/validating.ts';

/** What a plugin may use. Registries may be kept, nothing may be read before the server listens. */
export interface AdmissionEnv extends Pick<ServerEnv, 'table' | 'store' | 'clock' | 'log'> {
  /** Who may give which rights away. */
  readonly escalation: EscalationDeps;
  readonly metrics?: AdmissionMetrics | undefined;
}

export interface AdmissionOptions {
  /** Plugins that run although they do not by default. */
  readonly enable?: readonly string[];
  /** Plugins that do not run. */
  readonly disable?: readonly string[];
  readonly defaultNotReadyTolerationSeconds?: number;
  readonly defaultUnreachableTolerationSeconds?: number;
  readonly serviceAccounts?: ServiceAccountOptions;
}

interface Maker {
  readonly isDefault: boolean;
  readonly make: (env: AdmissionEnv, options: AdmissionOptions) => AdmissionPlugin;
}

const MAKERS: Readonly<Partial<Record<string, Maker>>> = {
  NamespaceLifecycle: { isDefault: true, make: (env) => namespaceLifecycle(env) },
  LimitRanger: { isDefault: true, make: (env) => limitRanger(env) },
  ServiceAccount: {
    isDefault: true,
    make: (env, { serviceAccounts = {} }) => serviceAccount(env, serviceAccounts),
  },
  // Off by default as upstream; whoever runs kubelets under their own names switches it on.
  NodeRestriction: { isDefault: false, make: (env) => nodeRestriction(nodeLookups(env)) },
  PodSecurity: { isDefault: true, make: (env) => podSecurity(env) },
  Priority: { isDefault: true, make: (env) => priority(env) },
  DefaultStorageClass: { isDefault: true, make: (env) => defaultStorageClass(env) },
  PersistentVolumeClaimResize: { isDefault: true, make: (env) => claimResize(env) },
  RuntimeClass: { isDefault: true, make: (env) => runtimeClass(env) },
  DefaultIngressClass: { isDefault: true, make: (env) => defaultIngressClass(env) },
  // Off by default, unlike upstream: somebody has to take the taint away again, and not everybody who starts this server has that.
  TaintNodesByCondition: { isDefault: false, make: () => taintNodesByCondition },
  CertificateApproval: {
    isDefault: true,
    make: ({ escalation }) => certificateApproval(escalation.authorizer),
  },
  CertificateSigning: {
    isDefault: true,
    make: ({ escalation }) => certificateSigning(escalation.authorizer),
  },
  CertificateSubjectRestriction: { isDefault: true, make: () => certificateSubjectRestriction },
  MutatingAdmissionWebhook: { isDefault: true, make: (env) => mutatingWebhooks(env) },
  ValidatingAdmissionWebhook: { isDefault: true, make: (env) => validatingWebhooks(env) },
  // Its work is done in the transaction of each write, once nobody else has anything against it: see quota/ledger.ts.
  ResourceQuota: { isDefault: true, make: () => ({ name: 'ResourceQuota' }) },
  DefaultTolerationSeconds: {
    isDefault: true,
    make: (_env, options) =>
      defaultTolerationSeconds({
        notReadySeconds: options.defaultNotReadyTolerationSeconds ?? 300,
        unreachableSeconds: options.defaultUnreachableTolerationSeconds ?? 300,
      }),
  },
};

/** Every name that a flag may speak of, in the order in which plugins run. */
export const PLUGIN_ORDER: readonly string[] = [
  'AlwaysAdmit',
  'NamespaceAutoProvision',
  'NamespaceLifecycle',
  'NamespaceExists',
  'LimitPodHardAntiAffinityTopology',
  'LimitRanger',
  'ServiceAccount',
  'NodeRestriction',
  'TaintNodesByCondition',
  'AlwaysPullImages',
  'ImagePolicyWebhook',
  'PodSecurity',
  'PodNodeSelector',
  'Priority',
  'DefaultTolerationSeconds',
  'PodTolerationRestriction',
  'EventRateLimit',
  'ExtendedResourceToleration',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'OwnerReferencesPermissionEnforcement',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'ClusterTrustBundleAttest',
  'CertificateSubjectRestriction',
  'DefaultIngressClass',
  'DenyServiceExternalIPs',
  'PodTopologyLabels',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionWebhook',
  'ResourceQuota',
  'AlwaysDeny',
];

/** The names of the plugins that run, in their order. Throws for names that no flag may speak of. */
export function enabledPlugins({ enable = [], disable = [] }: AdmissionOptions): string[] {
  checkNames('enable-admission-plugins', enable);
  checkNames('disable-admission-plugins', disable);
  const both = enable.filter((name) => disable.includes(name));
  if (both.length > 0) {
    throw new Error(
      `[${both.join(', ')}] in enable-admission-plugins and disable-admission-plugins overlapped`,
    );
  }
  const missing = enable.find((name) => MAKERS[name] === undefined);
  if (missing !== undefined) {
    throw new Error(
      `Cannot enable the admission plugin ${missing}: this server does not have it; it has ${Object.keys(MAKERS).join(', ')}`,
    );
  }
  return PLUGIN_ORDER.filter(
    (name) =>
      (MAKERS[name]?.isDefault === true || enable.includes(name)) && !disable.includes(name),
  );
}

export function buildAdmission(env: AdmissionEnv, options: AdmissionOptions = {}): AdmissionChain {
  const makers = enabledPlugins(options).flatMap((name) => MAKERS[name] ?? []);
  const plugins = makers.map(({ make }) => make(env, options));
  // No plugin of a flag: it is always there, and last.
  return new AdmissionChain([...plugins, rbacEscalation(env.escalation)], env.metrics);
}

function checkNames(flag: string, names: readonly string[]): void {
  const unknown = names.find((name) => !PLUGIN_ORDER.includes(name));
  if (unknown !== undefined) {
    throw new Error(`${flag} plugin ${JSON.stringify(unknown)} is unknown`);
  }
}
