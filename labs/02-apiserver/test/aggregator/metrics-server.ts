// metrics-server: a small server behind an APIService, which answers metrics.k8s.io/v1beta1 and remembers who asked.
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { createCertificateAuthority, issueCertificate } from '#src/server/pki.ts';
import { freePort } from '../../../../test/free-port.ts';

export interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Of the certificate that the API server showed. */
  readonly commonName: string | undefined;
}

export interface MetricsServer extends AsyncDisposable {
  readonly port: number;
  /** Base64 of PEM. */
  readonly caBundle: string;
  readonly seen: SeenRequest[];
  /** Breaks off every connection, as if the process had died. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export const GROUP_VERSION = 'metrics.k8s.io/v1beta1';
/** Of its APIService. */
export const NAME = 'v1beta1.metrics.k8s.io';
/** Its Service, which an ExternalName leads to localhost. */
export const SERVICE = { namespace: 'kube-system', name: 'metrics-server' };
const usage = { cpu: '250m', memory: '512Mi' };
const common = { timestamp: '2024-05-01T10:00:00Z', window: '10s' };

export function nodeMetrics(name: string): object {
  return { metadata: { name }, ...common, usage };
}

export function apiServiceOf({ port, caBundle }: MetricsServer): object {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: NAME },
    spec: {
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      service: { ...SERVICE, port },
      caBundle,
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  };
}

/** `proxyCa` is the authority of the certificate that the API server shows. */
export async function startMetricsServer(proxyCa: string): Promise<MetricsServer> {
  const ca = await createCertificateAuthority('metrics');
  const tls = await issueCertificate(ca, {
    commonName: 'metrics-server',
    server: true,
    dnsNames: ['metrics-server.kube-system.svc'],
  });
  const seen: SeenRequest[] = [];
  const server = createServer(
    { ...tls, ca: proxyCa, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      const path = request.url ?? '/';
      const certificate = (request.socket as TLSSocket).getPeerCertificate();
      const commonName = [certificate.subject?.CN].flat()[0];
      seen.push({ path, headers: request.headers, commonName });
      const body = answerTo(path);
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? { kind: 'Status', code: 404, message: 'no such path' }));
    },
  );
  // It comes back where it was, and nobody may have taken the place meanwhile.
  const port = await freePort();
  const start = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  await start();
  const caBundle = Buffer.from(ca.cert).toString('base64');
  return { port, caBundle, seen, start, stop, [Symbol.asyncDispose]: stop };
}

const NODE_METRICS = { group: 'metrics.k8s.io', version: 'v1beta1', kind: 'NodeMetrics' };
const OPENAPI = {
  openapi: '3.0.0',
  info: { title: 'metrics', version: 'v1beta1' },
  paths: {
    [`/apis/${GROUP_VERSION}/nodes`]: {
      get: {
        responses: { 200: { description: 'OK' } },
        'x-kubernetes-action': 'list',
        'x-kubernetes-group-version-kind': NODE_METRICS,
      },
    },
  },
  components: {
    schemas: {
      NodeMetrics: {
        type: 'object',
        description: 'What a node uses.',
        properties: { usage: { type: 'object', additionalProperties: { type: 'string' } } },
        'x-kubernetes-group-version-kind': [NODE_METRICS],
      },
    },
  },
};

function answerTo(path: string): object | undefined {
  const openapiPath = `/openapi/v3/apis/${GROUP_VERSION}`;
  if (path === '/openapi/v3') {
    return { paths: { [`apis/${GROUP_VERSION}`]: { serverRelativeURL: `${openapiPath}?hash=1` } } };
  }
  if (path === `${openapiPath}?hash=1`) return OPENAPI;
  const [clean] = path.split('?');
  const base = `/apis/${GROUP_VERSION}`;
  if (clean === base) {
    const nodes = {
      name: 'nodes',
      singularName: '',
      namespaced: false,
      kind: 'NodeMetrics',
      verbs: ['get', 'list'],
    };
    const pods = { ...nodes, name: 'pods', namespaced: true, kind: 'PodMetrics' };
    return {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: GROUP_VERSION,
      resources: [nodes, pods],
    };
  }
  const list = { apiVersion: GROUP_VERSION, metadata: {} };
  if (clean === `${base}/nodes`) {
    return { ...list, kind: 'NodeMetricsList', items: [nodeMetrics('node-1')] };
  }
  if (clean !== `${base}/namespaces/default/pods`) return undefined;
  const metadata = { name: 'web', namespace: 'default' };
  const pod = { metadata, ...common, containers: [{ name: 'nginx', usage }] };
  return { ...list, kind: 'PodMetricsList', items: [pod] };
}
