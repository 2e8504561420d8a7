// Metrics: what Prometheus finds at /metrics, under the names that etcd's dashboards know.
//
// Counting happens in plain numbers on the way of each call; prom-client sees them when somebody asks.
// Rules of use: one EtcdMetrics a server, with a registry of its own, so that two servers in one process do not mix.
// Upstream: etcd, etcdserver/metrics.go, mvcc/metrics.go, wal/metrics.go; github.com/grpc-ecosystem/go-grpc-prometheus.
// Left out: what belongs to raft's peers, to bbolt and to Go.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Disk } from '../disk.ts';
import type { KeyValueStore } from '../kv.ts';
import type { CallObserver } from './call.ts';
import type { MethodDescription } from './messages.ts';
import { type GrpcCode, goNameOf } from './status.ts';
import type { WatchCounts } from './watch-stream.ts';

interface MethodCounts {
  started: number;
  received: number;
  sent: number;
  readonly handled: Map<GrpcCode, number>;
}

/** Upper bounds in seconds: from a fast disk's cache to a disk in trouble. */
const FSYNC_BUCKETS = Array.from({ length: 14 }, (_, i) => 0.001 * 2 ** i);

export class EtcdMetrics implements CallObserver {
  readonly registry = new Registry();
  readonly #methods = new Map<MethodDescription, MethodCounts>();
  #receivedBytes = 0;
  #sentBytes = 0;
  readonly #fsync = new Histogram({
    name: 'etcd_disk_wal_fsync_duration_seconds',
    help: 'The latency distributions of fsync called by WAL.',
    buckets: FSYNC_BUCKETS,
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.#registerCalls();
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  started(method: MethodDescription): void {
    this.#countsOf(method).started++;
  }

  handled(method: MethodDescription, code: GrpcCode): void {
    const { handled } = this.#countsOf(method);
    handled.set(code, (handled.get(code) ?? 0) + 1);
  }

  received(method: MethodDescription, bytes: number): void {
    this.#countsOf(method).received++;
    this.#receivedBytes += bytes;
  }

  sent(method: MethodDescription, bytes: number): void {
    this.#countsOf(method).sent++;
    this.#sentBytes += bytes;
  }

  /** The same disk, with a watch in hand. A write counts as part of its sync: on Linux it is the one that waits for the disk. */
  timed(disk: Disk): Disk {
    return {
      open: async (path) => {
        const file = await disk.open(path);
        let end: (() => void) | undefined;
        return {
          write: (bytes, position) => {
            end ??= this.#fsync.startTimer();
            return file.write(bytes, position);
          },
          datasync: async () => {
            end ??= this.#fsync.startTimer();
            await file.datasync();
            end();
            end = undefined;
          },
          truncate: (size) => file.truncate(size),
          close: () => file.close(),
        };
      },
    };
  }

  /** What the store itself knows, asked when it is read. */
  observe(store: KeyValueStore, options: { counts: WatchCounts; quotaBytes: number }): void {
    const { counts, quotaBytes } = options;
    const constant = (value: number) => async () => value;
    this.#gauge('etcd_server_has_leader', 'Whether or not a leader exists.', constant(1));
    this.#gauge('etcd_server_is_leader', 'Whether or not this member is a leader.', constant(1));
    this.#gauge(
      'etcd_server_quota_backend_bytes',
      'Current backend storage quota size in bytes.',
      constant(quotaBytes),
    );
    const status = (pick: (s: Awaited<ReturnType<KeyValueStore['status']>>) => number) => () =>
      store.status().then(pick);
    this.#gauge(
      'etcd_mvcc_db_total_size_in_bytes',
      'Total size of the database in bytes.',
      status(({ dbSizeBytes }) => dbSizeBytes),
    );
    this.#gauge(
      'etcd_mvcc_db_total_size_in_use_in_bytes',
      'Size of the database that is in use, in bytes.',
      status(({ dbSizeBytes, dbSizeInUseBytes = dbSizeBytes }) => dbSizeInUseBytes),
    );
    this.#gauge(
      'etcd_debugging_mvcc_current_revision',
      'The current revision of store.',
      status(({ revision }) => revision),
    );
    this.#gauge(
      'etcd_debugging_mvcc_compact_revision',
      'The revision of the last compaction in store.',
      status(({ compactRevision }) => compactRevision),
    );
    this.#gauge(
      'etcd_debugging_mvcc_watch_stream_total',
      'Total number of watch streams.',
      async () => counts.streams,
    );
    this.#gauge(
      'etcd_debugging_mvcc_watcher_total',
      'Total number of watchers.',
      async () => counts.watchers,
    );
    this.#counter(
      'etcd_debugging_mvcc_events_total',
      'Total number of events sent by this member.',
      () => counts.events,
    );
    this.#version(store);
  }

  #version(store: KeyValueStore): void {
    new Gauge({
      name: 'etcd_server_version',
      help: "Which version is running. 1 for 'server_version' label with current version.",
      labelNames: ['server_version'],
      registers: [this.registry],
      async collect() {
        this.set({ server_version: (await store.status()).version }, 1);
      },
    });
  }

  #registerCalls(): void {
    this.#perMethod(
      'grpc_server_started_total',
      'Total number of RPCs started on the server.',
      ({ started }) => started,
    );
    this.#perMethod(
      'grpc_server_msg_received_total',
      'Total number of RPC stream messages received on the server.',
      ({ received }) => received,
    );
    this.#perMethod(
      'grpc_server_msg_sent_total',
      'Total number of gRPC stream messages sent by the server.',
      ({ sent }) => sent,
    );
    const methods = this.#methods;
    new Counter({
      name: 'grpc_server_handled_total',
      help: 'Total number of RPCs completed on the server, regardless of success or failure.',
      labelNames: ['grpc_type', 'grpc_service', 'grpc_method', 'grpc_code'],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [method, { handled }] of methods) {
          for (const [code, count] of handled)
            this.inc({ ...labelsOf(method), grpc_code: goNameOf(code) }, count);
        }
      },
    });
    this.#counter(
      'etcd_network_client_grpc_received_bytes_total',
      'The total number of bytes received from grpc clients.',
      () => this.#receivedBytes,
    );
    this.#counter(
      'etcd_network_client_grpc_sent_bytes_total',
      'The total number of bytes sent to grpc clients.',
      () => this.#sentBytes,
    );
  }

  #perMethod(name: string, help: string, read: (counts: MethodCounts) => number): void {
    const methods = this.#methods;
    new Counter({
      name,
      help,
      labelNames: ['grpc_type', 'grpc_service', 'grpc_method'],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [method, counts] of methods) this.inc(labelsOf(method), read(counts));
      },
    });
  }

  #gauge(name: string, help: string, read: () => Promise<number>): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      async collect() {
        this.set(await read());
      },
    });
  }

  #counter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  #countsOf(method: MethodDescription): MethodCounts {
    let counts = this.#methods.get(method);
    if (counts === undefined) {
      counts = { started: 0, received: 0, sent: 0, handled: new Map() };
      this.#methods.set(method, counts);
    }
    return counts;
  }
}

function labelsOf({ isRequestStream, isResponseStream, service, name }: MethodDescription) {
  const request = isRequestStream ? 'bidi_stream' : 'server_stream';
  return {
    grpc_type: isRequestStream || isResponseStream ? request : 'unary',
    grpc_service: service,
    grpc_method: name,
  };
}
