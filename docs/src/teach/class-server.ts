// ClassServer: a class on the room's network. Learners join with a code and say how they stand; the teacher sees a live board.
//
//   POST /v1/join {code, name} → {id, token}      POST /v1/progress {step, passed, failing}      POST /v1/hand {up}
//   POST /v1/leave                                (the last three with Authorization: Bearer TOKEN)
//   GET  /board/KEY the page, /board/KEY/events the same as a stream, /board/KEY/board.json once
//   POST /board/KEY/hand-down {id}                the teacher has been there
// Rules of use
//   - KEY is for the teacher alone. The code is for the room. Neither is in a log.
//   - Plain HTTP: names and progress can be read by who listens on this network. The command says so when it starts.
//   - Everything has a maximum: body, learners, boards that listen, wrong codes a minute.
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LabError } from '../lab/lab-error.ts';
import {
  boardOf,
  ClassError,
  type Classroom,
  join,
  leave,
  type PlannedStep,
  parseProgress,
  record,
  setHand,
} from './classroom.ts';

const BODY_BYTES_MAX = 16 * 1024;
const BOARDS_MAX = 20;
const WRONG_CODES_A_MINUTE_MAX = 20;
const REFRESH_MS = 10_000;
/** Without letters and digits that look alike on a projector. */
const CODE_LETTERS = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';

export interface ClassServerOptions {
  readonly room: Classroom;
  readonly plan: readonly PlannedStep[];
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly now?: () => number;
  /** Called with each new state. A failure is said once on the board's side, and loses nothing that is in memory. */
  readonly save?: (room: Classroom) => Promise<void>;
  readonly warn?: (message: string) => void;
}

export interface ClassServer extends AsyncDisposable {
  readonly port: number;
  readonly room: Classroom;
}

export function newClassroom(): Classroom {
  const letters = Array.from({ length: 6 }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)]);
  return { code: letters.join(''), boardKey: randomBytes(12).toString('base64url'), learners: [] };
}

/** Throws with a sentence when the address cannot be listened on. */
export async function startClassServer(options: ClassServerOptions): Promise<ClassServer> {
  const page = await readFile(new URL('./assets/board.html', import.meta.url), 'utf8');
  const service = new ClassService(options, page);
  const server = createServer((request, response) => {
    service.handle(request, response).catch((error: unknown) => answerError(response, error));
  });
  server.requestTimeout = 10_000;
  server.listen(options.port, options.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'the port is in use; choose another with --port' : message;
    throw new LabError(`Cannot open the class on ${options.host}:${options.port}: ${why}`, 2);
  }
  return {
    port: (server.address() as AddressInfo).port,
    get room() {
      return service.room;
    },
    async [Symbol.asyncDispose]() {
      service.close();
      server.close();
      server.closeAllConnections();
      await service.saved;
    },
  };
}

class ClassService {
  room: Classroom;
  saved: Promise<void> = Promise.resolve();
  readonly #options: ClassServerOptions;
  readonly #page: string;
  readonly #boards = new Set<ServerResponse>();
  readonly #wrongCodes = new Map<string, { minute: number; count: number }>();
  readonly #refresh: NodeJS.Timeout;

  constructor(options: ClassServerOptions, page: string) {
    this.#options = options;
    this.#page = page;
    this.room = options.room;
    // The minutes on the board go on also when nobody says anything.
    this.#refresh = setInterval(() => this.#tellBoards(), REFRESH_MS);
  }

