// The benchmark of the store: ours over gRPC and ours in process, beside a real etcd, in one run on one disk.
//
//   npm run bench -w labs/01-store             a quarter of an hour
//   npm run bench -w labs/01-store -- --quick  under a minute: shorter, fewer keys, coarser figures
// Both servers are measured in turns (ours, etcd, ours, etcd …) with the same client, and of the turns the median counts, so
// that what else the machine does hits both alike. No figure here is asserted: machines differ.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { forkScript, Load, Server, type ServerName } from './servers.ts';
import { median } from './statistics.ts';
import { type Row, tableOf } from './table.ts';
import { compact, type Result, type Workload } from './workloads.ts';

const CLIENTS = [1, 16, 64, 256] as const;
const WATCHERS = [1, 10, 100] as const;
const RANGE_CLIENTS = 16;
const MIB = 1024 * 1024;

const QUICK = { ms: 500, turns: 2, keys: 50_000 };
const FULL = { ms: 4000, turns: 5, keys: 1_000_000 };

interface Options {
  readonly quick?: boolean;
  readonly only?: string;
  readonly verbose?: boolean;
  readonly ms?: string;
  readonly turns?: string;
  readonly directory: string;
}

interface ManyKeys {
  readonly keysPerSecond: number;
  readonly restartMs: number;
  readonly residentMiB: number;
}

type Figures = Readonly<Record<ServerName, readonly Result[]>>;

class Bench {
  readonly #load = new Load();
  readonly #servers: readonly Server[];
  readonly #directory: string;
  readonly #size: typeof QUICK;
  readonly #only: RegExp;
  readonly #isVerbose: boolean;
  readonly rows: Row[] = [];

  constructor(directory: string, options: Options) {
    const { quick = false, only = '', verbose = false, ms, turns } = options;
    this.#directory = directory;
    this.#isVerbose = verbose;
    const size = quick ? QUICK : FULL;
    this.#size = { ...size, ms: Number(ms ?? size.ms), turns: Number(turns ?? size.turns) };
    this.#only = new RegExp(only);
    this.#servers = (['ours', 'etcd'] as const).map((name) => new Server(name, directory));
  }

  async run(): Promise<void> {
    for (const server of this.#servers) {
      await server.start();
      await this.#load.run(server.port, { kind: 'prepare' });
    }
    await this.#ceiling();
    await this.#puts();
    await this.#ranges();
    await this.#watches();
    await this.#manyKeys();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#load.stop(), ...this.#servers.map((server) => server.stop())]);
  }

