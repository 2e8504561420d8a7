// wire: raw requests to a test server, for what the client library hides: headers, broken bodies, streams.
import { Agent, request } from 'node:https';
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
  /** Default: connections that stay open, for all requests to this server; false: a connection of its own. */
  readonly agent?: Agent | false;
}

/** A handshake with a client's certificate takes longer than most requests. */
const agents = new WeakMap<TestApiServer, Agent>();

function agentOf(server: TestApiServer): Agent {
  const agent = agents.get(server) ?? new Agent({ keepAlive: true });
  agents.set(server, agent);
  return agent;
}

export function wire(
  server: TestApiServer,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
    anonymous = false,
    agent = agentOf(server),
  }: WireOptions = {},
): Promise<WireAnswer> {
  const { ca, cert, key } = server.adminOptions;
  const bytes = bytesOf(body);
  const type = bytes === undefined ? {} : { 'content-type': 'application/json' };
  const credentials = anonymous ? {} : { cert, key };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      server.url,
      { path, method, ca, ...credentials, agent, headers: { ...type, ...headers } },
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
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // A connection that had ended before it was used, with a server that was restarted: nobody has seen the request.
      const isStale = outgoing.reusedSocket && error.code === 'ECONNRESET';
      if (!isStale) reject(error);
      else
        resolve(
          wire(server, path, {
            method,
            headers,
            ...(bytes && { body: bytes }),
            anonymous,
            agent: false,
          }),
        );
    });
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
