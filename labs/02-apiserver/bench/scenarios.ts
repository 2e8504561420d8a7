// The scenarios: which figures are taken, in which order, and what each is held against.
//
// The figures of kube-apiserver 1.28.7 on etcd 3.4 were taken on such a machine: two cores, TLS, the client beside it. Pods that are
// listed are made first, so that every later figure is one of a server that holds some thousand objects.

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { HttpConnection, requestBytes } from './http-connection.ts';
import { podsPath } from './pods.ts';
import {
  cpuSecondsOf,
  forkScript,
  type Load,
  type Pki,
  type Server,
  type ServerName,
} from './programs.ts';
import { median } from './statistics.ts';
import type { Row } from './table.ts';
import type { Result, Workload } from './workloads.ts';

export interface Size {
  /** How long each turn takes. */
  readonly ms: number;
  /** How often each server is measured; the median counts. */
  readonly turns: number;
  readonly idleMs: number;
  readonly manyPods: number;
}

export interface ScenarioParts {
  readonly servers: readonly Server[];
  readonly load: Load;
  readonly pki: Pki;
  readonly directory: string;
  readonly size: Size;
  readonly only: RegExp;
  add(row: Row): void;
  say(text: string): void;
}

/** With the microseconds of a processor that the server took for each request. */
type Figure = Result & { readonly cpuMicros?: number };
type Figures = Partial<Record<ServerName | 'limit', Figure[]>>;
type Pick = (result: Figure) => number;

/** A server is idle when its start is over: within 4 s it has given back what only the start needed. */
const SETTLE_MS = 5000;
const LIST_PODS = 1000;
/** Makes a pod about 2.8 KB long: 9,700 of them are 27 MB. */
const PADDING = 1000;
const FAN_OUT_CLIENTS = 32;
const STORED_BYTES = 2048;
const GETS = [
  { clients: 1, upstream: 620 },
  { clients: 64, upstream: 2200 },
] as const;
const CREATES = [
  { clients: 1, upstream: 240 },
  { clients: 16, upstream: 640 },
  { clients: 64, upstream: 740 },
] as const;
/** "At least three times": of a time that is a third. */
const THREE_TIMES = 3;
const A_THIRD = 0.33;

const perSecond: Pick = (result) => result.perSecond;
const medianMs: Pick = (result) => result.medianMs;
const p99Ms: Pick = (result) => result.p99Ms;
const deliveries: Pick = (result) => result.deliveriesPerSecond ?? 0;

export class Scenarios {
  readonly #parts: ScenarioParts;

  constructor(parts: ScenarioParts) {
    this.#parts = parts;
  }

  async run(): Promise<void> {
    await this.#idle();
    await this.#fill();
    await this.#reads();
    await this.#creates();
    await this.#watches();
    await this.#manyWatchers();
  }

