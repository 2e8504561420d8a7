// Audit flags: which requests are written down, and where.
//
// Same names upstream: apiserver, server/options/audit.go. Left out: webhooks, batching modes, other formats than json.

import { buildAuditor } from '../audit/build-auditor.ts';
import { AuditLogFile } from '../audit/log-file.ts';
import { readAuditPolicy } from '../audit/policy.ts';
import type { FlagGroup } from './flag-group.ts';
import { defined, numberOf, readText, textOf } from './values.ts';

export const auditFlags: FlagGroup = {
  title: 'Audit flags:',
  add(command) {
    command
      .option('--audit-policy-file <file>', 'which requests are written down, and how much of each')
      .option('--audit-log-path <file>', 'where, one JSON object a line; - is the standard output')
      .option('--audit-log-maxsize <megabytes>', 'a longer file is put aside; 0 is 100', '0')
      .option('--audit-log-maxbackup <files>', 'how many files put aside are kept; 0 is all', '0')
      .option('--audit-log-maxage <days>', 'how long files put aside are kept; 0 is for ever', '0');
  },
  async options(flags) {
    const path = textOf(flags, '--audit-log-path');
    const policyFile = textOf(flags, '--audit-policy-file');
    if (path === undefined && policyFile === undefined) return {};
    if (path === undefined) {
      throw new Error('Cannot use --audit-policy-file without --audit-log-path: give both');
    }
    if (policyFile === undefined) {
      throw new Error(
        'Cannot use --audit-log-path without --audit-policy-file: without a policy nothing is written down',
      );
    }
    const policy = readAuditPolicy(await readText(policyFile, '--audit-policy-file'), policyFile);
    const sink = new AuditLogFile({
      path,
      ...defined({
        maxSizeMegabytes: numberOf(flags, '--audit-log-maxsize'),
        maxBackups: numberOf(flags, '--audit-log-maxbackup'),
        maxAgeDays: numberOf(flags, '--audit-log-maxage'),
      }),
      now: () => new Date(),
      warn: (message) => process.stderr.write(`${message}\n`),
    });
    return { audit: buildAuditor({ policy, sink }) };
  },
};
