// StaticPods: the manifests of a control plane's components, for the kubelet of its machine. Pure.
//
// It runs them without asking anybody, so the API server can be one of its pods. All are in the machine's own
// network: they find each other on 127.0.0.1, and their ports are the machine's. What a component sees of the
// machine is mounted one by one: the checkout with its code, its own certificates, and the store's data or the
// engine's socket for the one that needs it.
//
// Upstream: kubeadm, app/phases/controlplane and app/phases/etcd, with the same names, priority, requests and
// probes. Left out: users other than root, and a startup probe (nothing here takes a minute to start).

import type { Container, Pod, Probe, Volume, VolumeMount } from 'kubernetes-types/core/v1';
import { compileCacheInContainers, nodeImage } from './image-names.ts';
import type { PodProgram } from './programs.ts';

/** Where things are on the engine's host, since that is whose paths a hostPath names. */
export interface HostPaths {
  readonly checkout: string;
  readonly etcKubernetes: string;
  readonly storeData: string;
  readonly dockerSocket: string;
}

function isOurs({ command }: PodProgram): boolean {
  return command[0] === 'node';
}

/** What a component sees of the machine, and where. */
interface Sight {
  readonly volume: Volume;
  readonly mountPath: string;
  readonly readOnly: boolean;
  /** Docker mounts what lies among its own volumes only so. */
  readonly mountPropagation?: 'HostToContainer';
}

export function staticPod(program: PodProgram, paths: HostPaths): Pod {
  const seen = sightsOf(program, paths);
  const labels = { component: program.name, tier: 'control-plane' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: program.name, namespace: 'kube-system', labels },
    spec: {
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      priority: 2_000_001_000,
      containers: [containerOf(program, seen)],
      volumes: seen.map(({ volume }) => volume),
    },
  };
}

function sightsOf(program: PodProgram, paths: HostPaths): Sight[] {
  const { files, needs } = program;
  const readOnly = true;
  const ofHost = (name: string, path: string): Volume => ({ name, hostPath: { path } });
  const ownFiles = files.map((file) => ({
    volume: ofHost(file.replaceAll('.', '-'), `${paths.etcKubernetes}/${file}`),
    mountPath: `/etc/kubernetes/${file}`,
    readOnly,
  }));
  const code = { volume: ofHost('kube-labs', paths.checkout), mountPath: '/kube-labs', readOnly };
  // Everybody's keys lie in the checkout; a component sees an empty folder there.
  const cover = {
    volume: { name: 'cover', emptyDir: {} },
    mountPath: '/kube-labs/.kube-labs',
    readOnly,
  };
  const data = {
    volume: ofHost('data', paths.storeData),
    mountPath: '/var/lib/etcd',
    readOnly: false,
    mountPropagation: 'HostToContainer',
  } as const;
  const docker = {
    volume: ofHost('docker', paths.dockerSocket),
    mountPath: '/var/run/docker.sock',
    readOnly,
  };
  return [
    ...(isOurs(program) ? [code, cover] : []),
    ...ownFiles,
    ...(needs === 'store data' ? [data] : []),
    ...(needs === 'docker' ? [docker] : []),
  ];
}

function containerOf(program: PodProgram, seen: readonly Sight[]): Container {
  const { name, command, health, alive, cpu } = program;
  return {
    name,
    image: nodeImage,
    imagePullPolicy: 'IfNotPresent',
    command: [...command],
    ...(isOurs(program)
      ? { env: [{ name: 'NODE_COMPILE_CACHE', value: compileCacheInContainers }] }
      : {}),
    resources: { requests: { cpu } },
    ...(health === undefined
      ? {}
      : { readinessProbe: probe(health, { periodSeconds: 1, failureThreshold: 3 }) }),
    ...(alive === undefined
      ? {}
      : {
          livenessProbe: probe(alive, {
            initialDelaySeconds: 10,
            periodSeconds: 10,
            failureThreshold: 8,
          }),
        }),
    volumeMounts: seen.map(({ volume: { name }, ...mount }): VolumeMount => ({ name, ...mount })),
  };
}

function probe(url: string, timing: Probe): Probe {
  const { hostname: host, port, pathname: path, protocol } = new URL(url);
  const scheme = protocol === 'https:' ? 'HTTPS' : 'HTTP';
  return { httpGet: { host, port: Number(port), path, scheme }, timeoutSeconds: 15, ...timing };
}