  async #idle(): Promise<void> {
    const { servers, load, size } = this.#parts;
    const [ready, memory, busy]: [number[], number[], number[]] = [[], [], []];
    for (const server of servers) {
      ready.push(await server.start());
      await load.run(server.target, { kind: 'prepare' });
    }
    if (!this.#wanted('ready idle memory processor')) return;
    await wait(SETTLE_MS);
    for (const server of servers) {
      memory.push(await server.residentMiB());
      busy.push(await server.idlePercent(size.idleMs));
    }
    const lower = { better: 'lower' } as const;
    const both = ([ours = 0, onEtcd]: readonly number[]) => ({ ours, onEtcd });
    this.#add({
      what: 'ready after start',
      unit: 'ms',
      ...lower,
      ...both(ready),
      upstream: 3500,
      factor: A_THIRD,
    });
    this.#add({
      what: 'memory, idle',
      unit: 'MiB',
      ...lower,
      ...both(memory),
      upstream: 226,
      factor: 0.5,
    });
    this.#add({
      what: 'processor, idle',
      unit: '%',
      ...lower,
      ...both(busy),
      upstream: 3.3,
      factor: 1,
    });
  }

  async #fill(): Promise<void> {
    const { servers, load, size } = this.#parts;
    const pods = size.manyPods - LIST_PODS;
    const memory: number[] = [];
    for (const server of servers) {
      await load.run(server.target, { kind: 'fill', namespace: 'list', pods: LIST_PODS });
      if (!this.#wanted('memory LIST')) continue;
      await load.run(server.target, { kind: 'fill', namespace: 'many', pods, padding: PADDING });
      // With all that making them took: the most that it holds.
      memory.push(await server.residentMiB());
    }
    const [ours, onEtcd] = memory;
    if (ours === undefined) return;
    const what = `memory with ${size.manyPods.toLocaleString('en-US')} pods`;
    const upstream = size.manyPods === 9700 ? { upstream: 655, factor: 0.5 } : {};
    this.#add({ what, unit: 'MiB', better: 'lower', ours, onEtcd, ...upstream });
  }

  /** The plain server sends the same bytes, so what is between is what the API server does besides sending. */
  async #reads(): Promise<void> {
    const { manyPods } = this.#parts.size;
    const onePod = `${podsPath('list')}/fill-1`;
    const paths = [onePod, podsPath('list'), '/api/v1/pods'];
    const plain = await this.#plainServer(paths);
    const target = { ...this.#parts.pki.client, port: plain.said.port };
    const read = (path: string, clients: number) => {
      const { ms } = this.#parts.size;
      const limit = { kind: 'get', path: `/${paths.indexOf(path)}`, clients, ms } as const;
      const workload = { kind: 'get', path, clients, ms } as const;
      return this.#inTurns(workload, () =>
        timed(
          () => cpuSecondsOf(plain.pid),
          () => this.#parts.load.run(target, limit),
        ),
      );
    };
    try {
      for (const { clients, upstream } of GETS) {
        const what = `GET one pod, ${clients} ${clients === 1 ? 'connection' : 'connections'}`;
        if (!this.#wanted(what)) continue;
        const figures = await read(onePod, clients);
        this.#addRate(what, figures, { limitFactor: 0.6, upstream, factor: THREE_TIMES });
        const p50 = clients === 1 ? { upstream: 1.4, factor: A_THIRD } : {};
        this.#addTime(`${what}, p50`, figures, medianMs, p50);
      }
      const list = `LIST of ${LIST_PODS.toLocaleString('en-US')} pods`;
      if (this.#wanted(list)) {
        const targets = { limitFactor: 1 / 1.3, upstream: 25, factor: THREE_TIMES };
        this.#addRate(list, await read(podsPath('list'), 1), targets);
      }
      const whole = `LIST of all ${manyPods.toLocaleString('en-US')} pods`;
      if (this.#wanted(whole)) {
        const upstream = manyPods === 9700 ? { upstream: 410, factor: A_THIRD } : {};
        const figures = await read('/api/v1/pods', 1);
        this.#addTime(whole, figures, medianMs, { limitFactor: 1.3, ...upstream });
      }
    } finally {
      await plain.stop();
    }
  }

  async #creates(): Promise<void> {
    const { ms } = this.#parts.size;
    for (const { clients, upstream } of CREATES) {
      const what = `create pod, ${clients} ${clients === 1 ? 'connection' : 'connections'}`;
      if (!this.#wanted(what)) continue;
      const figures = await this.#inTurns({ kind: 'create', clients, ms }, (turn) =>
        this.#rawPuts(clients, turn),
      );
      this.#addRate(what, figures, { upstream, factor: THREE_TIMES });
      this.#addTime(`${what}, p50`, figures, medianMs, {});
    }
  }

  async #watches(): Promise<void> {
    const { ms } = this.#parts.size;
    const watchers = 100;
    const what = `${FAN_OUT_CLIENTS} writers, ${watchers} watchers`;
    if (this.#wanted(what)) {
      const clients = FAN_OUT_CLIENTS;
      const figures = await this.#inTurns({ kind: 'fan-out', watchers, clients, ms });
      this.#addRate(`${what}, creates`, figures, { upstream: 317, factor: THREE_TIMES });
      const told = { upstream: 22_700, factor: THREE_TIMES };
      this.#addRate(`${what}, deliveries`, figures, told, deliveries);
    }
    const last = `create to the last of ${watchers} watchers`;
    if (!this.#wanted(last)) return;
    const figures = await this.#inTurns({ kind: 'create-to-last', watchers, ms });
    this.#addTime(`${last}, p50`, figures, medianMs, { upstream: 12, factor: A_THIRD });
    this.#addTime(`${last}, p99`, figures, p99Ms, { upstream: 20, factor: A_THIRD });
  }

  /** The limit here is the same without the one that reads nothing. */
  async #manyWatchers(): Promise<void> {
    const what = '1,000 watchers, one that reads nothing';
    if (!this.#wanted(what)) return;
    const [server] = this.#parts.servers;
    if (server === undefined) return;
    const watch = { kind: 'fan-out', watchers: 1000, clients: 4, ms: this.#parts.size.ms } as const;
    const figures: Figures = { ours: [], limit: [] };
    figures.limit?.push(await this.#parts.load.run(server.target, watch));
    figures.ours?.push(await this.#parts.load.run(server.target, { ...watch, slow: 1 }));
    this.#addRate(`${what}, deliveries`, figures, {}, deliveries);
  }

  /** All servers take turns, and so does what limits them. */
  async #inTurns(workload: Workload, limit?: (turn: number) => Promise<Figure>): Promise<Figures> {
    const { servers, load, size } = this.#parts;
    const figures: Figures = {};
    for (let turn = 0; turn < size.turns; turn += 1) {
      for (const server of servers) {
        const { name, target } = server;
        const result = await timed(
          () => server.cpuSeconds(),
          () => load.run(target, workload),
        );
        this.#parts.say(`${name} ${JSON.stringify(workload)} ${JSON.stringify(result)}`);
        figures[name] = [...(figures[name] ?? []), result];
      }
      const reached = await limit?.(turn);
      if (reached !== undefined) {
        this.#parts.say(`limit ${JSON.stringify(reached)}`);
        figures.limit = [...(figures.limit ?? []), reached];
      }
    }
    return figures;
  }

  /** Sends what the API server sends for these paths right now. */
  async #plainServer(paths: readonly string[]) {
    const { servers, directory, pki } = this.#parts;
    const [server] = servers;
    if (server === undefined) throw new Error('there is no server to take bytes from');
    const connection = await HttpConnection.connect(server.target);
    const files: string[] = [];
    for (const [index, path] of paths.entries()) {
      const { body } = await connection.request(requestBytes('GET', path), { keepBody: true });
      this.#parts.say(`${path} is ${body.length} bytes`);
      files.push(join(directory, `body-${index}.json`));
      await writeFile(files.at(-1) ?? '', body);
    }
    connection.close();
    const { certFile, keyFile, caFile } = pki;
    return forkScript<{ port: number }>('plain-server.ts', [certFile, keyFile, caFile, ...files]);
  }

  async #rawPuts(clients: number, turn: number): Promise<Result> {
    const { directory, size } = this.#parts;
    const dataDir = join(directory, `raw-${clients}-${turn}`);
    const args = [dataDir, `${clients}`, `${size.ms}`, `${STORED_BYTES}`];
    const { said: result, stop } = await forkScript<Result>('raw-store.ts', args);
    await stop();
    await rm(dataDir, { recursive: true });
    return result;
  }

  #addRate(what: string, figures: Figures, targets: Partial<Row>, pick = perSecond): void {
    this.#addFigures({ what, unit: '/s', better: 'higher', ...targets }, figures, pick);
  }

  #addTime(what: string, figures: Figures, pick: Pick, targets: Partial<Row>): void {
    this.#addFigures({ what, unit: 'ms', better: 'lower', ...targets }, figures, pick);
  }

  #addFigures(row: Omit<Row, 'ours'>, { ours = [], onEtcd, limit }: Figures, pick: Pick): void {
    const of = (results: readonly Figure[]) => median(results.map(pick));
    const cpu = (results: readonly Figure[] = []) =>
      median(results.map(({ cpuMicros = 0 }) => cpuMicros)) || undefined;
    const both = row.unit === '/s' ? { cpuMicros: cpu(ours), limitCpuMicros: cpu(limit) } : {};
    this.#add({
      ...row,
      ...both,
      ours: of(ours),
      ...(onEtcd === undefined ? {} : { onEtcd: of(onEtcd) }),
      ...(limit === undefined ? {} : { limit: of(limit) }),
    });
  }

  #add(row: Row): void {
    this.#parts.add(row);
  }

  #wanted(what: string): boolean {
    return this.#parts.only.test(what);
  }
}

/** How much of a processor the server took meanwhile, a request: that other programs are busy does not change it much. */
async function timed(
  cpuSeconds: () => Promise<number>,
  run: () => Promise<Result>,
): Promise<Figure> {
  const before = await cpuSeconds();
  const result = await run();
  const seconds = (await cpuSeconds()) - before;
  return { ...result, cpuMicros: (seconds * 1e6) / Math.max(1, result.requests) };
}
