// The pods of the benchmark: like those of a deployment, and as long as they are wanted.
//
// What the server adds by itself (defaults, status, who owns which field) makes a pod of 600 bytes one of about 2 KB; a longer one
// gets an annotation.

/** Where pods are made while the clock runs, and where those are that are listed. */
export const NAMESPACES = ['bench', 'list', 'many'] as const;
export type Namespace = (typeof NAMESPACES)[number];

/** The JSON of a pod that a client sends. `padding` bytes are added by an annotation. */
export function podText(namespace: Namespace, name: string, padding = 0): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { app: 'web', 'pod-template-hash': '5d59d67564' },
      ...(padding === 0 ? {} : { annotations: { 'example.com/padding': 'x'.repeat(padding) } }),
    },
    spec: {
      containers: [
        {
          name: 'web',
          image: 'registry.example.com/team/web:1.25.3',
          ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
          env: [
            { name: 'LOG_LEVEL', value: 'info' },
            { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          ],
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
        },
      ],
    },
  });
}

/** A pod with nothing that is not needed: with what the server adds, about 1.3 KB. */
export function smallPodText(namespace: Namespace, name: string): string {
  const spec = { containers: [{ name: 'web', image: 'nginx' }] };
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec });
}

export function podsPath(namespace: Namespace): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}
