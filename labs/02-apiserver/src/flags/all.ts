// all: every group of flags, in the order of --help; the command made of them, and the options that they make.
//
// Same idea upstream: cmd/kube-apiserver/app/options (Flags).

import { Command } from 'commander';
import type { ApiServerOptions } from '../server/api-server-options.ts';
import { admissionFlags } from './admission.ts';
import { aggregatorFlags } from './aggregator.ts';
import { apiEnablementFlags } from './api-enablement.ts';
import { auditFlags } from './audit.ts';
import { authenticationFlags } from './authentication.ts';
import { authorizationFlags } from './authorization.ts';
import { encryptionFlags } from './encryption.ts';
import { etcdFlags } from './etcd.ts';
import { fairnessFlags } from './fairness.ts';
import type { FlagGroup, Flags } from './flag-group.ts';
import { serviceFlags } from './services.ts';
import { servingFlags } from './serving.ts';

export const FLAG_GROUPS: readonly FlagGroup[] = [
  etcdFlags,
  encryptionFlags,
  servingFlags,
  apiEnablementFlags,
  authenticationFlags,
  authorizationFlags,
  admissionFlags,
  auditFlags,
  fairnessFlags,
  serviceFlags,
  aggregatorFlags,
];

/** Those that may make files come last: a flag that cannot be read leaves nothing behind. */
const MAKERS: readonly FlagGroup[] = [servingFlags, authenticationFlags];
const IN_TURN = [...FLAG_GROUPS.filter((group) => !MAKERS.includes(group)), ...MAKERS];

export function apiServerCommand(): Command {
  const command = new Command('kube-apiserver')
    .description('The Kubernetes API over a versioned key-value store.')
    .allowExcessArguments(false);
  for (const group of FLAG_GROUPS) {
    command.optionsGroup(group.title);
    group.add(command);
  }
  return command
    .optionsGroup('Other flags:')
    .option('-v, --v <level>', 'log verbosity: 2 what happens, 4 every request', '2')
    .helpOption('-h, --help', 'show this help');
}

/** Reads the files that flags name. Groups run one after the other: the first that needs it makes the authority. */
export async function optionsOf(flags: Flags): Promise<Omit<ApiServerOptions, 'store'>> {
  let options: Partial<ApiServerOptions> = {};
  for (const group of IN_TURN) options = { ...options, ...(await group.options(flags)) };
  const { tls } = options;
  if (tls === undefined) throw new Error('Cannot serve without a certificate');
  return { ...options, tls };
}
