// last-used: the day on which a token that never ends was last used, as a label of its secret, so that people find those nobody needs.
//
// It is written once a day for each secret, beside the request: who shows a token does not wait for it, and is not refused when it fails.
//
// Same label upstream: pkg/serviceaccount/legacy.go. Left out: the config map that tells since when there are such labels, and the
// controller that marks and deletes tokens which nobody used for a year.

import type { KubernetesObject } from '../client/resources.ts';
import { mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { ServerEnv } from '../server/server-env.ts';
import { SYSTEM_USER } from './user.ts';

export const LAST_USED = 'kubernetes.io/legacy-token-last-used';
const DAY_MS = 24 * 3600 * 1000;

/** Called with the secret of each token that is used. */
export type NoteUse = (secret: ReadonlyApiObject) => void;

export function lastUsedNotes({
  table,
  log,
  clock,
  signal,
}: Pick<ServerEnv, 'table' | 'log' | 'clock' | 'signal'>): NoteUse {
  const underWay = new Set<string>();
  return ({ metadata }) => {
    const { uid = '', name = '', namespace = '' } = metadata;
    const [today, tomorrow] = [dayOf(clock.now()), dayOf(clock.now() + DAY_MS)];
    const noted = metadata.labels?.[LAST_USED];
    // Another server's clock may be in the next day already.
    if (noted === today || noted === tomorrow || underWay.has(uid) || signal.aborted) return;
    underWay.add(uid);
    const change = ({ object }: { readonly object: ReadonlyApiObject }): KubernetesObject => {
      const next = mutableCopy(object);
      const labels = { ...next.metadata?.labels, [LAST_USED]: today };
      if (object.metadata.uid === uid) next.metadata = { ...next.metadata, labels };
      return next;
    };
    const options = { user: SYSTEM_USER, dryRun: false, scope: 'object' as const };
    table
      .registry('', 'secrets')
      .update({ namespace, name }, change, options)
      .catch((error: unknown) => {
        log.warn('Failed to label legacy token secret with last-used', { namespace, name, error });
      })
      .finally(() => underWay.delete(uid));
  };
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
