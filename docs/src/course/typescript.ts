// typescript: the compiler's own parser, loaded when it is first needed: it takes a third of a second, and most commands never ask.
//
// It is TypeScript 5.9 under the name `typescript-5`, since version 7, which checks our types, has no programming interface.
import { createRequire } from 'node:module';
import type ts from 'typescript-5';

type TypeScript = typeof ts;

let loaded: TypeScript | undefined;

export function typescript(): TypeScript {
  loaded ??= createRequire(import.meta.url)('typescript-5') as TypeScript;
  return loaded;
}
