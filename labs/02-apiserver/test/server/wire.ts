// wire: raw requests to a test server, for what the client library hides: headers, broken bodies, streams.
import { type Agent, request } from 'node:https';
import type { TestApiServer } from '../../src/server/test-api-server.ts';

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: the tests read answers of every shape.
  readonly json: any;
}

export interface WireOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | object;
  /** No client certificate. */
  readonly anonymous?: boolean;
  /** Default: a connection of its own. */
  readonly agent?: Agent;
}

export function wire(
  server: TestApiServer,
  path: string,
  { method = 'GET', headers = {}, body, anonymous = false, agent }: WireOptions = {},
): Promise<WireAnswer> {
  const { ca, cert, key } = server.adminOptions;
  const bytes = bytesOf(body);
  const type = bytes === undefined ? {} : { 'content-type': 'application/json' };
  const credentials = anonymous ? {} : { cert, key };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      server.url,
      { path, method, ca, ...credentials, agent: agent ?? false, headers: { ...type, ...headers } },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text,
            json: parsed(text),
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}

function bytesOf(body: WireOptions['body']): string | Uint8Array | undefined {
  return typeof body === 'object' && !(body instanceof Uint8Array) ? JSON.stringify(body) : body;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
