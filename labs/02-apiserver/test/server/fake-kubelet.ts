// fake-kubelet: something at the other end of the API server's connections to nodes: it remembers what it was asked.
//
// Logs are the text `line 1`; an upgraded connection speaks WebSocket and sends back what it gets.

import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import { createCertificateAuthority, issueCertificate } from '#src/server/pki.ts';
import type { TestApiServer } from '#src/server/test-api-server.ts';
import { wire } from './wire.ts';

export interface KubeletRequest {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Common name of the certificate that the API server showed. */
  readonly client: string;
}

export interface FakeKubelet extends AsyncDisposable {
  readonly credentials: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly port: number;
  readonly requests: KubeletRequest[];
  readonly connections: WebSocket[];
}

export async function startFakeKubelet(): Promise<FakeKubelet> {
  const ca = await createCertificateAuthority('kubelets');
  const own = await issueCertificate(ca, {
    commonName: 'system:node:node-1',
    server: true,
    ipAddresses: ['127.0.0.1'],
  });
  const client = await issueCertificate(ca, { commonName: 'apiserver-kubelet', client: true });
  const requests: KubeletRequest[] = [];
  const connections: WebSocket[] = [];
  const remember = (url: string | undefined, headers: IncomingHttpHeaders, socket: TLSSocket) =>
    void requests.push({
      url: url ?? '',
      headers,
      client: String(socket.getPeerCertificate().subject.CN),
    });
  const server = createServer(
    { ...own, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      remember(request.url, request.headers, request.socket as TLSSocket);
      response.end('line 1\n');
    },
  );
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  server.on('upgrade', (request, socket, head) => {
    remember(request.url, request.headers, socket as TLSSocket);
    sockets.handleUpgrade(request, socket, head, (connection) => {
      connections.push(connection);
      connection.on('message', (data) => connection.send(data));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    credentials: { ca: ca.cert, cert: client.cert, key: client.key },
    port: (server.address() as AddressInfo).port,
    requests,
    connections,
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A pod that runs on the kubelet's node. */
export async function createPodOn(server: TestApiServer, kubelet: FakeKubelet, name: string) {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } };
  await wire(server, '/api/v1/nodes', { method: 'POST', body: node });
  const { json: made } = await wire(server, '/api/v1/nodes/node-1');
  const addresses = [{ type: 'InternalIP', address: '127.0.0.1' }];
  const daemonEndpoints = { kubeletEndpoint: { Port: kubelet.port } };
  const status = await wire(server, '/api/v1/nodes/node-1/status', {
    method: 'PUT',
    body: { ...made, status: { addresses, daemonEndpoints } },
  });
  if (status.status !== 200) throw new Error(`Cannot make the node: ${status.text}`);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'main' }] },
  };
  const path = '/api/v1/namespaces/default/pods';
  const created = await wire(server, path, { method: 'POST', body: pod });
  if (created.status !== 201) throw new Error(`Cannot make the pod: ${created.text}`);
}
