// Supervisor's main: the first process of every container of the cluster.
//
// Reads the list of programs that the launcher wrote, runs them until SIGTERM, and keeps their state in
// /run/kube-labs/status.json, where `status` finds it. /var/log/kube-labs leads to the logs, wherever the
// container keeps them so that they outlive it.
//
// It uses nothing but Node: the container must come up even when a lab's code does not load.

import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { parseArgs } from 'node:util';
import { LogFile } from './log-file.ts';
import type { Program } from './programs.ts';
import { type ProgramState, Supervisor } from './supervisor.ts';

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: '/etc/kubernetes/programs.json' },
    'log-dir': { type: 'string', default: '/var/log/kube-labs' },
    'status-file': { type: 'string', default: '/run/kube-labs/status.json' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(
    'Usage: node supervisor-main.ts [--programs FILE] [--log-dir DIR] [--status-file FILE]\n\n' +
      'Runs the programs that FILE lists ([{"name", "command", "health"?}]) until SIGTERM.',
  );
} else {
  main(values.programs, values['log-dir'], values['status-file']);
}

function main(programsFile: string, logDir: string, statusFile: string): void {
  const programs: Program[] = JSON.parse(readFileSync(programsFile, 'utf8'));
  mkdirSync(logDir, { recursive: true });
  linkLogs(logDir);
  mkdirSync(new URL('.', `file://${statusFile}`), { recursive: true });
  const supervisor = new Supervisor(programs, {
    openLog: (program) => new LogFile(`${logDir}/${program}.log`),
    onChange: (states) => writeStatus(statusFile, states),
    say: (line) => console.log(`${new Date().toISOString()} ${line}`),
  });
  const stop = () => {
    supervisor.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  supervisor.start();
}

function linkLogs(logDir: string): void {
  const usual = '/var/log/kube-labs';
  if (logDir !== usual && !existsSync(usual)) symlinkSync(logDir, usual);
}

/** Written beside and renamed, so that a reader never sees half of it. */
function writeStatus(path: string, states: readonly ProgramState[]): void {
  writeFileSync(`${path}.new`, JSON.stringify(states));
  renameSync(`${path}.new`, path);
}
