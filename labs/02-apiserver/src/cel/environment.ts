// environment: everything that an expression may use in Kubernetes, besides the variables of its place.
//
// The library's own functions, and over them Kubernetes': lists, sets, strings, regular expressions, quantities, URLs, addresses, formats.
//
// Same list upstream: apiserver, pkg/cel/environment/base.go (as of 1.33). Left out: comprehensions with two variables, semver, image,
// optMap and optFlatMap, and the authorizer; bytes that are written out with other than ASCII letters are wrong.

import { Environment } from '@marcbachmann/cel-js';
import type { UnsignedInt } from '@marcbachmann/cel-js/evaluator';
import { registerAddresses } from './addresses.ts';
import { declare } from './declare.ts';
import { registerFormats } from './formats.ts';
import { registerLists } from './lists.ts';
import { registerPatterns } from './patterns.ts';
import { registerQuantity } from './quantity.ts';
import { registerStrings } from './strings.ts';
import { registerTime } from './time.ts';
import { registerUrls } from './urls.ts';

let base: Environment | undefined;

/** A new one, for variables and types to be added. */
export function newEnvironment(): Environment {
  base ??= makeBase();
  return base.clone();
}

function makeBase(): Environment {
  const environment = new Environment({ enableOptionalTypes: true });
  // The one conversion that the library forgot.
  declare(environment, { 'int(uint): int': (value: UnsignedInt) => value.valueOf() });
  registerTime(environment);
  registerStrings(environment);
  registerPatterns(environment);
  registerLists(environment);
  registerQuantity(environment);
  registerUrls(environment);
  registerAddresses(environment);
  registerFormats(environment);
  return environment;
}
