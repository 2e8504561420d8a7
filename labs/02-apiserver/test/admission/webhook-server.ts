// webhook-server: a real HTTPS server on 127.0.0.1 that answers admission reviews as a test says.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createCertificateAuthority, issueCertificate } from '#src/server/pki.ts';

// biome-ignore lint/suspicious/noExplicitAny: the tests read reviews of every shape.
export type Review = any;

export interface WebhookServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly caBundle: string;
  /** Every review that came, in order. */
  readonly reviews: Review[];
  readonly paths: string[];
  /** By path: what is answered. `raw` answers by itself. */
  readonly answers: Map<string, Answer>;
}

export type Answer =
  | { readonly response: (request: Review) => object }
  | { readonly raw: (request: IncomingMessage, response: ServerResponse, review: Review) => void };

export async function startWebhookServer(dnsNames: string[] = []): Promise<WebhookServer> {
  const ca = await createCertificateAuthority('webhooks');
  const tls = await issueCertificate(ca, {
    commonName: 'webhook',
    server: true,
    dnsNames,
    ipAddresses: ['127.0.0.1'],
  });
  const reviews: Review[] = [];
  const paths: string[] = [];
  const answers = new Map<string, Answer>();
  const server = createServer(tls, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review: Review = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      reviews.push(review);
      paths.push(request.url ?? '');
      const answer = answers.get((request.url ?? '').split('?')[0] ?? '');
      if (answer !== undefined && 'raw' in answer) return answer.raw(request, response, review);
      const { uid } = review.request;
      const said = answer?.response(review.request) ?? { allowed: true };
      const body = { ...review, request: undefined, response: { uid, ...said } };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    caBundle: Buffer.from(ca.cert).toString('base64'),
    reviews,
    paths,
    answers,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A response that patches. */
export function patching(operations: object[]): { readonly response: () => object } {
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  return { response: () => ({ allowed: true, patchType: 'JSONPatch', patch }) };
}
