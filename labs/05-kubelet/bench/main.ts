// The benchmark of the kubelet: pods beside the engine's own containers, and what a node full of pods costs, in one run.
//
//   npm run bench -w labs/05-kubelet              some three minutes
//   npm run bench -w labs/05-kubelet -- --quick   about a minute: fewer turns and pods, coarser figures
//
// Wants root, Docker, and the image kube-labs/node:v1. No figure here is asserted: machines differ.
import { Command } from 'commander';
import { CLUSTER, Node } from './node.ts';
import { RawDocker } from './raw-docker.ts';
import { manyPods, podStarts, type Size } from './scenarios.ts';
import { type Row, tableOf } from './table.ts';

const QUICK: Size = { turns: 4, pods: 30, idleMs: 10_000, deaths: 5 };
const FULL: Size = { turns: 20, pods: 100, idleMs: 60_000, deaths: 20 };

async function main(options: { readonly quick?: boolean; readonly only?: string }): Promise<void> {
  const raw = new RawDocker();
  const label = `kube-labs=${CLUSTER}`;
  await raw.removeAll(label);
  const node = await Node.start();
  const cleanUp = async () => {
    await node[Symbol.asyncDispose]();
    await raw.removeAll(label);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void cleanUp().finally(() => process.exit(1)));
  }
  const rows: Row[] = [];
  // The rows go to the table at the end; who waits sees one more line now.
  const add = (row: Row) => {
    rows.push(row);
    process.stderr.write(`  ${row.what}: ${row.ours.toFixed(1)} ${row.unit}\n`);
  };
  const bench = { node, raw, size: options.quick === true ? QUICK : FULL, add };
  const wanted = (name: string) => options.only === undefined || options.only === name;
  try {
    if (wanted('one')) await podStarts(bench, 1);
    if (wanted('eight')) await podStarts(bench, 8);
    if (wanted('many')) await manyPods(bench);
  } finally {
    await cleanUp();
  }
  process.stdout.write(`${tableOf(rows)}\n`);
}

const command = new Command('bench')
  .description('Measures the kubelet.')
  .option('--quick', 'fewer turns and pods')
  .option('--only <scenario>', 'one, eight or many')
  .parse();
await main(command.opts());
