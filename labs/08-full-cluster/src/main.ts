// Full cluster's main: the launcher's verbs.
//
// Each verb is one function of its own file; this one reads the flags, shows what happens, and turns Ctrl-C into
// an aborted signal. A ClusterError is printed as one sentence and ends the process with 1.

import { Command, InvalidArgumentError, Option } from 'commander';
import { clockProfiles } from './clock-profile.ts';
import { kubeconfigPath } from './cluster-config.ts';
import { loadCluster } from './cluster-state.ts';
import { down } from './down.ts';
import { hints } from './hints.ts';
import { findKubectl } from './kubectl.ts';
import { copyLogs, type LogsOptions } from './logs.ts';
import { actOnNode, addNode, nodeActions, removeNode } from './nodes.ts';
import { runCommand } from './run-command.ts';
import { formatStatus, readStatus } from './status.ts';
import { showSteps } from './steps.ts';
import { up } from './up.ts';
import { defaultClusterName, type UpOptions } from './up-options.ts';

type Named = { name: string };
const say = (line: string) => console.log(line);
const program = new Command('npx tsx labs/08-full-cluster').description(
  'A real Kubernetes cluster of several nodes, in Docker, made of labs 01 to 07.',
);
const command = (words: string, description: string, parent = program) =>
  parent
    .command(words)
    .description(description)
    .option('--name <name>', 'the cluster', defaultClusterName);

command('up', 'start the cluster; when it runs already, say so')
  .option('--nodes <count>', 'how many nodes', wholeNumber, 3)
  .option(
    '--control-planes <count>',
    'how many control planes: 1, or 3 with a real etcd of three members',
    wholeNumber,
    1,
  )
  .option('--etcd <urls>', "an etcd of yours instead of the cluster's own store", (text) =>
    text.split(','),
  )
  .addOption(
    new Option('--clock <profile>', "how fast a node's failure is noticed")
      .choices(clockProfiles)
      .default('today'),
  )
  .option('--no-demo', 'do not deploy the demo')
  .option('--service-cidr <range>', 'addresses of services', '10.96.0.0/16')
  .option('--pod-cidr <range>', 'addresses of pods, a /24 for each node', '10.244.0.0/16')
  .option(
    '--node-subnet <range>',
    'addresses of nodes (default: 172.30.0.0/24, or the next that is free)',
  )
  .option(
    '--api-port <port>',
    'of the API server on 127.0.0.1 (default: 6443, or the next that is free)',
    wholeNumber,
  )
  .action((options: UpOptions) =>
    runCommand(async (signal) => {
      const result = await up(options, { runSteps: showSteps, say }, signal);
      const { config, outcome } = result;
      say(
        outcome === 'already running'
          ? `The cluster ${config.name} runs already: nothing was changed.`
          : '',
      );
      const demo = outcome === 'created' && options.demo !== false;
      say(hints(result, { kubectl: await findKubectl(), demo }).join('\n'));
    }),
  );
command('down', 'remove the cluster, with everything that it is').action(({ name }: Named) =>
  runCommand(async () => {
    const found = await down(name);
    say(found ? `The cluster ${name} is gone.` : `There is no cluster ${name}: nothing to remove.`);
  }),
);
command('status', 'show components, nodes and pods')
  .option('--json', 'for programs')
  .action(({ name, json }: Named & { json?: true }) =>
    runCommand(async () => {
      const status = await readStatus(name);
      say(json ? JSON.stringify(status, undefined, 2) : formatStatus(status));
    }),
  );
command('kubeconfig', "print the path of the cluster's kubeconfig").action(({ name }: Named) =>
  runCommand(async () => say(kubeconfigPath((await loadCluster(name)).name))),
);
command('logs <component>', 'show what a component said: scheduler, node-1/kubelet')
  .option('-f, --follow', 'go on until Ctrl-C')
  .option('--node <node>', 'for what runs on every node')
  .action((component: string, { name, ...options }: Named & LogsOptions) =>
    runCommand((signal) =>
      copyLogs(name, component, { ...options, output: process.stdout }, signal),
    ),
  );

const node = program
  .command('node')
  .description('kill, restart, pause, unpause, remove or add a node');
for (const action of nodeActions) {
  command(
    `${action} <node>`,
    `${action} a node's machine, and with it its pods' processes`,
    node,
  ).action((machine: string, { name }: Named) =>
    runCommand(async () => {
      await actOnNode(name, machine, action);
      say(`${machine}: ${action} done`);
    }),
  );
}
command(
  'remove <node>',
  'scrap a machine and take its node out of the API; nothing is drained',
  node,
).action((machine: string, { name }: Named) =>
  runCommand(async () => {
    await removeNode(name, machine);
    say(`${machine} is gone`);
  }),
);
command('add [node]', 'start one more node and wait until it is Ready', node).action(
  (machine: string | undefined, { name }: Named) =>
    runCommand(async (signal) => {
      const added = await addNode(name, machine === undefined ? {} : { name: machine }, signal);
      say(`${added.name} is Ready at ${added.address}`);
    }),
);

// Whoever read our output has seen enough: `logs scheduler | head`.
process.stdout.on('error', () => process.exit());
await program.parseAsync(withVerb(process.argv.slice(2)), { from: 'user' });

function wholeNumber(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a whole number.');
}

/** Without a verb it is `up`. */
function withVerb(args: readonly string[]): string[] {
  const [first] = args;
  const hasVerb = first !== undefined && (!first.startsWith('-') || /^(-h|--help)$/.test(first));
  return hasVerb ? [...args] : ['up', ...args];
}
