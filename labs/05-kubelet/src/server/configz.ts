// Configz: how this kubelet was configured, as upstream's KubeletConfiguration: GET /configz.
//
// Only what this kubelet has too. Durations are written as Go writes them.
//
// Same shape upstream: k8s.io/kubelet/config/v1beta1 (KubeletConfiguration), k8s.io/component-base/configz.

import { amountText, type Threshold } from '../eviction/thresholds.ts';
import type { KubeletOptions } from '../options.ts';

export function configz(options: KubeletOptions): object {
  return {
    kubeletconfig: {
      kind: 'KubeletConfiguration',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      address: options.address,
      port: options.port,
      readOnlyPort: 0,
      healthzPort: options.healthzPort,
      healthzBindAddress: '127.0.0.1',
      tlsCertFile: options.tlsCertFile,
      tlsPrivateKeyFile: options.tlsPrivateKeyFile,
      authentication: {
        x509: { clientCAFile: options.clientCaFile },
        webhook: {
          enabled: options.authenticationTokenWebhook,
          cacheTTL: durationText(options.authenticationTokenWebhookCacheTtlMs),
        },
        anonymous: { enabled: options.anonymousAuth },
      },
      authorization: {
        mode: options.authorizationMode,
        webhook: {
          cacheAuthorizedTTL: durationText(options.authorizationWebhookCacheAuthorizedTtlMs),
          cacheUnauthorizedTTL: durationText(options.authorizationWebhookCacheUnauthorizedTtlMs),
        },
      },
      clusterDomain: options.clusterDomain,
      clusterDNS: options.clusterDns === undefined ? [] : [options.clusterDns],
      nodeStatusUpdateFrequency: durationText(options.statusUpdateFrequencyMs),
      nodeStatusReportFrequency: durationText(options.statusReportFrequencyMs),
      nodeLeaseDurationSeconds: options.leaseDurationSeconds,
      maxPods: options.podsMax,
      staticPodPath: options.podManifestPath,
      fileCheckFrequency: durationText(options.fileCheckFrequencyMs),
      registerNode: options.registerNode,
      registerWithTaints: options.registerWithTaints,
      kubeReserved: options.kubeReserved,
      systemReserved: options.systemReserved,
      ...evictions(options.evictionThresholds),
      evictionPressureTransitionPeriod: durationText(options.evictionPressureTransitionPeriodMs),
      evictionMaxPodGracePeriod: options.evictionMaxPodGracePeriodSeconds,
      imageGCHighThresholdPercent: options.imageGc.highThresholdPercent,
      imageGCLowThresholdPercent: options.imageGc.lowThresholdPercent,
      podPidsLimit: options.containerLimits.pidsMax,
      shutdownGracePeriod: durationText(options.shutdown?.gracePeriodMs ?? 0),
      shutdownGracePeriodCriticalPods: durationText(options.shutdown?.criticalPodsMs ?? 0),
      logging: { format: 'text', verbosity: options.verbosity },
    },
  };
}

function evictions(thresholds: readonly Threshold[]): object {
  const hard = thresholds.filter(({ gracePeriodMs }) => gracePeriodMs === 0);
  const soft = thresholds.filter(({ gracePeriodMs }) => gracePeriodMs > 0);
  const by = (some: readonly Threshold[], text: (one: Threshold) => string) =>
    Object.fromEntries(some.map((one) => [one.signal, text(one)]));
  const reclaimed = thresholds.flatMap(({ signal, minReclaim }) =>
    minReclaim === undefined ? [] : [[signal, amountText(minReclaim)]],
  );
  return {
    evictionHard: by(hard, ({ amount }) => amountText(amount)),
    evictionSoft: by(soft, ({ amount }) => amountText(amount)),
    evictionSoftGracePeriod: by(soft, ({ gracePeriodMs }) => durationText(gracePeriodMs)),
    evictionMinimumReclaim: Object.fromEntries(reclaimed),
  };
}

/** 5m0s, 1h30m0s, 250ms: without the units that are larger than it. */
export function durationText(ms: number): string {
  if (ms > 0 && ms < 1_000) return `${ms}ms`;
  const seconds = ms / 1_000;
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  const rest = `${Number((seconds % 60).toFixed(3))}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
