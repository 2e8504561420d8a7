// match-conditions: the expressions of a webhook's `matchConditions`, compiled.
//
//   object, oldObject   as the webhook would see them, without a schema: their fields are not checked; null where there is none
//   request             the AdmissionRequest without the objects
//
// Each text is compiled once, whoever has it in his configuration.
// Same variables upstream: apiserver, pkg/admission/plugin/cel (compile.go). Left out: `authorizer`, which would have to wait for the
// authorizer's answer; expressions that use it are refused.

import type { Environment } from '@marcbachmann/cel-js';
import { newEnvironment } from './environment.ts';
import { type Compiled, compile } from './program.ts';

const REQUEST = {
  kind: { group: 'string', version: 'string', kind: 'string' },
  resource: { group: 'string', version: 'string', resource: 'string' },
  subResource: 'string',
  requestKind: { group: 'string', version: 'string', kind: 'string' },
  requestResource: { group: 'string', version: 'string', resource: 'string' },
  requestSubResource: 'string',
  name: 'string',
  namespace: 'string',
  operation: 'string',
  userInfo: {
    username: 'string',
    uid: 'string',
    groups: 'list<string>',
    extra: 'map<string, list<string>>',
  },
  dryRun: 'bool',
  options: 'dyn',
};

const COMPILED_MAX = 1000;
const compiled = new Map<string, Compiled>();
let environment: Environment | undefined;

export function compileMatchCondition(expression: string): Compiled {
  const known = compiled.get(expression);
  if (known !== undefined) return known;
  environment ??= newEnvironment()
    .registerVariable('object', 'dyn')
    .registerVariable('oldObject', 'dyn')
    .registerVariable('request', { schema: REQUEST });
  const result = compile(expression, environment);
  if (compiled.size >= COMPILED_MAX) compiled.clear();
  compiled.set(expression, result);
  return result;
}

/** In upstream's words; undefined for a good one. */
export function matchConditionProblem(expression: string): string | undefined {
  const result = compileMatchCondition(expression);
  if (result.kind === 'wrong') {
    const usesAuthorizer = /undeclared reference to 'authorizer/.test(result.message);
    const why = usesAuthorizer ? 'this server does not offer the authorizer to expressions: ' : '';
    return `${why}compilation failed: ${result.message}`;
  }
  return result.program.type === 'bool' ? undefined : 'must evaluate to bool';
}
