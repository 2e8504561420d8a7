// status-scope: what a write through the status subresource may change.
//
// Same idea upstream: the status strategies of registry/<group>/<resource>/strategy.go, which all reset what is not status.

import type { KubernetesObject } from '../client/resources.ts';
import type { Strategy, WriteFacts } from '../strategy/strategy.ts';

/** Without a strategy of its own a status update takes the status, and nothing else, from the client. */
export function prepareStatus(
  strategy: Strategy,
  next: KubernetesObject,
  old: KubernetesObject,
  facts: WriteFacts,
): void {
  if (strategy.prepareForStatusUpdate !== undefined) {
    strategy.prepareForStatusUpdate(next, old, facts);
    return;
  }
  const target = next as Record<string, unknown>;
  for (const field of new Set([...Object.keys(next), ...Object.keys(old)])) {
    if (field === 'status' || field === 'metadata') continue;
    const value = (old as Record<string, unknown>)[field];
    if (value === undefined) delete target[field];
    else target[field] = value;
  }
}