  close(): void {
    clearInterval(this.#refresh);
    for (const board of this.#boards) board.end();
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const [, area = '', name = '', action = ''] = path.split('/');
    if (area === 'board' && name === this.room.boardKey) {
      await this.#board(action, request, response);
    } else if (area === 'v1' && request.method === 'POST') {
      sendJson(response, 200, await this.#learner(name, request));
    } else if (path === '/' && request.method === 'GET') {
      send(response, 200, 'text/plain; charset=utf-8', `${this.#howToJoin(request)}\n`);
    } else {
      throw new ClassError(404, 'There is nothing here; the board has an address of its own');
    }
  }

  #howToJoin({ headers }: IncomingMessage): string {
    return `A kube-labs class. To join, ask for the code, then in your checkout:\n\n    npm run lab -- join http://${headers.host} CODE --name "your name"\n\nYour name, step, times and the ids of failing tests travel; nothing else.`;
  }

  async #learner(verb: string, request: IncomingMessage): Promise<object> {
    const body = await readJson(request);
    if (verb === 'join') return this.#join(body, request.socket.remoteAddress ?? '');
    const id = this.#who(request);
    const now = this.#now();
    if (verb === 'progress') this.#change(record(this.room, id, parseProgress(body), now));
    else if (verb === 'hand') this.#change(setHand(this.room, id, body.up === true, now));
    else if (verb === 'leave') this.#change(leave(this.room, id));
    else throw new ClassError(404, `A class does not know ${JSON.stringify(verb)}`);
    return {};
  }

  #join(body: Record<string, unknown>, address: string): object {
    const minute = Math.floor(this.#now() / 60_000);
    const wrong = this.#wrongCodes.get(address);
    const count = wrong?.minute === minute ? wrong.count : 0;
    if (count >= WRONG_CODES_A_MINUTE_MAX) {
      throw new ClassError(429, 'Too many wrong codes from this machine: wait a minute');
    }
    if (String(body.code).toUpperCase() !== this.room.code) {
      this.#wrongCodes.set(address, { minute, count: count + 1 });
      throw new ClassError(403, 'That is not the code of this class: ask the teacher for it');
    }
    const id = randomBytes(6).toString('base64url');
    const token = randomBytes(18).toString('base64url');
    const who = { id, name: body.name, tokenHash: hashOf(token) };
    this.#change(join(this.room, who, this.#now()));
    return { id, token };
  }

  #who({ headers }: IncomingMessage): string {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    const tokenHash = hashOf(token);
    const learner = this.room.learners.find((known) => known.tokenHash === tokenHash);
    if (learner === undefined) {
      throw new ClassError(401, 'This class does not know you: join again with the code');
    }
    return learner.id;
  }

  async #board(action: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (action === 'hand-down' && request.method === 'POST') {
      const { id } = await readJson(request);
      this.#change(setHand(this.room, String(id), false, this.#now()));
      sendJson(response, 200, {});
    } else if (request.method !== 'GET') {
      throw new ClassError(405, 'The board is only to be read');
    } else if (action === 'board.json') {
      sendJson(response, 200, this.#boardNow());
    } else if (action === 'events') {
      this.#listen(request, response);
    } else if (action === '') {
      this.#sendPage(response);
    } else {
      throw new ClassError(404, 'The board has no such page');
    }
  }

  #sendPage(response: ServerResponse): void {
    const nonce = randomBytes(12).toString('base64url');
    response.setHeader(
      'content-security-policy',
      `default-src 'none'; connect-src 'self'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'`,
    );
    response.setHeader('referrer-policy', 'no-referrer');
    const html = this.#page.replaceAll('NONCE', nonce).replaceAll('BOARD_KEY', this.room.boardKey);
    send(response, 200, 'text/html; charset=utf-8', html);
  }

  #listen(request: IncomingMessage, response: ServerResponse): void {
    if (this.#boards.size >= BOARDS_MAX) {
      throw new ClassError(503, `${BOARDS_MAX} boards are open already: close one`);
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(eventOf(this.#boardNow()));
    this.#boards.add(response);
    request.once('close', () => this.#boards.delete(response));
  }

  #boardNow() {
    return boardOf(this.room, this.#options.plan, this.#now());
  }

  #change(room: Classroom): void {
    this.room = room;
    this.#tellBoards();
    this.saved =
      this.#options.save?.(room).catch((error: Error) => {
        this.#options.warn?.(`Cannot save the class: ${error.message}`);
      }) ?? this.saved;
  }

  #tellBoards(): void {
    if (this.#boards.size === 0) return;
    const event = eventOf(this.#boardNow());
    for (const board of this.#boards) board.write(event);
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) {
      throw new ClassError(413, `A message has at most ${BODY_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString() || '{}');
    if (typeof body === 'object' && body !== null) return body as Record<string, unknown>;
  } catch {
    // Said below, as for any other text that is no object.
  }
  throw new ClassError(400, 'A message is a JSON object');
}

function answerError(response: ServerResponse, error: unknown): void {
  const status = error instanceof ClassError ? error.status : 500;
  const message = error instanceof ClassError ? error.message : 'The class failed to answer';
  if (response.headersSent) response.end();
  else sendJson(response, status, { message });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(body));
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

function eventOf(board: object): string {
  return `data: ${JSON.stringify(board)}\n\n`;
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
