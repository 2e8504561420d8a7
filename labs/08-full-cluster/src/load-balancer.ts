// LoadBalancer: one address for several API servers. A TCP connection goes to one that is ready.
//
// TLS passes through untouched, so clients prove themselves to the API server itself. Who is ready is asked of
// everybody once a second (/readyz); each backend is in one of three states:
//
//   ready     answers 200: takes new connections, in turns
//   unready   answers something else, or nothing yet: takes none while another is ready, keeps those it has
//   gone      takes no connection twice in a row, or refuses it: those it had are cut, so that clients come back
//             at once, to another one, and do not wait for a machine that will never answer. A machine takes
//             connections however busy its programs are, so slowness is no reason
//
// Invariant: a connection is tried on every backend that could take it before it is given up. When none is
// ready all are tried: at the start of a cluster, the first to listen answers for itself.
//
// Upstream: whatever stands before a kubeadm cluster's controlPlaneEndpoint; kind uses HAProxy.

import { once } from 'node:events';
import { request } from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '@kube-labs/apiserver';

export interface Backend {
  readonly host: string;
  readonly port: number;
}

export type Readiness = 'ready' | 'unready' | 'gone';

export interface LoadBalancerOptions {
  readonly backends: readonly Backend[];
  /** What a look at a backend said; it throws when there was no connection. */
  readonly look: (backend: Backend, signal: AbortSignal) => Promise<'ready' | 'unready'>;
  readonly log: Logger;
  readonly everyMs?: number;
  readonly patienceMs?: number;
}

const everyMsDefault = 1_000;
const patienceMsDefault = 1_000;
const failuresMax = 2;
const answerMs = 5_000;

/** In which order a new connection tries the backends: those that are ready, `turn` by turn; else everybody. */
export function candidates(states: readonly Readiness[], turn: number): number[] {
  const all = states.map((_, index) => index);
  const ready = all.filter((index) => states[index] === 'ready');
  const chosen = ready.length > 0 ? ready : all;
  return chosen.map((_, index) => chosen[(index + turn) % chosen.length] ?? 0);
}

/** What a backend is after a look; one that got no connection is pardoned, unless it was refused. */
export function judge(
  before: Readiness,
  answer: 'ready' | 'unready' | 'refused' | 'silent',
  failures: number,
): Readiness {
  if (answer === 'ready' || answer === 'unready') return answer;
  return answer === 'refused' || failures >= failuresMax ? 'gone' : before;
}

interface Slot {
  readonly backend: Backend;
  readonly connections: Set<Socket>;
  readiness: Readiness;
  failures: number;
}

export class LoadBalancer implements AsyncDisposable {
  readonly #options: LoadBalancerOptions;
  readonly #slots: Slot[];
  readonly #server: Server;
  readonly #stopping = new AbortController();
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LoadBalancerOptions) {
    this.#options = options;
    this.#slots = options.backends.map((backend) => ({
      backend,
      connections: new Set(),
      readiness: 'gone',
      failures: 0,
    }));
    this.#server = createServer((client) => void this.#serve(client));
  }

  /** Resolves with the port. */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    this.#lookAround();
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  states(): readonly Readiness[] {
    return this.#slots.map(({ readiness }) => readiness);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const slot of this.#slots) cut(slot);
    await closed;
  }

  async #serve(client: Socket): Promise<void> {
    client.on('error', () => client.destroy());
    const turn = this.#turn++;
    for (const index of candidates(this.states(), turn)) {
      const slot = this.#slots[index];
      const upstream = slot && (await this.#connect(slot.backend));
      if (slot === undefined || upstream === undefined) continue;
      join(client, upstream, slot.connections);
      return;
    }
    client.destroy();
  }

  #connect({ host, port }: Backend): Promise<Socket | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ host, port, noDelay: true });
      const end = (result: Socket | undefined) => {
        clearTimeout(timer);
        if (result === undefined) socket.destroy();
        resolve(result);
      };
      const timer = setTimeout(() => end(undefined), this.#patienceMs);
      socket.once('connect', () => end(socket));
      socket.on('error', () => end(undefined));
    });
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? patienceMsDefault;
  }

  #lookAround(): void {
    const looks = this.#slots.map((slot) => this.#look(slot));
    const again = () => {
      if (this.#stopping.signal.aborted) return;
      this.#timer = setTimeout(() => this.#lookAround(), this.#options.everyMs ?? everyMsDefault);
    };
    void Promise.all(looks).then(again);
  }

  async #look(slot: Slot): Promise<void> {
    const { look, log } = this.#options;
    const patience = AbortSignal.timeout(this.#patienceMs);
    const signal = AbortSignal.any([patience, this.#stopping.signal]);
    const answer = await look(slot.backend, signal).catch((error: unknown) =>
      isRefusal(error) ? ('refused' as const) : ('silent' as const),
    );
    if (this.#stopping.signal.aborted) return;
    slot.failures = answer === 'silent' ? slot.failures + 1 : 0;
    const before = slot.readiness;
    slot.readiness = judge(before, answer, slot.failures);
    if (slot.readiness === before) return;
    log.info('A backend changed', { backend: slot.backend.host, before, now: slot.readiness });
    if (slot.readiness === 'gone') cut(slot);
  }
}

/** Asks an API server whether it is ready, as anybody may. `signal` ends the wait for a connection only. */
export async function lookAt(
  { host, port }: Backend,
  ca: string,
  signal: AbortSignal,
): Promise<'ready' | 'unready'> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal });
    return (await isReady(socket, { host, ca })) ? 'ready' : 'unready';
  } finally {
    socket.destroy();
  }
}

function isReady(socket: Socket, tls: { host: string; ca: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { ...tls, socket, path: '/readyz', agent: false, timeout: answerMs };
    const asked = request(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false));
    asked.once('close', () => resolve(false));
    asked.end();
  });
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}

/** Bytes both ways until one side ends; then the other ends, too. */
function join(client: Socket, upstream: Socket, connections: Set<Socket>): void {
  connections.add(upstream);
  client.setNoDelay(true);
  const end = () => {
    connections.delete(upstream);
    client.destroy();
    upstream.destroy();
  };
  upstream.once('close', end);
  client.once('close', end);
  if (client.destroyed) end();
  else client.pipe(upstream).pipe(client);
}

function cut({ connections }: Slot): void {
  for (const upstream of connections) upstream.destroy();
}
