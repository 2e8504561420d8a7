// declare: how the functions of this folder are made known to an environment.

import type { Environment, RegisteredFunctionHandler } from '@marcbachmann/cel-js';

/** From signatures as the library reads them: `name(type): type`, `type.method(type): type`. */
export type Functions = Readonly<Record<string, RegisteredFunctionHandler>>;

export function declare(environment: Environment, functions: Functions): void {
  for (const [signature, handler] of Object.entries(functions)) {
    environment.registerFunction(signature, handler, { async: false });
  }
}

/** `name.method(…)`: methods of a constant. `functions` are without the name. */
export function declareNamespace(
  environment: Environment,
  name: string,
  functions: Functions,
): void {
  const type = `${name}Namespace`;
  class Namespace {}
  environment.registerType(type, Namespace).registerConstant(name, type, new Namespace());
  for (const [signature, handler] of Object.entries(functions)) {
    declare(environment, {
      [`${type}.${signature}`]: (_: unknown, ...args: unknown[]) => handler(...args),
    });
  }
}

/** For the functions that only ask whether a text could be read. */
export function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}