  /** What the client reaches on a server that does nothing: no figure above may come near it. */
  async #ceiling(): Promise<void> {
    if (!this.#wanted('client alone')) return;
    const { said, stop } = await forkScript<{ port: number }>('null-server.ts', []);
    try {
      for (const clients of [64, 256]) {
        const { ms } = this.#size;
        const { perSecond } = await this.#load.run(said.port, { kind: 'put', clients, ms });
        this.#add({
          what: `client alone, ${clients} clients (server does nothing)`,
          ours: perSecond,
          etcd: undefined,
          unit: '/s',
          better: 'higher',
        });
      }
    } finally {
      await stop();
    }
  }

  async #puts(): Promise<void> {
    for (const clients of CLIENTS) {
      const what = `put, ${clients} clients`;
      if (!this.#wanted(what)) continue;
      const { ms } = this.#size;
      const inProcess: Result[] = [];
      const figures = await this.#inTurns({ kind: 'put', clients, ms }, async (turn) => {
        inProcess.push(await this.#inProcess(clients, turn));
      });
      this.#addRate(`${what}, gRPC`, figures);
      this.#addMedian(`${what}, gRPC, median of one put`, figures);
      this.#addRate(`${what}, in process`, { ...figures, ours: inProcess });
    }
  }

  async #ranges(): Promise<void> {
    for (const keys of [1, 1000] as const) {
      const what = `range of ${keys}, ${RANGE_CLIENTS} clients, gRPC`;
      if (!this.#wanted(what)) continue;
      const { ms } = this.#size;
      this.#addRate(what, await this.#inTurns({ kind: 'range', keys, clients: RANGE_CLIENTS, ms }));
    }
  }

  async #watches(): Promise<void> {
    const { ms } = this.#size;
    for (const watchers of WATCHERS) {
      const what = `events to ${watchers} watchers, gRPC`;
      if (!this.#wanted(what)) continue;
      this.#addRate(what, await this.#inTurns({ kind: 'fan-out', watchers, ms }));
    }
    const what = 'put to event, gRPC';
    if (!this.#wanted(what)) return;
    const figures = await this.#inTurns({ kind: 'latency', ms });
    this.#addMedian(`${what}, median`, figures);
    this.#addMs(`${what}, 99th percentile`, figures, ({ p99Ms }) => p99Ms);
  }

  /** New servers, many keys, their memory, and a restart. One turn: it takes long enough as it is. */
  async #manyKeys(): Promise<void> {
    const { keys } = this.#size;
    const what = `${keys.toLocaleString('en-US')} keys`;
    if (!this.#wanted(what)) return;
    const figures = new Map<ServerName, ManyKeys>();
    for (const { name } of this.#servers) {
      const directory = join(this.#directory, 'many-keys');
      await mkdir(directory, { recursive: true });
      figures.set(name, await this.#fill(new Server(name, directory), keys));
    }
    const row = (text: string, unit: string, better: Row['better'], figure: keyof ManyKeys) => {
      const [ours, etcd] = [figures.get('ours')?.[figure] ?? 0, figures.get('etcd')?.[figure]];
      this.#add({ what: `${what}, ${text}`, ours, etcd, unit, better });
    };
    row('written, 100 in a transaction', 'keys/s', 'higher', 'keysPerSecond');
    row('from start to first answer', 'ms', 'lower', 'restartMs');
    row('resident memory after it', 'MiB', 'lower', 'residentMiB');
  }

  async #fill(server: Server, keys: number): Promise<ManyKeys> {
    try {
      await server.start();
      const { perSecond } = await this.#load.run(server.port, { kind: 'fill', keys });
      await server.stop();
      const restartMs = await server.start();
      const residentMiB = (await server.residentBytes()) / MIB;
      return { keysPerSecond: perSecond, restartMs, residentMiB };
    } finally {
      await server.stop();
    }
  }

  /** `also` is measured in the same turns. */
  async #inTurns(workload: Workload, also?: (turn: number) => Promise<void>): Promise<Figures> {
    const figures: Record<ServerName, Result[]> = { ours: [], etcd: [] };
    for (let turn = 0; turn < this.#size.turns; turn++) {
      for (const { name, port } of this.#servers) {
        const result = await this.#load.run(port, workload);
        this.#say(`${name} ${JSON.stringify(workload)} ${JSON.stringify(result)}`);
        figures[name].push(result);
        await compact(port);
      }
      await also?.(turn);
    }
    return figures;
  }

  async #inProcess(clients: number, turn: number): Promise<Result> {
    const dataDir = join(this.#directory, `in-process-${clients}-${turn}`);
    const args = [dataDir, `${clients}`, `${this.#size.ms}`];
    const { said: result, stop } = await forkScript<Result>('in-process.ts', args);
    await stop();
    await rm(dataDir, { recursive: true });
    this.#say(`in process ${clients} clients ${JSON.stringify(result)}`);
    return result;
  }

  #wanted(what: string): boolean {
    return this.#only.test(what);
  }

  #addRate(what: string, figures: Figures): void {
    const of = (results: readonly Result[]) => median(results.map(({ perSecond }) => perSecond));
    const [ours, etcd] = [of(figures.ours), of(figures.etcd)];
    this.#add({ what, ours, etcd, unit: '/s', better: 'higher' });
  }

  #addMedian(what: string, figures: Figures): void {
    this.#addMs(what, figures, ({ medianMs }) => medianMs);
  }

  #addMs(what: string, figures: Figures, pick: (result: Result) => number): void {
    const [ours, etcd] = [median(figures.ours.map(pick)), median(figures.etcd.map(pick))];
    this.#add({ what, ours, etcd, unit: 'ms', better: 'lower' });
  }

  /** The rows go to the table at the end; who waits sees one more line now. */
  #add(row: Row): void {
    this.rows.push(row);
    process.stderr.write(`  ${row.what}\n`);
  }

  #say(text: string): void {
    if (this.#isVerbose) process.stderr.write(`    ${text}\n`);
  }
}

async function main(options: Options): Promise<void> {
  const directory = await mkdtemp(join(options.directory, 'kube-labs-bench-'));
  const bench = new Bench(directory, options);
  const cleanUp = async () => {
    await bench.stop();
    await rm(directory, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void cleanUp().finally(() => process.exit(1)));
  }
  try {
    await bench.run();
  } finally {
    await cleanUp();
  }
  process.stdout.write(`${tableOf(bench.rows)}\n`);
}

await new Command('bench')
  .description('Measures the store beside a real etcd, in one run.')
  .option('--quick', 'under a minute, coarser figures')
  .option('--only <pattern>', 'only the rows whose names match this regular expression')
  .option('--verbose', 'the figures of every turn')
  .option('--ms <milliseconds>', 'how long each turn takes')
  .option('--turns <number>', 'how often each server is measured')
  .option('--directory <path>', 'where the data goes: the disk that is measured', tmpdir())
  .action(main)
  .parseAsync();
