// PersistentVolumes: asks the API server for pods' claims, on behalf of this node.

import type { KubeletOptions } from '../options.ts';
import { claimsOf } from '../volume/persistent-claim.ts';
import { PersistentVolumes } from '../volume/persistent-volume.ts';
import type { Outside } from './outside.ts';

export function makePersistentVolumes(
  { hostRoot, nodeName }: KubeletOptions,
  { client, nodes }: Outside,
): PersistentVolumes {
  const node = () => nodes.get(nodeName);
  return new PersistentVolumes({ reader: claimsOf(client), hostRoot, node });
}
