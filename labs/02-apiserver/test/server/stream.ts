// stream: an answer that goes on, read as it comes: watches, and how they end.
import { request } from 'node:https';
import type { TestApiServer } from '#src/server/test-api-server.ts';

export interface OpenStream {
  readonly status: number;
  /** What has come so far. */
  text(): string;
  /** Resolves when the server ended it; `isComplete` is false when it was cut off. */
  readonly ended: Promise<{ readonly text: string; readonly isComplete: boolean }>;
}

/** Resolves when the head of the answer is there. */
export function openStream(server: TestApiServer, path: string): Promise<OpenStream> {
  const { ca, cert, key } = server.adminOptions;
  return new Promise((resolve, reject) => {
    const outgoing = request(server.url, { path, ca, cert, key, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      const ended = new Promise<{ text: string; isComplete: boolean }>((settle) => {
        answer.once('close', () => settle({ text, isComplete: answer.complete }));
      });
      answer.on('error', () => undefined);
      resolve({ status: answer.statusCode ?? 0, text: () => text, ended });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
