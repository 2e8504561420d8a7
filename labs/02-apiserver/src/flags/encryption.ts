// Encryption flag: which resources lie encrypted in the store.
//
// Same name upstream: apiserver, server/options/etcd.go.

import { readEncryptionConfig } from '../encryption/config.ts';
import type { FlagGroup } from './flag-group.ts';
import { readText, textOf } from './values.ts';

export const encryptionFlags: FlagGroup = {
  title: 'Encryption flags:',
  add(command) {
    command.option(
      '--encryption-provider-config <file>',
      'which resources lie encrypted in the store, and with which keys (aescbc, aesgcm, secretbox)',
    );
  },
  async options(flags) {
    const file = textOf(flags, '--encryption-provider-config');
    if (file === undefined) return {};
    const text = await readText(file, '--encryption-provider-config');
    const transformerOf = readEncryptionConfig(text, file);
    return { transformerOf: ({ resource, group }) => transformerOf(resource, group) };
  },
};
