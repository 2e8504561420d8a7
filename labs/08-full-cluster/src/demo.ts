// Demo: what every new cluster is given through its own API: the service of its DNS, and something to see.
//
// Objects come from demo/*.yaml; an object that is there already is left as it is, so that a person's changes
// to the demo stay.

import { readdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  ApiError,
  type Client,
  type KubernetesObject,
  type ResourceType,
  resources,
} from '@kube-labs/apiserver';
import type { Service } from 'kubernetes-types/core/v1';
import { parseAllDocuments } from 'yaml';
import { ClusterError } from './cluster-error.ts';
import { waitFor } from './wait.ts';

const demoDir = resolve(import.meta.dirname, '../demo');

/** The service by which pods find the DNS server of their own node. It has no endpoints: see lab 06. */
export function clusterDnsService(clusterIP: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kube-dns',
      namespace: 'kube-system',
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'CoreDNS',
      },
    },
    spec: {
      clusterIP,
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
    },
  };
}

/**
 * Answers true when the object is there, made now or before. Looks first: the address of a service that is
 * there is refused as taken before its name is.
 */
export async function createIfAbsent(
  client: Client,
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<true> {
  const type = resourceOf(object);
  const { namespace, name = '' } = object.metadata ?? {};
  try {
    await client.get(type, namespace === undefined ? { name } : { namespace, name }, signal);
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
    await client.create(type, object, signal);
  }
  return true;
}

export function resourceOf(object: KubernetesObject): ResourceType<KubernetesObject> {
  const found = Object.values(resources).find((type) => type.kind === object.kind);
  if (found !== undefined) return found;
  throw new ClusterError(`The demo has a ${object.kind}, which the client does not know`);
}

export async function applyDemo(
  client: Client,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const object of await demoObjects()) {
    say(`${object.kind} ${object.metadata?.name}`);
    await createIfAbsent(
      client,
      { ...object, metadata: { namespace: 'default', ...object.metadata } },
      signal,
    );
  }
  say('Waiting for its pods');
  try {
    const wait = { failure: 'Its pods were not Ready', timeoutMs: 30_000 };
    await waitFor(() => isDemoReady(client, signal), wait, signal);
  } catch (error) {
    if (!ClusterError.is(error)) throw error;
    // The cluster is whole all the same, and `kubectl get pods` shows why the demo is not.
    say(error.message);
  }
}

async function demoObjects(): Promise<KubernetesObject[]> {
  const files = (await readdir(demoDir)).filter((file) => file.endsWith('.yaml')).sort();
  const texts = await Promise.all(files.map((file) => readFile(`${demoDir}/${file}`, 'utf8')));
  return texts.flatMap((text) =>
    parseAllDocuments(text).map((document): KubernetesObject => document.toJS()),
  );
}

async function isDemoReady(client: Client, signal: AbortSignal): Promise<boolean> {
  const ref = { namespace: 'default', name: 'hello' };
  const { spec, status } = await client.get(resources.deployments, ref, signal);
  return spec !== undefined && status?.availableReplicas === spec.replicas;
}
