// The benchmark of the API server: ours on its own store and on etcd, beside what this machine can at most, in one run.
//
//   npm run bench -w labs/02-apiserver              some five minutes
//   npm run bench -w labs/02-apiserver -- --quick   about a minute: shorter, fewer pods, coarser figures
//
// The limits are a plain Node HTTPS server that sends the same bytes, and our store's durable put without a server before it. The
// figures of kube-apiserver are from such a machine, not from this run. No figure here is asserted: machines differ.
// A profile: BENCH_NODE_OPTIONS='--cpu-prof --cpu-prof-dir=DIR' … --only 'create pod, 64' --no-etcd
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { compile, isEtcdThere, Load, makePki, Server, type ServerName } from './programs.ts';
import { Scenarios, type Size } from './scenarios.ts';
import { type Row, tableOf } from './table.ts';

const QUICK: Size = { ms: 600, turns: 1, idleMs: 1000, manyPods: 2000 };
const FULL: Size = { ms: 3000, turns: 3, idleMs: 10_000, manyPods: 9700 };

interface Options {
  readonly quick?: boolean;
  readonly only?: string;
  readonly verbose?: boolean;
  readonly ms?: string;
  readonly turns?: string;
  readonly etcd: boolean;
  readonly directory: string;
}

async function main(options: Options): Promise<void> {
  const directory = await mkdtemp(join(options.directory, 'kube-labs-bench-'));
  const load = new Load();
  const servers: Server[] = [];
  const cleanUp = async () => {
    await Promise.all([load.stop(), ...servers.map((server) => server.stop())]);
    await rm(directory, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void cleanUp().finally(() => process.exit(1)));
  }
  const rows: Row[] = [];
  try {
    await compile();
    const pki = await makePki(directory);
    for (const name of await serverNames(options)) {
      await mkdir(join(directory, name));
      servers.push(new Server(name, directory, pki));
    }
    const size = sizeOf(options);
    const only = new RegExp(options.only ?? '');
    // The rows go to the table at the end; who waits sees one more line now.
    const add = (row: Row) => {
      rows.push(row);
      process.stderr.write(`  ${row.what}\n`);
    };
    const say = (text: string) => {
      if (options.verbose === true) process.stderr.write(`    ${text}\n`);
    };
    await new Scenarios({ servers, load, pki, directory, size, only, add, say }).run();
  } finally {
    await cleanUp();
  }
  process.stdout.write(`${tableOf(rows)}\n`);
}

async function serverNames({ etcd }: Options): Promise<ServerName[]> {
  return etcd && (await isEtcdThere()) ? ['ours', 'onEtcd'] : ['ours'];
}

function sizeOf({ quick = false, ms, turns }: Options): Size {
  const size = quick ? QUICK : FULL;
  return { ...size, ms: Number(ms ?? size.ms), turns: Number(turns ?? size.turns) };
}

await new Command('bench')
  .description('Measures the API server beside what this machine can at most, in one run.')
  .option('--quick', 'about a minute, coarser figures')
  .option('--only <pattern>', 'only the rows whose names match this regular expression')
  .option('--verbose', 'the figures of every turn')
  .option('--ms <milliseconds>', 'how long each turn takes')
  .option('--turns <number>', 'how often each server is measured')
  .option('--no-etcd', 'not on a real etcd')
  .option('--directory <path>', 'where the data goes: the disk that is measured', tmpdir())
  .action(main)
  .parseAsync();
