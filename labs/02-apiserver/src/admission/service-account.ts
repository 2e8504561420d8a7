// ServiceAccount: every pod has an identity, `default` when it names none, and what belongs to the identity.
//
//   always       the name, and the account's image pull secrets where the pod has none
//   required     an account that does not exist is refused; `default` is waited for a little, as a controller makes it
//   mountTokens  a volume kube-api-access-… with token, authority and namespace in every container that has nothing at that place
//
// Both are off unless asked for: they need somebody who makes the accounts, publishes kube-root-ca.crt, and kubelets that ask for tokens.
// Pods that mirror a file of their kubelet have no identity.
//
// Same rule and sentences upstream: plugin/pkg/admission/serviceaccount, where both are always on.
// Left out: the annotation kubernetes.io/enforce-mountable-secrets.

import type { Pod, PodSpec, ServiceAccount, Volume } from 'kubernetes-types/core/v1';
import { sleep } from '../client/clock.ts';
import { generateName } from '../registry/object-name.ts';
import { type AdmissionPlugin, type AdmissionRequest, denied } from './admission.ts';
import { findObject } from './lookup.ts';
import type { AdmissionEnv } from './plugins.ts';

export interface ServiceAccountOptions {
  /** Refuses pods whose account does not exist. */
  readonly required?: boolean;
  /** Gives pods the token of their account. */
  readonly mountTokens?: boolean;
}

const MIRROR = 'kubernetes.io/config.mirror';
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME_PREFIX = 'kube-api-access-';
/** An hour, and the seconds by which a kubelet of upstream recognizes it. */
const TOKEN_SECONDS = 3607;
const FILE_MODE = 0o644;
const WAIT_ATTEMPTS_MAX = 10;
const WAIT_MS = 150;

export function serviceAccount(
  { table }: Pick<AdmissionEnv, 'table'>,
  { required = false, mountTokens = false }: ServiceAccountOptions = {},
): AdmissionPlugin {
  const find = async (namespace: string, name: string): Promise<ServiceAccount | undefined> => {
    const accounts = table.registry('', 'serviceaccounts');
    const attempts = required && name === 'default' ? WAIT_ATTEMPTS_MAX : 1;
    for (let attempt = 1; ; attempt += 1) {
      const found = await findObject(accounts, { namespace, name });
      if (found !== undefined || attempt >= attempts) return found as ServiceAccount | undefined;
      await sleep(WAIT_MS, new AbortController().signal);
    }
  };
  return {
    name: 'ServiceAccount',
    async mutate(request) {
      const { spec, metadata } = newPod(request) ?? {};
      if (spec === undefined || isMirror(metadata)) return;
      if ((spec.serviceAccountName ?? '') === '') spec.serviceAccountName = 'default';
      const { serviceAccountName: name = '' } = spec;
      // The name of 1.1, which clients of then still read.
      spec.serviceAccount = name;
      const { namespace = '' } = request;
      const account = await find(namespace, name);
      if (account === undefined) {
        if (!required) return;
        const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
        throw denied(request, why);
      }
      if (mountTokens && wantsToken(spec, account)) mountToken(spec);
      const { imagePullSecrets = [] } = account;
      if ((spec.imagePullSecrets ?? []).length === 0 && imagePullSecrets.length > 0) {
        spec.imagePullSecrets = imagePullSecrets.map((reference) => ({ ...reference }));
      }
    },
    validate(request) {
      const { spec, metadata } = newPod(request) ?? {};
      if (spec === undefined || !isMirror(metadata)) return;
      if ((spec.serviceAccountName ?? '') !== '') {
        throw denied(request, 'a mirror pod may not reference service accounts');
      }
      if ((spec.volumes ?? []).some(({ secret }) => secret !== undefined)) {
        throw denied(request, 'a mirror pod may not reference secrets');
      }
    },
  };
}

function newPod({ operation, definition, subresource, object }: AdmissionRequest): Pod | undefined {
  const isPod = definition.group === '' && definition.kind === 'Pod';
  return isPod && operation === 'CREATE' && subresource === undefined ? (object as Pod) : undefined;
}

function isMirror(metadata: Pod['metadata']): boolean {
  return metadata?.annotations?.[MIRROR] !== undefined;
}

/** The pod's own word counts more than the account's. */
function wantsToken(spec: PodSpec, account: ServiceAccount): boolean {
  return spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

function mountToken(spec: PodSpec): void {
  const existing = (spec.volumes ?? []).find(({ name }) => isTokenVolume(name));
  const name = existing?.name ?? generateName(VOLUME_PREFIX);
  let isUsed = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    const mounts = container.volumeMounts ?? [];
    if (mounts.some(({ mountPath }) => mountPath === MOUNT_PATH)) continue;
    container.volumeMounts = [...mounts, { name, readOnly: true, mountPath: MOUNT_PATH }];
    isUsed = true;
  }
  if (isUsed && existing === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

/** What a client sent may still lack its name: validation comes later. */
function isTokenVolume(name: string | undefined): boolean {
  return name?.startsWith(VOLUME_PREFIX) === true;
}

function tokenVolume(name: string): Volume {
  const fieldRef = { apiVersion: 'v1', fieldPath: 'metadata.namespace' };
  const sources = [
    { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [{ path: 'namespace', fieldRef }] } },
  ];
  return { name, projected: { defaultMode: FILE_MODE, sources } };
}
