// Aggregation flags: what this server shows to the servers behind APIServices.
//
// Same names upstream: kubeapiserver/options and kube-apiserver/app/options (ProxyClientCertFile, ProxyClientKeyFile).
// Left out: --enable-aggregator-routing; requests always go to a service's endpoints, never to its cluster address.

import type { FlagGroup } from './flag-group.ts';
import { checkTogether, defined, fileOf } from './values.ts';

const FILES = ['--proxy-client-cert-file', '--proxy-client-key-file'];

export const aggregatorFlags: FlagGroup = {
  title: 'Aggregation flags:',
  add(command) {
    command
      .option(
        '--proxy-client-cert-file <file>',
        'what proves this server to those behind APIServices; it says in headers who the user is',
      )
      .option('--proxy-client-key-file <file>', 'its key');
  },
  async options(flags) {
    checkTogether(flags, FILES);
    const [cert, key] = await Promise.all(FILES.map((flag) => fileOf(flags, flag)));
    const isGiven = cert !== undefined && key !== undefined;
    return defined({ proxyClient: isGiven ? { cert, key } : undefined });
  },
};
