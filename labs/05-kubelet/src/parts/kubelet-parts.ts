// KubeletParts: everything a kubelet is made of, wired together and not yet running.
//
// Three groups, each built on the one before: what talks to the outside (API server, engine, network), what looks after
// pods, what looks after the node.

import type { KubeletOptions } from '../options.ts';
import { makeNodeParts } from './node-parts.ts';
import { type KubeletDeps, makeOutside } from './outside.ts';
import { makePodParts } from './pod-parts.ts';

export type KubeletParts = Awaited<ReturnType<typeof makeParts>>;

export async function makeParts(options: KubeletOptions, deps: KubeletDeps) {
  const outside = await makeOutside(options, deps);
  const pods = makePodParts(options, outside);
  return { ...outside, ...pods, ...makeNodeParts(options, { ...outside, ...pods }) };
}
