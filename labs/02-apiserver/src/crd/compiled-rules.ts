// compiled-rules: the rules of a schema (`x-kubernetes-validations`), compiled, as a tree of the parts that have any.
//
// A schema without rules has no tree, so its objects cost nothing. In a tree the values of a part of the schema are judged by its rules as
// `self`; `oldSelf` is the value that was there before. All parts share one set of types, and parts of one type one environment.
//
// Same idea upstream: apiextensions-apiserver, pkg/apiserver/schema/cel (compilation.go, and NewValidator in validation.go).
// Left out: rules inside of allOf, which structural-rules.ts does not let in.

import type { Environment } from '@marcbachmann/cel-js';
import { newEnvironment } from '../cel/environment.ts';
import { compile, type Program } from '../cel/program.ts';
import { SchemaTypes, type ValueType } from '../cel/schema-types.ts';
import { itemsOf, type JsonSchema, type ValidationRule, valuesOf } from './json-schema.ts';
import { parseFieldPath } from './rule-field-path.ts';

export interface CompiledRule {
  readonly source: ValidationRule;
  /** Absent when the rule is empty or wrong. */
  readonly program?: Program;
  readonly error?: string;
  readonly usesOldSelf: boolean;
  readonly message?: Program;
  readonly messageError?: string;
  /** '' when the complaint is about `self`. */
  readonly fieldPath: string;
}

export interface RuleNode {
  readonly schema: JsonSchema;
  /** Undefined: expressions cannot see such values, so their rules are no rules. */
  readonly type: ValueType | undefined;
  readonly rules: readonly CompiledRule[];
  readonly items?: RuleNode;
  readonly values?: RuleNode;
  readonly properties: ReadonlyMap<string, RuleNode>;
}

/** Of a whole resource. Undefined when there are no rules anywhere. What is wrong with a rule is in its `error`: nothing is thrown. */
export function compileRules(schema: JsonSchema): RuleNode | undefined {
  if (!hasRules(schema)) return undefined;
  const words = new Set(textsOf(schema).flatMap((text) => text.match(/\w+/g) ?? []));
  const types = new SchemaTypes(newEnvironment(), words);
  // An environment that others are made of takes no more types: all are made first.
  declareTypes(schema, types, true);
  const environments = new Map<string, Environment>();
  return nodeOf(
    schema,
    (part, rule) => {
      const type = types.typeOf(part);
      if (type === undefined) return { source: rule, usesOldSelf: false, fieldPath: '' };
      const oldType = rule.optionalOldSelf === true ? `optional<${type.name}>` : type.name;
      let environment = environments.get(`${type.name} ${oldType}`);
      environment ??= types.environment
        .clone()
        .registerVariable('self', type.name)
        .registerVariable('oldSelf', oldType);
      environments.set(`${type.name} ${oldType}`, environment);
      return compileRule(rule, environment, part);
    },
    types,
  );
}

function partsOf(schema: JsonSchema): JsonSchema[] {
  const parts = [itemsOf(schema), valuesOf(schema), ...Object.values(schema.properties ?? {})];
  return parts.filter((part) => part !== undefined);
}

function hasRules(schema: JsonSchema): boolean {
  return rulesOf(schema).length > 0 || partsOf(schema).some(hasRules);
}

function rulesOf(schema: JsonSchema): readonly ValidationRule[] {
  return schema['x-kubernetes-validations'] ?? [];
}

/** Everything that is written in the language of rules, at a part and below. */
function textsOf(schema: JsonSchema): string[] {
  const own = rulesOf(schema).flatMap(({ rule = '', messageExpression = '' }) => [
    rule,
    messageExpression,
  ]);
  return [...own, ...partsOf(schema).flatMap(textsOf)];
}

function declareTypes(schema: JsonSchema, types: SchemaTypes, isRoot?: true): void {
  if (rulesOf(schema).length > 0) types.typeOf(schema, isRoot)?.declare?.();
  for (const part of partsOf(schema)) declareTypes(part, types);
}

type CompileOne = (schema: JsonSchema, rule: ValidationRule) => CompiledRule;

/** The tree; undefined for a part without rules at it or below. */
function nodeOf(schema: JsonSchema, one: CompileOne, types: SchemaTypes): RuleNode | undefined {
  const below = (part: JsonSchema | undefined) => part && nodeOf(part, one, types);
  const sources = rulesOf(schema);
  const items = below(itemsOf(schema));
  const values = below(valuesOf(schema));
  const properties = new Map<string, RuleNode>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const node = below(property);
    if (node !== undefined) properties.set(name, node);
  }
  const isLeaf = items === undefined && values === undefined && properties.size === 0;
  if (sources.length === 0 && isLeaf) return undefined;
  return {
    schema,
    type: sources.length === 0 ? undefined : types.typeOf(schema),
    rules: sources.map((rule) => one(schema, rule)),
    properties,
    ...(items === undefined ? {} : { items }),
    ...(values === undefined ? {} : { values }),
  };
}

/** The rule, its message and its field path; what is wrong with the latter two does not keep the rule from being one. */
function compileRule(
  rule: ValidationRule,
  environment: Environment,
  schema: JsonSchema,
): CompiledRule {
  const place = rule.fieldPath ? parseFieldPath(rule.fieldPath, schema) : undefined;
  const fieldPath = place?.kind === 'path' ? place.path : '';
  const nothing = { source: rule, usesOldSelf: false, fieldPath };
  if ((rule.rule ?? '').trim() === '') return nothing;
  const compiled = compile(rule.rule ?? '', environment);
  if (compiled.kind === 'wrong') {
    return { ...nothing, error: `compilation failed: ${compiled.message}` };
  }
  const { program } = compiled;
  if (program.type !== 'bool') {
    return { ...nothing, error: 'cel expression must evaluate to a bool' };
  }
  const usesOldSelf = program.identifiers.has('oldSelf');
  return { ...nothing, program, usesOldSelf, ...compileMessage(rule, environment) };
}

function compileMessage(
  { messageExpression = '' }: ValidationRule,
  environment: Environment,
): Pick<CompiledRule, 'message' | 'messageError'> {
  if (messageExpression.trim() === '') return {};
  const compiled = compile(messageExpression, environment);
  if (compiled.kind === 'wrong') {
    return { messageError: `messageExpression compilation failed: ${compiled.message}` };
  }
  if (compiled.program.type === 'string') return { message: compiled.program };
  return { messageError: 'messageExpression must evaluate to a string' };
}
