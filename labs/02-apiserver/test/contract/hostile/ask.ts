// Asking: sends a hostile request as it is, and says what came back; whatever it is, it ends.
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect } from 'node:tls';
import type { HostileRequest } from './requests.ts';

/** No answer may take so long. */
export const ANSWER_MAX_MS = 15_000;
/** How long a connection with no proper request on it is watched for an answer. */
const RAW_MS = 150;
/** An answer that has begun and says nothing for so long is one that goes on. */
const QUIET_MS = 300;

export interface Answer {
  /** Undefined: the connection ended without one. */
  readonly status: number | undefined;
  readonly text: string;
}

export interface Asker {
  readonly url: string;
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  /** With every proper request, instead of what it has itself. */
  readonly headers?: Readonly<Record<string, string>>;
}

export class HostileClient {
  readonly #asker: Asker;
  readonly #agent: Agent;

  /** `connections` = how many at once. */
  constructor(asker: Asker, connections = 1) {
    this.#asker = asker;
    const { ca, cert, key } = asker;
    this.#agent = new Agent({ keepAlive: true, ca, cert, key, maxSockets: connections });
  }

  send(hostile: HostileRequest): Promise<Answer> {
    return hostile.raw === undefined ? this.#ask(hostile) : this.#shout(hostile.raw);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** A proper request. Whatever goes on and on (watches, upgraded connections) is left as soon as it has begun. */
  #ask({ method, path, headers, body }: HostileRequest): Promise<Answer> {
    return new Promise((resolve) => {
      // Node's own client will not send what is no URL or header at all; such bytes are shouted instead.
      const outgoing = this.#tryRequest({ method, path, headers });
      if (outgoing === undefined) {
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
        const head = [`${method} ${path} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n');
        resolve(this.#shout(Buffer.concat([Buffer.from(head, 'utf8'), body ?? Buffer.alloc(0)])));
        return;
      }
      const timer = setTimeout(() => outgoing.destroy(), ANSWER_MAX_MS + 1000);
      const finish = (answer: Answer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      outgoing.on('response', (response) => void read(response).then(finish));
      outgoing.on('upgrade', (response, socket) => {
        socket.destroy();
        finish({ status: response.statusCode, text: '' });
      });
      outgoing.on('error', (error) => finish({ status: undefined, text: String(error) }));
      outgoing.end(body);
    });
  }

  #tryRequest(options: Pick<HostileRequest, 'method' | 'path' | 'headers'>) {
    const { url, headers } = this.#asker;
    const all = { ...options.headers, ...headers };
    try {
      return request(url, { ...options, headers: all, agent: this.#agent });
    } catch {
      return undefined;
    }
  }

  #shout(bytes: Buffer): Promise<Answer> {
    const { ca, cert, key, url } = this.#asker;
    const port = Number(new URL(url).port);
    const socket = connect({ host: '127.0.0.1', port, ca, cert, key });
    return new Promise((resolve) => {
      let text = '';
      const finish = () => {
        clearTimeout(timer);
        socket.destroy();
        const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
        resolve({ status: status === undefined ? undefined : Number(status), text });
      };
      let timer = setTimeout(finish, ANSWER_MAX_MS + 1000);
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
      });
      socket.on('secureConnect', () => {
        socket.write(bytes);
        clearTimeout(timer);
        timer = setTimeout(finish, RAW_MS);
      });
      socket.on('error', finish);
      socket.on('close', finish);
    });
  }
}

/** To the end, or until nothing more comes: a watch or a log that goes on. */
function read(response: IncomingMessage): Promise<Answer> {
  let text = '';
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      response.destroy();
      resolve({ status: response.statusCode, text });
    };
    const timer = setTimeout(finish, QUIET_MS);
    response.setEncoding('utf8').on('data', (chunk: string) => {
      timer.refresh();
      if (text.length < 2000) text += chunk;
    });
    response.once('close', finish);
    response.once('error', finish);
    response.once('end', () => {
      clearTimeout(timer);
      resolve({ status: response.statusCode, text });
    });
  });
}
