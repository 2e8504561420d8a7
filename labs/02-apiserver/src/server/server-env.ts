// ServerEnv: what the optional parts of the server may use: admission plugins, authorizers, token authenticators, post-start hooks.
//
// It is handed to them when the server is made, before anything runs: registries may be kept, but nothing may be read from the store
// before the server listens.
//
// Same idea upstream: apiserver, server.Config with its shared informers, and admission/initializer.

import type { KeyValueStore, Logger } from '@kube-labs/store';
import type { Clock } from '../client/clock.ts';
import type { ResourceTable } from '../registry/resource-table.ts';

export interface ServerEnv {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly table: ResourceTable;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
}
