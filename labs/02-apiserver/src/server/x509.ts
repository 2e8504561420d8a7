// x509: the library that makes and reads certificates, loaded when the first of them is to be made or read.
//
// A server that was given its certificates never needs it, and it would be 3 MiB of what an idle server holds, and a part of its start.
// By require, as strategies decide at once and cannot wait for an import.

import { createRequire } from 'node:module';
import type * as X509 from '@peculiar/x509';

const require = createRequire(import.meta.url);

export function loadX509(): typeof X509 {
  require('reflect-metadata'); // The library wants it, and first.
  return require('@peculiar/x509');
}
