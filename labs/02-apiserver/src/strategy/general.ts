// general: the strategy of kinds without rules of their own: metadata is checked, status and generation are kept right.
//
// The kind's schema, which decodes every body, does the rest.

import { pathSegment } from './name-rules.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

export function generalStrategy({
  namespaced,
  hasStatus,
}: {
  readonly namespaced: boolean;
  readonly hasStatus: boolean;
}): Strategy {
  return defineStrategy({ metadata: { name: pathSegment, namespaced }, hasStatus });
}
