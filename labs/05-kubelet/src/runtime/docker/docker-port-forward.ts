// DockerPortForward: connections to what listens in a pod, on its own 127.0.0.1, too.
//
// A process in the pod's network namespace makes the connection and hands it over: the kubelet then has the socket itself,
// with both its halves, and no byte passes through anybody else. One such process serves a sandbox as long as it is asked, and a
// few seconds more; it goes with the kubelet.
//
// Same idea upstream: containerd, pkg/cri/server/sandbox_portforward_linux.go, whose words kubectl shows; dockershim ran
// nsenter and socat.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { type PodSandbox, RuntimeError } from '../runtime.ts';

const CONNECT_TIMEOUT_MS = 30_000;
const IDLE_MS = 10_000;
const HOSTS = ['127.0.0.1', '::1'] as const;

/**
 * What runs in the namespace: plain JavaScript, since it has no file. IPv6 comes after IPv4, not beside it: what listens may have
 * one of both. Paused: not a byte may be read before the socket is where it belongs.
 */
const DIALER = `
const { connect } = require('node:net');
const idle = setTimeout(() => process.exit(), ${IDLE_MS});
process.on('disconnect', () => process.exit());
process.on('message', ({ id, port, hosts }) => {
  idle.refresh();
  const attempt = ([host, ...others], codes) => {
    const socket = connect({ port, host, timeout: ${CONNECT_TIMEOUT_MS} }).pause();
    const fail = ({ code }) => {
      socket.destroy();
      if (others.length > 0) attempt(others, [...codes, code]);
      else process.send({ id, codes: [...codes, code] });
    };
    socket.once('timeout', () => fail({ code: 'ETIMEDOUT' })).once('error', fail);
    socket.once('connect', () => {
      socket.setTimeout(0).off('error', fail);
      process.send({ id, codes }, socket);
    });
  };
  attempt(hosts, []);
});`;

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  ETIMEDOUT: 'i/o timeout',
  EADDRNOTAVAIL: 'connect: cannot assign requested address',
  ENETUNREACH: 'connect: network is unreachable',
};

type Answer = { readonly codes: readonly string[]; readonly socket?: Socket };

export class PodDialer {
  readonly #dialers = new Map<string, Dialer>();

  /** Both halves of the connection are the caller's; it was not read from. */
  async connect(sandbox: PodSandbox, port: number): Promise<Socket> {
    const { codes, socket } = await this.#dialerOf(sandbox).ask(port);
    if (socket !== undefined) return Object.assign(socket, { allowHalfOpen: true });
    const [four = '', six = ''] = codes.map((code) => WORDS[code] ?? code);
    const places = `IPv4: dial tcp4 127.0.0.1:${port}: ${four} IPv6 dial tcp6 [::1]:${port}: ${six}`;
    throw new RuntimeError(
      'failed',
      `failed to connect to localhost:${port} inside namespace "${sandbox.id}", ${places}`,
    );
  }

  #dialerOf(sandbox: PodSandbox): Dialer {
    const known = this.#dialers.get(sandbox.id);
    if (known !== undefined) return known;
    const dialer = new Dialer(sandbox, () => this.#dialers.delete(sandbox.id));
    this.#dialers.set(sandbox.id, dialer);
    return dialer;
  }
}

class Dialer {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve(answer: Answer): void; reject(error: Error): void }
  >();
  #nextId = 1;

  constructor({ id: sandboxId, network, pid }: PodSandbox, onEnd: () => void) {
    const program = [process.execPath, '-e', DIALER];
    const [command = '', ...args] =
      network === 'node' ? program : ['nsenter', `--net=/proc/${pid}/ns/net`, ...program];
    this.#process = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // Not the options of this Node, whose loaders would only make it slow.
      env: { PATH: process.env.PATH },
    });
    this.#process.on('message', ({ id, codes }: Answer & { id: number }, socket?: unknown) => {
      this.#waiting.get(id)?.resolve({ codes, ...(socket ? { socket: socket as Socket } : {}) });
      this.#waiting.delete(id);
    });
    const end = () => {
      onEnd();
      const error = new RuntimeError(
        'failed',
        `network namespace for sandbox "${sandboxId}" is closed`,
      );
      for (const { reject } of this.#waiting.values()) reject(error);
    };
    this.#process.once('exit', end).once('error', end);
    // Who waits for an answer keeps this process alive by itself.
    this.#process.unref();
    this.#process.channel?.unref();
  }

  ask(port: number): Promise<Answer> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      // When it is about to end, 'exit' says so.
      this.#process.send({ id, port, hosts: HOSTS }, () => {});
    });
  }
}
