// Etcd3Maintenance: hash, snapshot, alarms and defragmentation of a real etcd.
//
// These ask one member, the one that answers; all members have the same keys. Alarms are the cluster's,
// defragment() goes to every member, one after another, as each stops answering meanwhile.
// Upstream: etcd, clientv3/maintenance.go. Left out: choosing the member, moving the leader.
import type { Readable } from 'node:stream';
import type { AlarmType, Etcd3, ISnapshotResponse } from 'etcd3';
import type { Etcd3Endpoints, Etcd3EndpointsOptions } from './etcd3-endpoints.ts';
import { withHeader } from './etcd3-stream.ts';
import { errorFromWire, revisionOf } from './etcd3-wire.ts';
import type { AlarmKind, HashKv, Maintenance, SnapshotPiece } from './maintenance.ts';

const DEFRAGMENT_TIMEOUT_MS = 60_000;
const ALARMS = { NOSPACE: 'Nospace', CORRUPT: 'Corrupt' } as const;

type SnapshotStream = Readable & AsyncIterable<ISnapshotResponse> & { cancel(): void };

export class Etcd3Maintenance implements Maintenance {
  readonly #endpoints: Etcd3Endpoints;
  readonly #auth: Etcd3EndpointsOptions['auth'];

  constructor(endpoints: Etcd3Endpoints, auth: Etcd3EndpointsOptions['auth']) {
    this.#endpoints = endpoints;
    this.#auth = auth;
  }

  async hash(): Promise<{ hash: number; revision: number }> {
    const response = await this.#endpoints.read(({ maintenance }) => maintenance.hash());
    return { hash: Number(response.hash), revision: revisionOf(response) };
  }

  async hashKv(revision = 0): Promise<HashKv> {
    const response = await this.#endpoints.read((client) => client.hashKv({ revision }));
    return {
      hash: Number(response.hash),
      revision: revisionOf(response),
      compactRevision: Number(response.compact_revision),
    };
  }

  async *snapshot(signal: AbortSignal): AsyncGenerator<SnapshotPiece, void, void> {
    const stop = AbortSignal.any([signal, this.#endpoints.closed]);
    if (stop.aborted) return;
    const stream = await this.#endpoints.read((client) => this.#openSnapshot(client));
    const end = () => cancel(stream);
    stop.addEventListener('abort', end, { once: true });
    try {
      for await (const { blob, remaining_bytes } of stream) {
        yield { bytes: blob, remainingBytes: Number(remaining_bytes) };
      }
    } catch (error) {
      if (!signal.aborted) throw errorFromWire(error);
    } finally {
      stop.removeEventListener('abort', end);
      end();
    }
  }

  async alarms(): Promise<readonly AlarmKind[]> {
    const raised = new Set((await this.#alarmMembers()).map(({ alarm }) => alarm));
    return kindsOf(ALARMS).filter((kind) => raised.has(ALARMS[kind]));
  }

  /** etcd wants to be told the member whose alarm it is. */
  async disarm(alarm: AlarmKind): Promise<void> {
    for (const { memberID, alarm: raised } of await this.#alarmMembers()) {
      if (raised !== ALARMS[alarm]) continue;
      const request = { action: 'Deactivate', memberID, alarm: raised } as const;
      await this.#endpoints.write(({ maintenance }) => maintenance.alarm(request));
    }
  }

  async defragment(): Promise<void> {
    for (const { endpoint, client } of this.#endpoints.members) {
      try {
        await client.maintenance.defragment({ deadline: Date.now() + DEFRAGMENT_TIMEOUT_MS });
      } catch (error) {
        throw errorFromWire(error, endpoint);
      }
    }
  }

  async #alarmMembers(): Promise<readonly { memberID: string; alarm: keyof typeof AlarmType }[]> {
    const { alarms } = await this.#endpoints.read(({ maintenance }) =>
      maintenance.alarm({ action: 'Get' }),
    );
    return alarms;
  }

  /** The package forgets the token of this one call, so it goes along as a header. */
  async #openSnapshot(client: Etcd3): Promise<SnapshotStream> {
    if (this.#auth === undefined) return asStream(await client.maintenance.snapshot());
    const { username: name, password } = this.#auth;
    const { token } = await client.auth.authenticate({ name, password });
    const interceptors = [withHeader('token', token)];
    return asStream(await client.maintenance.snapshot({ interceptors }));
  }
}

/** The package's listener takes a cancelled stream for a failed member, and would close all else that it does there. */
function cancel(stream: SnapshotStream): void {
  stream.removeAllListeners('error').on('error', () => undefined);
  stream.cancel();
}

function asStream(stream: unknown): SnapshotStream {
  return stream as SnapshotStream;
}

function kindsOf<K extends string>(record: Readonly<Record<K, unknown>>): readonly K[] {
  return Object.keys(record) as K[];
}
