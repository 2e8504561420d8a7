// API enablement flags: which groups and versions are offered.
//
// Same names upstream: apiserver, server/options/api_enablement.go.

import { parseRuntimeConfig } from '../registry/runtime-config.ts';
import type { FlagGroup } from './flag-group.ts';
import { listOf } from './values.ts';

export const apiEnablementFlags: FlagGroup = {
  title: 'API enablement flags:',
  add(command) {
    command.option(
      '--runtime-config <list>',
      'groups and versions to switch on or off: extensions/v1beta1=true (the API of Kubernetes 1.1), api/all=false',
    );
  },
  options(flags) {
    const pairs = listOf(flags, '--runtime-config');
    return pairs === undefined ? {} : { runtimeConfig: parseRuntimeConfig(pairs) };
  },
};
