// ProxyMetrics: what the proxy and cluster DNS count, under upstream's names.
//
// Same names upstream: pkg/proxy/metrics/metrics.go; coredns, plugin/metrics.

import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Upstream's buckets: 1 ms doubled up to 16 s. */
const SYNC_BUCKETS = Array.from({ length: 15 }, (_, power) => 0.001 * 2 ** power);

export class ProxyMetrics {
  readonly registry = new Registry();
  readonly syncSeconds = new Histogram({
    name: 'kubeproxy_sync_proxy_rules_duration_seconds',
    help: 'SyncProxyRules latency in seconds',
    buckets: SYNC_BUCKETS,
    registers: [this.registry],
  });
  readonly fullSyncSeconds = new Histogram({
    name: 'kubeproxy_sync_full_proxy_rules_duration_seconds',
    help: 'SyncProxyRules latency in seconds for full resyncs',
    buckets: SYNC_BUCKETS,
    registers: [this.registry],
  });
  readonly lastSync = new Gauge({
    name: 'kubeproxy_sync_proxy_rules_last_timestamp_seconds',
    help: 'The last time proxy rules were successfully synced',
    registers: [this.registry],
  });
  readonly lastQueued = new Gauge({
    name: 'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
    help: 'The last time a sync of proxy rules was queued',
    registers: [this.registry],
  });
  readonly syncFailures = new Counter({
    name: 'kubeproxy_sync_proxy_rules_nftables_sync_failures_total',
    help: 'Cumulative proxy nftables sync failures',
    registers: [this.registry],
  });
  readonly services = new Gauge({
    name: 'kube_labs_proxy_service_ports',
    help: 'Service ports that the rules of this node serve',
    registers: [this.registry],
  });
  readonly dnsResponses = new Counter({
    name: 'coredns_dns_responses_total',
    help: 'Answers of cluster DNS by type of question and response code',
    labelNames: ['type', 'rcode'],
    registers: [this.registry],
  });
}
