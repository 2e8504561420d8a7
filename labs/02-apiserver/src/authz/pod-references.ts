// pod-references: the secrets and config maps that a pod names, wherever it does.
//
// Used by the Node authorizer (a kubelet may read what its pods name) and by NodeRestriction (a mirror pod may name nothing).
//
// Same rule upstream: pkg/api/pod/util.go (VisitPodSecretNames, VisitPodConfigmapNames).

import type { Container, PodSpec, Volume } from 'kubernetes-types/core/v1';

/** Each name once. */
export function secretsOf(spec: PodSpec): string[] {
  return names([
    ...(spec.imagePullSecrets ?? []).map(({ name }) => name),
    ...containersOf(spec).flatMap((container) => [
      ...(container.envFrom ?? []).map(({ secretRef }) => secretRef?.name),
      ...(container.env ?? []).map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
    ]),
    ...(spec.volumes ?? []).flatMap(secretsOfVolume),
  ]);
}

/** Each name once. */
export function configMapsOf(spec: PodSpec): string[] {
  return names([
    ...containersOf(spec).flatMap((container) => [
      ...(container.envFrom ?? []).map(({ configMapRef }) => configMapRef?.name),
      ...(container.env ?? []).map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
    ]),
    ...(spec.volumes ?? []).flatMap(({ configMap, projected }) => [
      configMap?.name,
      ...(projected?.sources ?? []).map((source) => source.configMap?.name),
    ]),
  ]);
}

function secretsOfVolume(volume: Volume): (string | undefined)[] {
  const { secret, projected, azureFile, cephfs, csi, flexVolume, iscsi, rbd, scaleIO, storageos } =
    volume;
  return [
    secret?.secretName,
    ...(projected?.sources ?? []).map((source) => source.secret?.name),
    azureFile?.secretName,
    cephfs?.secretRef?.name,
    csi?.nodePublishSecretRef?.name,
    flexVolume?.secretRef?.name,
    iscsi?.secretRef?.name,
    rbd?.secretRef?.name,
    scaleIO?.secretRef?.name,
    storageos?.secretRef?.name,
  ];
}

/** Of all three lists; an ephemeral container's fields are those of a container. */
function containersOf(spec: PodSpec): readonly Pick<Container, 'env' | 'envFrom'>[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

function names(found: readonly (string | undefined)[]): string[] {
  return [...new Set(found.flatMap((name) => (name === undefined || name === '' ? [] : [name])))];
}
