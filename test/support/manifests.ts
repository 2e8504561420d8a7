// manifests: the few objects that most cluster tests start from, written as a person would write them in YAML.
//
// The image is the one that every cluster has: `web` answers HTTP on port 8080 with its host name, `toolbox` sleeps and has curl and dig.
import type {
  Container,
  Pod,
  PodSpec,
  ReplicationController,
  Service,
} from 'kubernetes-types/core/v1';

export const DEMO_IMAGE = 'kube-labs/demo:v1';

type Labels = Readonly<Record<string, string>>;

/** A container that serves HTTP on 8080 and is ready once it answers. */
export function webContainer(overrides: Partial<Container> = {}): Container {
  return {
    name: 'web',
    image: DEMO_IMAGE,
    command: ['node', '/opt/kube-labs/demo/server.mjs'],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1 },
    resources: { requests: { cpu: '10m', memory: '32Mi' } },
    ...overrides,
  };
}

export function webPod(name: string, labels: Labels = {}, spec: Partial<PodSpec> = {}): Pod {
  return pod(name, labels, { containers: [webContainer()], ...spec });
}

/** A pod to run commands in. */
export function toolboxPod(name: string, spec: Partial<PodSpec> = {}): Pod {
  const container = { name: 'toolbox', image: DEMO_IMAGE, command: ['sleep', 'infinity'] };
  return pod(name, { app: name }, { containers: [container], ...spec });
}

/** A pod that runs one shell command. */
export function shellPod(name: string, command: string, spec: Partial<PodSpec> = {}): Pod {
  const container = { name: 'main', image: DEMO_IMAGE, command: ['sh', '-c', command] };
  return pod(name, {}, { restartPolicy: 'Never', containers: [container], ...spec });
}

export function pod(name: string, labels: Labels, spec: PodSpec): Pod {
  const quick = { terminationGracePeriodSeconds: 1 };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec: { ...quick, ...spec } };
}

export function replicationController(
  name: string,
  replicas: number,
  spec: Partial<PodSpec> = {},
): ReplicationController {
  const template = webPod(name, { app: name }, spec);
  return {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name },
    spec: {
      replicas,
      selector: { app: name },
      template: {
        metadata: { labels: { app: name } },
        ...(template.spec && { spec: template.spec }),
      },
    },
  };
}

export function service(
  name: string,
  selector: Labels | undefined,
  spec: Service['spec'] = {},
): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: {
      ...(selector && { selector }),
      ports: [{ name: 'http', port: 80, targetPort: 8080 }],
      ...spec,
    },
  };
}
