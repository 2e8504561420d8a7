// ImageNames: the tags that the launcher makes and the rest of the cluster uses, and what is where in their containers.
//
// One image plays three parts: a node's (and the control plane's) file system, the pause container that
// holds a pod's network namespace, and the demo application that tests and lessons run.

export const baseImage = 'kube-labs/base:bookworm';
export const nodeImage = 'kube-labs/node:v1';
export const demoImage = 'kube-labs/demo:v1';

/** Holds the hash of everything that went into an image, so that it is made again only when that changed. */
export const inputsLabel = 'kube-labs.inputs';

/** The sources, as every container sees them. */
const labs = '/kube-labs/labs';

/** What runs as the first process of a machine. */
export const supervisorFile = `${labs}/08-full-cluster/src/supervisor-main.ts`;

/** Where every component finds what was compiled before (compile-cache.ts). */
export const compileCacheInContainers = '/kube-labs/node_modules/.cache/kube-labs/compile-cache';
