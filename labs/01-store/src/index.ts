// @kube-labs/store: the public names of this lab.
export { restoreSnapshot } from './backup.ts';
export type { Clock } from './clock.ts';
export { type CompactorOptions, parseRetention, runCompactor } from './compactor.ts';
export type { HealthServerOptions } from './component/health-server.ts';
export { healthListener, startHealthServer } from './component/health-server.ts';
export type { LogFields, Logger, LoggerOptions } from './component/logger.ts';
export { createLogger, messageOf, silentLogger } from './component/logger.ts';
export { runMain } from './component/run-main.ts';
export type { Disk, DiskFile } from './disk.ts';
export type { Etcd3StoreOptions } from './etcd3-store.ts';
export { prefixEnd } from './key-range.ts';
export type {
  Compare,
  CompareResult,
  DeleteRangeRequest,
  DeleteRangeResponse,
  Key,
  KeyValue,
  KeyValueStore,
  LeaseTimeToLive,
  Op,
  OpResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  SortTarget,
  StoreErrorCode,
  StoreEvent,
  StoreStatus,
  TxnRequest,
  TxnResponse,
  Watch,
  WatchBatch,
  WatchRequest,
} from './kv.ts';
export { StoreError } from './kv.ts';
export type { AlarmKind, HashKv, Maintenance, SnapshotPiece } from './maintenance.ts';
export {
  type MemoryStoreOptions,
  openEtcd3Store,
  openMemoryStore,
  openStore,
  type StoreOptions,
} from './open-store.ts';
