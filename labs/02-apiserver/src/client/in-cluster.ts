// loadInClusterConfig: where the API server is and who we are, for a program in a pod.
//
// The kubelet puts the service account's token and the cluster's authority into every pod, and the service `kubernetes` into its
// environment. The token is renewed in its file while the pod runs, so it is the file that is kept, not what is in it.
// Same idea upstream: k8s.io/client-go/rest/config.go (InClusterConfig).

import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { ClientOptions } from './transport.ts';

const DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface InClusterPlaces {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly directory?: string;
}

/** Throws a sentence that says what of a pod is missing. */
export function loadInClusterConfig(places: InClusterPlaces = {}): ClientOptions {
  const { env = process.env, directory = DIRECTORY } = places;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) {
    throw new Error(
      'Cannot use the in-cluster configuration: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set, as they are in a pod',
    );
  }
  const tokenFile = join(directory, 'token');
  readNeeded(tokenFile);
  const ca = readNeeded(join(directory, 'ca.crt'));
  return { server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`, ca, tokenFile };
}

/** The namespace of the pod. */
export function inClusterNamespace({ directory = DIRECTORY }: InClusterPlaces = {}): string {
  return readNeeded(join(directory, 'namespace')).trim();
}

function readNeeded(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(
      `Cannot use the in-cluster configuration: cannot read ${path}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
