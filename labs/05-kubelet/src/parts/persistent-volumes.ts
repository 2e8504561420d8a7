// PersistentVolumes: asks the API server for pods' claims, on behalf of this node.

import type { KubeletOptions } from '../options.ts';
import { claimsOf } from '../volume/persistent-claim.ts';
import { PersistentVolumes } from '../volume/persistent-volume.ts';
import type { Outside } from './outside.ts';

export function makePersistentVolumes(
  { hostRoot, nodeName: name }: KubeletOptions,
  { client, nodes }: Outside,
): PersistentVolumes {
  const labels = () => nodes.get(name)?.metadata?.labels ?? {};
  return new PersistentVolumes({ reader: claimsOf(client), hostRoot, node: { name, labels } });
}
