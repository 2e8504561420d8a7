// Namespace: a network namespace of a test's own, and what runs inside it: commands, servers that say who asks, and clients.
//
// It lives as long as a process that sleeps; with it goes all that was made inside.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { type HostCommand, runHostCommand } from '#src/host-command.ts';

const DEADLINE_MS = 60_000;
/** Where there is an answer, it comes: this long only a busy machine takes. */
const CLIENT_TIMEOUT_MS = 60_000;

/** Answers `NAME ADDRESS`, with the address that the question came from. */
const SERVER = `
const [name, port, host] = process.argv.slice(1);
const answer = (address) => name + ' ' + address;
require('node:net').createServer((s) => s.on('error', () => {}).end(answer(s.remoteAddress)))
  .listen({ port, host }, () => {
    const udp = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
    udp.on('message', (_, from) => udp.send(answer(from.address), from.port, from.address));
    udp.bind({ port, address: host }, () => console.log('listens'));
  });`;

/** Prints the answer, or the code of the error. */
const CLIENT = `
const [protocol, port, host, timeoutMs] = process.argv.slice(1);
const done = (text) => { console.log(text); process.exit(); };
setTimeout(() => done('ETIMEDOUT'), Number(timeoutMs));
if (protocol === 'udp') {
  const udp = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  udp.on('message', (data) => done(String(data))).on('error', (error) => done(error.code));
  udp.connect(Number(port), host, () => udp.send('?'));
} else {
  require('node:net').connect({ port, host })
    .on('data', (data) => done(String(data))).on('error', (error) => done(error.code));
}`;

export class Namespace implements AsyncDisposable {
  readonly pid: number;
  readonly netns: string;
  readonly #holder: ChildProcess;
  readonly #servers: ChildProcess[] = [];

  private constructor(holder: ChildProcess, pid: number) {
    this.#holder = holder;
    this.pid = pid;
    this.netns = `/proc/${pid}/ns/net`;
  }

  static async make(): Promise<Namespace> {
    const holder = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' });
    const pid = holder.pid ?? 0;
    const own = readlinkSync('/proc/self/ns/net');
    const deadlineMs = Date.now() + DEADLINE_MS;
    while (readlinkSync(`/proc/${pid}/ns/net`) === own) {
      if (Date.now() > deadlineMs) throw new Error('There is no new namespace');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return new Namespace(holder, pid);
  }

  /** Runs a command inside. */
  readonly run: HostCommand = (command, args, options) =>
    runHostCommand('nsenter', [`--net=${this.netns}`, command, ...args], options);

  /** What `ip -j` says. */
  async ip(...args: string[]): Promise<Record<string, unknown>[]> {
    return JSON.parse((await this.run('ip', ['-j', ...args])) || '[]');
  }

  /** A server for TCP and UDP. */
  async serve(name: string, port: number, host = '0.0.0.0'): Promise<void> {
    const server = spawn('nsenter', [
      ...[`--net=${this.netns}`, process.execPath, '-e', SERVER],
      ...[name, String(port), host],
    ]);
    this.#servers.push(server);
    await once(server.stdout, 'data', { signal: AbortSignal.timeout(DEADLINE_MS) });
  }

  /** What the server at this place answers; ETIMEDOUT where it does not. */
  ask(
    host: string,
    port: number,
    protocol: 'tcp' | 'udp' = 'tcp',
    timeoutMs = CLIENT_TIMEOUT_MS,
  ): Promise<string> {
    const args = [`--net=${this.netns}`, process.execPath, '-e', CLIENT];
    return new Promise((resolve, reject) => {
      const all = [...args, protocol, String(port), host, String(timeoutMs)];
      execFile('nsenter', all, (error, stdout) => {
        if (error === null) resolve(stdout.trim());
        else reject(error);
      });
    });
  }

  /** A cable from here to there. */
  async connect(other: Namespace, name: string, address: string, theirs: string): Promise<void> {
    await this.run('ip', [
      'link',
      'add',
      name,
      'type',
      'veth',
      'peer',
      'name',
      name,
      'netns',
      `${other.pid}`,
    ]);
    for (const [one, cidr] of [
      [this, address],
      [other, theirs],
    ] as const) {
      await one.run('ip', ['-batch', '-'], {
        input: `link set lo up\naddr add ${cidr} dev ${name}\nlink set ${name} up`,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#servers, this.#holder].filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    await Promise.all(
      all.map((child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        return ended;
      }),
    );
  }
}
