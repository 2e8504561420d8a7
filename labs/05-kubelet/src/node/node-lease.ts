// NodeLease: the node's heartbeat: a small object that is written often.
//
// It is renewed four times in its duration, so one lost write does no harm. Who watches the node takes it for lost when the
// lease has not been renewed for a while. It belongs to the Node, and goes with it.
//
// Same idea upstream: k8s.io/component-helpers/apimachinery/lease.

import {
  ApiError,
  type Client,
  type Clock,
  type Logger,
  messageOf,
  resources,
  sleep,
} from '@kube-labs/apiserver';
import type { Lease } from 'kubernetes-types/coordination/v1';

export interface NodeLeaseOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly name: string;
  readonly leaseDurationSeconds: number;
  /** Of the Node object. */
  uid(): string;
}

const LEASE_NAMESPACE = 'kube-node-lease';
const RENEWALS = 4;

/** Renews until the signal aborts; failures are logged and tried again. */
export async function renewLease(options: NodeLeaseOptions, signal: AbortSignal): Promise<void> {
  const { clock, leaseDurationSeconds, log } = options;
  let lease: Lease | undefined;
  while (!signal.aborted) {
    try {
      lease = await renewOnce(options, lease, signal);
    } catch (error) {
      // Perhaps somebody else wrote it, or it is gone: read it anew.
      lease = undefined;
      if (!signal.aborted) log.warn('Failed to update lease', { err: messageOf(error) });
    }
    await sleep((leaseDurationSeconds * 1_000) / RENEWALS, signal, clock);
  }
}

async function renewOnce(
  options: NodeLeaseOptions,
  known: Lease | undefined,
  signal: AbortSignal,
): Promise<Lease> {
  const { client, name, clock, leaseDurationSeconds } = options;
  // Microseconds, as the API has them.
  const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
  const spec = { holderIdentity: name, leaseDurationSeconds, renewTime };
  const ref = { namespace: LEASE_NAMESPACE, name };
  try {
    const current = known ?? (await client.get(resources.leases, ref, signal));
    return await client.update(resources.leases, { ...current, spec }, signal);
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
    const owner = { apiVersion: 'v1', kind: 'Node', name, uid: options.uid() };
    const metadata = { ...ref, ownerReferences: [owner] };
    return client.create(resources.leases, { metadata, spec }, signal);
  }
}
