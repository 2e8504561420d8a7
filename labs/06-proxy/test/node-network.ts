// NodeNetwork: a node with its pods and a neighbour outside, made of network namespaces.
//
//   pod-1 ─┐
//   pod-2 ─┴─ cbr0 (10.244.1.1) node eth0 (172.30.99.11) ─── eth0 (172.30.99.1) outside
//
// The node's default route leads outside, so whatever leaks there arrives, and is counted. In each namespace an agent runs.
// Nothing touches the network of the machine itself: the API server is reached over a Unix socket, which every namespace sees.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job, Outcome } from './netns-agent.ts';

export const NODE_IP = '172.30.99.11';
export const OUTSIDE_IP = '172.30.99.1';
export const GATEWAY_IP = '10.244.1.1';
export const POD_IPS = { 'pod-1': '10.244.1.11', 'pod-2': '10.244.1.12' } as const;
const NODE_EXECUTABLE = [process.execPath, '--import', 'tsx'] as const;

export type Place = 'node' | 'pod-1' | 'pod-2' | 'outside';

export class NodeNetwork implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'kl06-'));
  readonly #prefix = `kl06-${process.pid}`;
  readonly #agents = new Map<Place, Agent>();
  readonly #children: ChildProcess[] = [];
  #api: { readonly server: Server; readonly sockets: Set<Socket> } | undefined;
  #apiIsCut = false;

  static async create(): Promise<NodeNetwork> {
    const network = new NodeNetwork();
    try {
      network.#plug();
      const places: readonly Place[] = ['node', 'pod-1', 'pod-2', 'outside'];
      await Promise.all(places.map((place) => network.#startAgent(place)));
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs a program in a namespace and gives back what it printed. */
  exec(place: Place, ...command: readonly string[]): string {
    const args = ['netns', 'exec', this.#name(place), ...command];
    return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  do(place: Place, job: Job): Promise<Outcome> {
    const agent = this.#agents.get(place);
    if (agent === undefined) throw new Error(`No agent in ${place}`);
    return agent.do(job);
  }

  /** The outcome's value; throws the code when it failed. */
  async must<T>(place: Place, job: Job): Promise<T> {
    const outcome = await this.do(place, job);
    if (outcome.kind === 'failed') throw new Error(`${JSON.stringify(job)}: ${outcome.code}`);
    return outcome.value as T;
  }

  /** Starts a TypeScript program in the node's namespace. */
  start(file: string, args: readonly string[]): ChildProcess & { output(): string } {
    const command = ['netns', 'exec', this.#name('node'), ...NODE_EXECUTABLE, file, ...args];
    const child = spawn('ip', command, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#children.push(child);
    let text = '';
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    return Object.assign(child, { output: () => text });
  }

  /** Makes the API server at `port` of the machine's loopback the one at the same port of the node's. */
  async bringApi(port: number): Promise<void> {
    const sockets = new Set<Socket>();
    const path = join(this.directory, 'api.sock');
    const server = createServer((near) => {
      if (this.#apiIsCut) return near.destroy();
      const far = connect(port, '127.0.0.1');
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(one);
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => sockets.delete(one) && other.destroy());
      }
      return undefined;
    });
    this.#api = { server, sockets };
    server.listen(path);
    await once(server, 'listening');
    await this.must('node', { op: 'relay', port, path });
  }

  cutApi(): void {
    this.#apiIsCut = true;
    for (const socket of this.#api?.sockets ?? []) socket.destroy();
  }

  mendApi(): void {
    this.#apiIsCut = false;
  }

  /** Packets that arrived outside although they were addressed to the service range. */
  leaked(): number {
    const text = this.exec('outside', 'nft', 'list', 'table', 'ip', 'kl06');
    return Number(/packets (\d+)/.exec(text)?.[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents.values()) agent.close();
    for (const child of this.#children) child.kill('SIGKILL');
    this.cutApi();
    this.#api?.server.close();
    for (const place of ['node', 'pod-1', 'pod-2', 'outside'] as const) {
      try {
        execFileSync('ip', ['netns', 'del', this.#name(place)], { stdio: 'ignore' });
      } catch {
        // It was not made.
      }
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  #plug(): void {
    const places: readonly Place[] = ['node', 'pod-1', 'pod-2', 'outside'];
    for (const place of places) execFileSync('ip', ['netns', 'add', this.#name(place)]);
    for (const place of places) this.#ip(place, 'link set lo up');
    this.#ip('node', 'link add cbr0 type bridge');
    this.#ip('node', `addr add ${GATEWAY_IP}/24 dev cbr0`);
    this.#ip('node', 'link set cbr0 up');
    for (const [index, place] of (['pod-1', 'pod-2'] as const).entries()) {
      this.#ip('node', `link add veth${index} type veth peer name eth0 netns ${this.#name(place)}`);
      this.#ip('node', `link set veth${index} master cbr0 up`);
      this.#ip('node', `link set dev veth${index} type bridge_slave hairpin on`);
      this.#ip(place, `addr add ${POD_IPS[place]}/24 dev eth0`);
      this.#ip(place, 'link set eth0 up');
      this.#ip(place, `route add default via ${GATEWAY_IP}`);
    }
    this.#ip('node', `link add eth0 type veth peer name eth0 netns ${this.#name('outside')}`);
    this.#ip('node', `addr add ${NODE_IP}/24 dev eth0`);
    this.#ip('outside', `addr add ${OUTSIDE_IP}/24 dev eth0`);
    for (const place of ['node', 'outside'] as const) this.#ip(place, 'link set eth0 up');
    this.#ip('node', `route add default via ${OUTSIDE_IP}`);
    this.exec('node', 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    const count = 'type filter hook prerouting priority 0; ip daddr 10.96.0.0/16 counter';
    this.exec('outside', 'nft', `table ip kl06 { chain leaked { ${count}; }; }`);
  }

  async #startAgent(place: Place): Promise<void> {
    const file = new URL('./netns-agent.ts', import.meta.url).pathname;
    const command = ['netns', 'exec', this.#name(place), ...NODE_EXECUTABLE, file];
    const child = spawn('ip', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const agent = new Agent(child);
    this.#agents.set(place, agent);
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`The agent in ${place} ended with code ${code}`);
    });
    await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {}); // From now on its end is our doing.
    agent.listen();
  }

  #ip(place: Place, command: string): void {
    execFileSync('ip', ['-n', this.#name(place), ...command.split(' ')]);
  }

  #name(place: Place): string {
    return `${this.#prefix}-${place}`;
  }
}

class Agent {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  #lastId = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  listen(): void {
    this.#child.on('message', ({ id, outcome }: { id: number; outcome: Outcome }) => {
      this.#waiting.get(id)?.(outcome);
      this.#waiting.delete(id);
    });
  }

  do(job: Job): Promise<Outcome> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, job });
    });
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}
